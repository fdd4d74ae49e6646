package yandexmarket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub/channel"
)

// boxParam is one article in a box as Params["boxes"] gives it:
// [[{"id":810001,"count":2,"cis":["…","…"]}],[…]], a list of boxes.
type boxParam struct {
	ID    json.Number `json:"id"`
	Count int64       `json:"count"`
	CIS   []string    `json:"cis,omitempty"`
}

// readBoxes reads the layout and checks it against the order. Leaving units out
// would be a wish to delete them, which the hub never sends.
func readBoxes(p channel.Push) ([]box, error) {
	raw := p.Params[paramBoxes]
	if raw == "" {
		return nil, nil
	}
	var in [][]boxParam
	if err := json.Unmarshal([]byte(raw), &in); err != nil {
		return nil, errors.New(`boxes: want JSON like [[{"id":810001,"count":2,"cis":["…"]}]]`)
	}
	left := map[string]int64{}
	for _, line := range p.Order.Snapshot.Lines {
		left[line.ID] += line.Quantity
	}
	var out []box
	for i, list := range in {
		if len(list) == 0 {
			return nil, fmt.Errorf("boxes: box %d is empty", i+1)
		}
		var b box
		for _, part := range list {
			item, err := readBoxItem(part)
			if err != nil {
				return nil, fmt.Errorf("boxes: box %d: %w", i+1, err)
			}
			left[part.ID.String()] -= item.FullCount
			b.Items = append(b.Items, item)
		}
		out = append(out, b)
	}
	for _, line := range p.Order.Snapshot.Lines {
		if left[line.ID] != 0 {
			return nil, fmt.Errorf("boxes: line %s has %d units and %d are in the boxes", line.ID, line.Quantity, line.Quantity-left[line.ID])
		}
		delete(left, line.ID)
	}
	for id := range left {
		return nil, fmt.Errorf("boxes: the order has no line %s", quote(id))
	}
	return out, nil
}

func readBoxItem(part boxParam) (boxItem, error) {
	id, err := part.ID.Int64()
	switch {
	case err != nil:
		return boxItem{}, errors.New("the id of a line is missing")
	case part.Count <= 0:
		return boxItem{}, fmt.Errorf("line %d: count must be at least 1", id)
	case len(part.CIS) > 0 && int64(len(part.CIS)) != part.Count:
		return boxItem{}, fmt.Errorf("line %d: %d marking codes for %d units", id, len(part.CIS), part.Count)
	}
	item := boxItem{ID: id, FullCount: part.Count}
	for _, code := range part.CIS {
		if strings.TrimSpace(code) == "" {
			return boxItem{}, fmt.Errorf("line %d: a marking code is empty", id)
		}
		item.Instances = append(item.Instances, boxInstance{CIS: code})
	}
	return item, nil
}

func hasCodes(boxes []box) bool {
	for _, b := range boxes {
		for _, item := range b.Items {
			if len(item.Instances) > 0 {
				return true
			}
		}
	}
	return false
}

// hasBoxes reports whether the Market holds this very layout. Sending it again
// would start the check of the marking codes anew.
func (a *adapter) hasBoxes(ctx context.Context, t task) bool {
	items, err := a.ReadOrders(ctx, []channel.Ref{{ExternalID: strconv.FormatInt(t.order, 10)}})
	if err != nil || len(items) == 0 {
		return false
	}
	var o struct {
		Delivery struct {
			BoxesLayout []box `json:"boxesLayout"`
		} `json:"delivery"`
	}
	return json.Unmarshal(items[0].Body, &o) == nil && reflect.DeepEqual(o.Delivery.BoxesLayout, t.boxes)
}
