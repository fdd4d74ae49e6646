package yandexsim

import (
	"fmt"
	"strings"
	"time"
)

// box is one box of the layout that the seller sent.
type box struct {
	id    int64
	items []boxItem
}

// boxItem is OrderBoxLayoutItemDTO.
type boxItem struct {
	ID        int64      `json:"id"`
	Full      *int64     `json:"fullCount,omitempty"`
	Part      *part      `json:"partialCount,omitempty"`
	Instances []instance `json:"instances,omitempty"`
}

type part struct {
	Current int64 `json:"current"`
	Total   int64 `json:"total"`
}

// instance is one unit's code: exactly one of CIS, UIN or RNPT/GTD.
type instance struct {
	CIS     string `json:"cis,omitempty"`
	UIN     string `json:"uin,omitempty"`
	RNPT    string `json:"rnpt,omitempty"`
	GTD     string `json:"gtd,omitempty"`
	Country string `json:"countryCode,omitempty"`
	// broken: the check of this code fails on the Market's side.
	broken bool
}

func (in *instance) kinds() (n int) {
	for _, v := range []string{in.CIS, in.UIN, in.RNPT + in.GTD} {
		if v != "" {
			n++
		}
	}
	return n
}

type boxDTO struct {
	BoxID   int64     `json:"boxId"`
	Barcode string    `json:"barcode,omitempty"`
	Items   []boxItem `json:"items"`
}

func (s *state) boxDTOs(orderID int64) (out []boxDTO) {
	for i, b := range s.layout {
		out = append(out, boxDTO{b.id, fmt.Sprintf("%d-%d", orderID, i+1), b.items})
	}
	return out
}

