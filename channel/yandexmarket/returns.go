package yandexmarket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// feedReturns tells of returns and refused deliveries, shop by shop: there is no
// list for the whole account.
const feedReturns = "returns"

// kindReturn is one ReturnDTO in a returnEnvelope.
const kindReturn = channel.ReturnKind + "_v2"

const (
	// returnDepth is how far back the first sweep of a shop goes.
	returnDepth = 90 * 24 * time.Hour
	// returnOverlap is a day and not an hour, because the list selects by whole
	// days and does not tell in which zone they begin.
	returnOverlap = 24 * time.Hour
)

// returnsPosition is the cursor of the returns.
type returnsPosition struct {
	Business int64 `json:"business"`
	// Read tells for each shop up to when its changes have been read. A shop that
	// cannot be read for a while goes on where it stopped.
	Read map[int64]time.Time `json:"read,omitempty"`
	// Until ends the sweep, Shops are those that it has still to read; both are
	// fixed at its first page. Token is the page within the first shop.
	Until time.Time     `json:"until,omitzero"`
	Shops []returnsShop `json:"shops,omitempty"`
	Token string        `json:"token,omitempty"`
}

type returnsShop struct {
	ID        int64  `json:"id"`
	Placement string `json:"placement,omitempty"`
}

// sweepReturns reads the next page of the returns that changed. Pages without a
// return are passed over within one call, so that a quiet sweep is one page.
func (a *adapter) sweepReturns(ctx context.Context, cursor channel.Cursor) (channel.Page, error) {
	var pos returnsPosition
	if len(cursor) == 0 || json.Unmarshal(cursor, &pos) != nil || pos.Business != a.business {
		pos = returnsPosition{Business: a.business}
	}
	if pos.Read == nil {
		pos.Read = map[int64]time.Time{}
	}
	if pos.Until.IsZero() {
		shops, err := a.returnShops(ctx)
		if err != nil {
			return channel.Page{}, fmt.Errorf("list the shops: %w", err)
		}
		pos.Shops, pos.Token = shops, ""
		pos.Until = a.now().UTC().Truncate(time.Second).Add(time.Minute)
	}
	var items []channel.Item
	for tries := 1; len(pos.Shops) > 0 && len(items) == 0 && tries <= a.maxNothing; tries++ {
		var err error
		if items, err = a.nextReturns(ctx, &pos); err != nil {
			return channel.Page{}, fmt.Errorf("list returns of shop %d: %w", pos.Shops[0].ID, err)
		}
	}
	done := len(pos.Shops) == 0
	if done {
		pos.Until = time.Time{}
	}
	next, err := json.Marshal(pos)
	return channel.Page{Items: items, Next: next, Done: done}, err
}

// returnShops lists the shops of the account (of the settings) that answer. The
// list of returns is refused for those that are switched off.
func (a *adapter) returnShops(ctx context.Context) ([]returnsShop, error) {
	list, err := a.allCampaigns(ctx)
	if err != nil {
		return nil, err
	}
	var out []returnsShop
	for _, c := range list {
		id, ok := c.ID.integer()
		business, known := c.Business.ID.integer()
		switch {
		case !ok, known && business != a.business, unavailable[string(c.APIAvailability)] != "":
		case len(a.campaigns) == 0 || slices.Contains(a.campaigns, id):
			out = append(out, returnsShop{ID: id, Placement: string(c.PlacementType)})
		}
	}
	return out, nil
}

// nextReturns reads one page of the first shop that is still to be read and
// moves the position behind it. The document limits no range of days; ranges of
// 30 as for orders are taken all the same.
func (a *adapter) nextReturns(ctx context.Context, pos *returnsPosition) ([]channel.Item, error) {
	shop := pos.Shops[0]
	from, ok := pos.Read[shop.ID]
	if !ok {
		from = pos.Until.Add(-returnDepth)
	}
	from = minTime(from, pos.Until) // the clock was set back
	end := minTime(from.Add(maxRange), pos.Until)
	// A day more at the end, too: whether it is included is not told.
	first, last := day(from.Add(-returnOverlap)), day(end).AddDate(0, 0, 1)
	page, err := a.listReturns(ctx, shop.ID, first, last, pos.Token)
	if pos.Token != "" && agedToken(err) {
		pos.Token = ""
		page, err = a.listReturns(ctx, shop.ID, first, last, "")
	}
	if err != nil {
		return nil, err
	}
	token := page.Result.Paging.NextPageToken
	if token != "" && token == pos.Token {
		return nil, answerError("GET /returns", orderhub.ClassRetry, "the page token repeats itself")
	}
	items, err := a.returnItems(ctx, shop, page.Result.Returns)
	if err != nil {
		return nil, err
	}
	if pos.Token = token; token == "" {
		pos.Read[shop.ID] = end
		if !end.Before(pos.Until) {
			pos.Shops = pos.Shops[1:]
		}
	}
	return items, nil
}

// agedToken reports whether the Market no longer takes a page token.
func agedToken(err error) bool {
	var be *orderhub.BorderError
	return errors.As(err, &be) && be.Class == orderhub.ClassRejected && strings.Contains(strings.ToLower(be.Sentence), "page token")
}

// returnItems wraps raw returns. Those that wait for the seller come with the
// decisions that they take. Where the Market does not tell these, the return is
// news all the same and the next sweep asks again: one odd return must not hold
// the others up.
func (a *adapter) returnItems(ctx context.Context, shop returnsShop, raw []json.RawMessage) ([]channel.Item, error) {
	var out []channel.Item
	ask := true
	for _, body := range raw {
		var key returnKey
		_ = json.Unmarshal(body, &key) // a return without a key is quarantined by the core
		env := returnEnvelope{CampaignID: shop.ID, PlacementType: shop.Placement, Return: body}
		id, ok := key.ID.integer()
		if ok && ask && awaits(key.RefundStatus) {
			var err error
			env.AvailableDecisions, err = a.availableDecisions(ctx, shop.ID, id)
			switch class := orderhub.ClassOf(err); {
			case err == nil || class == orderhub.ClassRejected:
			case class == orderhub.ClassRetry && ctx.Err() == nil:
				ask = false // the Market is not well; the rest would wait for nothing
			default:
				return nil, fmt.Errorf("decisions about return %d: %w", id, err)
			}
		}
		item, err := env.item()
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// item writes the envelope down.
func (e returnEnvelope) item() (channel.Item, error) {
	var key returnKey
	_ = json.Unmarshal(e.Return, &key)
	id, _ := key.ID.id()
	body, err := json.Marshal(e)
	return channel.Item{Kind: kindReturn, ExternalID: id, Body: body}, err
}

// awaits reports whether a refund status asks the seller for a decision.
func awaits(refundStatus scalar) bool {
	return refundStatus == "WAITING_FOR_DECISION" || refundStatus == "PREMODERATION_DECISION_WAITING"
}