// putBoxes: PUT /v2/campaigns/{campaignId}/orders/{orderId}/boxes. Each call
// replaces the layout, until READY_TO_SHIP.
func (m *Market) putBoxes(c *call) (any, *apiError) {
	var body struct {
		Boxes []struct {
			Items []boxItem `json:"items"`
		} `json:"boxes"`
		AllowRemove bool `json:"allowRemove"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if len(body.Boxes) == 0 {
		return nil, refuse("boxes must not be empty (rejected value: [])")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, s, fail := c.order(now)
	if fail != nil {
		return nil, fail.saying("Failed to find order with id %s", c.r.PathValue("orderId"))
	}
	if fail := boxesAllowed(o, &s); fail != nil {
		return nil, fail
	}
	var layout []box
	for _, b := range body.Boxes {
		layout = append(layout, box{items: b.Items})
	}
	counts, violations := countLayout(s.lines, layout)
	if violations == nil {
		violations = checkRemoval(&s, counts, body.AllowRemove)
	}
	if violations != nil {
		return nil, refuse("Invalid order boxes layout request. Violations: %s", strings.Join(violations, "; "))
	}
	m.layOut(o, s, layout, counts, now)
	result := o.history.Now()
	dtos := result.boxDTOs(o.id)
	for i := range dtos {
		dtos[i].Barcode = "" // only the order list tells it
	}
	return okResult(map[string]any{"boxes": dtos}), nil
}

func boxesAllowed(o *order, s *state) *apiError {
	switch {
	case o.shop.program == programFBY:
		return refuse("Campaign type is not allowed. Allowed campaign types: [FBS, DBS]")
	case s.status == stProcess && s.sub == subStarted:
		return nil
	case s.status == stProcess:
		return refuse("Attempt to change order items or instances after READY_TO_SHIP")
	}
	return refuse("Action is not allowed for order %d with status %s and substatus %s", o.id, s.status, s.sub)
}

// layOut records the layout and takes out the units that it leaves out.
func (m *Market) layOut(o *order, s state, layout []box, counts map[int64]int64, now time.Time) {
	for i := range layout {
		m.boxes++
		layout[i].id = m.boxes
		for j := range layout[i].items {
			for k := range layout[i].items[j].Instances {
				layout[i].items[j].Instances[k].broken = m.inject.RowFails("cis")
			}
		}
	}
	removed := false
	s.withLines(func(l *line) {
		removed = removed || counts[l.id] != l.count
		l.count = counts[l.id]
	})
	s.layout, s.layoutAt = layout, now
	m.set(o, s, now)
	o.did(now, "", "boxes")
	if removed {
		o.did(now, "", "remove_items")
		m.notifyUpdated(o, "UNKNOWN")
	}
}

// countLayout sums the units per line and finds what is wrong with the boxes.
func countLayout(lines []line, layout []box) (counts map[int64]int64, violations []string) {
	counts, known := map[int64]int64{}, map[int64]bool{}
	parts := map[int64]map[part]int64{}
	for _, l := range lines {
		known[l.id] = true
	}
	bad := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for i, b := range layout {
		if len(b.items) == 0 {
			bad("box %d is empty", i+1)
		}
		seen := map[int64]bool{}
		for _, it := range b.items {
			switch {
			case !known[it.ID]:
				bad("item %d is not in the order", it.ID)
			case seen[it.ID]:
				bad("item %d is listed twice in box %d", it.ID, i+1)
			case (it.Full == nil) == (it.Part == nil):
				bad("item %d needs either fullCount or partialCount", it.ID)
			case it.Part != nil && len(b.items) > 1:
				bad("box %d mixes whole items and parts", i+1)
			case it.Part != nil && (it.Part.Total < 2 || it.Part.Current < 1 || it.Part.Current > it.Part.Total):
				bad("item %d has an impossible part", it.ID)
			case it.Full != nil && *it.Full < 1:
				bad("item %d has a fullCount below 1", it.ID)
			case it.Part != nil:
				if parts[it.ID] == nil {
					parts[it.ID] = map[part]int64{}
				}
				parts[it.ID][*it.Part]++
			default:
				counts[it.ID] += *it.Full
			}
			seen[it.ID] = true
			violations = append(violations, checkInstances(&it)...)
		}
	}
	for id, have := range parts {
		n, ok := wholeUnits(have)
		if !ok {
			bad("item %d has parts missing", id)
		}
		counts[id] += n
	}
	return counts, violations
}

func checkInstances(it *boxItem) (out []string) {
	want := int64(1)
	if it.Full != nil {
		want = *it.Full
	}
	if n := int64(len(it.Instances)); n > 0 && n != want {
		out = append(out, fmt.Sprintf("item %d has %d codes for %d units", it.ID, n, want))
	}
	for _, in := range it.Instances {
		if in.kinds() != 1 {
			out = append(out, fmt.Sprintf("item %d needs exactly one code per unit", it.ID))
		}
	}
	return out
}

// wholeUnits: every part of a unit must be there equally often.
func wholeUnits(have map[part]int64) (units int64, ok bool) {
	totals := map[int64]bool{}
	for p := range have {
		totals[p.Total] = true
	}
	for total := range totals {
		n := have[part{1, total}]
		for i := int64(1); i <= total; i++ {
			if have[part{i, total}] != n {
				return units, false
			}
		}
		units += n
	}
	return units, true
}

// checkRemoval: units may go only when asked for, and never the only item or
// one that is worth 99 % of the order; units never come.
func checkRemoval(s *state, counts map[int64]int64, allow bool) (violations []string) {
	left, before := 0, 0
	for _, l := range s.lines {
		if l.count > 0 {
			before++
		}
		if counts[l.id] > 0 {
			left++
		}
	}
	for _, l := range s.lines {
		n := counts[l.id]
		switch {
		case n > l.count:
			violations = append(violations, fmt.Sprintf("item %d has %d units, the order has %d", l.id, n, l.count))
		case n == l.count:
		case !allow:
			violations = append(violations, fmt.Sprintf("item %d misses units and allowRemove is not set", l.id))
		case before == 1 || left == 0:
			violations = append(violations, fmt.Sprintf("item %d is the only one of the order", l.id))
		case l.price*l.count*100 >= s.goods()*99:
			violations = append(violations, fmt.Sprintf("item %d makes 99%% of the order", l.id))
		}
	}
	return violations
}

// checkTime is how long the check of a marking code takes.
func (m *Market) checkTime() time.Duration {
	if m.opts.Fast {
		return 20 * time.Millisecond
	}
	return 3 * time.Second
}

type cisDTO struct {
	Value     string `json:"value"`
	Status    string `json:"status"`
	Substatus string `json:"substatus,omitempty"`
}

// check tells how the check of a code stands at a moment.
func (in *instance) check(sent, now time.Time, takes time.Duration) cisDTO {
	d := cisDTO{Value: in.CIS, Status: "OK"}
	switch {
	case now.Sub(sent) < takes:
		d.Status = "IN_PROGRESS"
	case in.broken:
		d.Status = "FAILED"
	case !strings.Contains(in.CIS, "\x1d"):
		d.Status, d.Substatus = "INVALID", "INVALID_CRYPTO_TAIL"
	}
	return d
}

// codesGood: every unit of every marked line has a code that passed the check.
func (s *state) codesGood(now time.Time, takes time.Duration) bool {
	good := map[int64]int64{}
	for _, b := range s.layout {
		for _, it := range b.items {
			// A unit in parts carries its code in every box: the first one counts.
			if it.Part != nil && it.Part.Current != 1 {
				continue
			}
			for _, in := range it.Instances {
				if in.CIS != "" && in.check(s.layoutAt, now, takes).Status == "OK" {
					good[it.ID]++
				}
			}
		}
	}
	for _, l := range s.lines {
		if l.marked && good[l.id] < l.count {
			return false
		}
	}
	return true
}

// identifierStatus: POST .../identifiers/status. Codes of DBS orders are not
// checked.
func (m *Market) identifierStatus(c *call) (any, *apiError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asOf := m.inject.ReplicaTime(m.tick(), "identifiers")
	o, s, fail := c.order(asOf)
	if fail != nil {
		return nil, fail
	}
	codes := map[int64][]cisDTO{}
	for _, b := range s.layout {
		for _, it := range b.items {
			for _, in := range it.Instances {
				if in.CIS == "" {
					continue
				}
				d := in.check(s.layoutAt, asOf, m.checkTime())
				if o.shop.program == programDBS {
					d = cisDTO{Value: in.CIS, Status: "NOT_ON_VALIDATION"}
				}
				codes[it.ID] = append(codes[it.ID], d)
			}
		}
	}
	items := []any{}
	for _, l := range s.lines {
		item := map[string]any{"id": l.id}
		if len(codes[l.id]) > 0 {
			item["cis"] = codes[l.id]
		}
		items = append(items, item)
	}
	return okResult(map[string]any{"items": items}), nil
}
