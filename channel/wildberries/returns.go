package wildberries

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The kinds of items about returns.
const (
	kindClaim = channel.ReturnKind + "_claim" // element of GET /api/v1/claims
	kindGoods = channel.ReturnKind + "_goods" // element of GET /api/analytics/v1/item-returns
)

const (
	// goodsWindow is how many days one call of the report covers (31 at most), and
	// goodsWindows how many calls look back. The document does not say by which day
	// a return is selected, so each sweep goes as far back as goods may travel.
	goodsWindow  = 31
	goodsWindows = 3
	// placeKept is how long a place in a list that is counted by offset can be
	// trusted: later the list has moved too far, and the sweep starts over.
	placeKept = 30 * time.Minute
)

// place is the cursor of a feed that is made of lists with offsets. Every sweep
// reads all of them: neither list tells what changed.
type place struct {
	// Part counts the lists that are read.
	Part   int `json:"part,omitempty"`
	Offset int `json:"offset,omitempty"`
	// Began and Read are when the sweep began and when the last page was read, in
	// Unix seconds.
	Began int64 `json:"began,omitempty"`
	Read  int64 `json:"read,omitempty"`
}

// place reads a cursor; one that is old or cannot be read starts over.
func (a *adapter) place(c channel.Cursor) place {
	now := a.now()
	p := place{}
	if json.Unmarshal(c, &p) != nil || p.Offset < 0 || p.Part < 0 || now.Sub(time.Unix(p.Read, 0)) > placeKept {
		return place{Began: now.Unix()}
	}
	return p
}

// turn makes the page that was read at p and the cursor behind it. got elements
// came of total, 0 = not told.
func (a *adapter) turn(p place, parts int, items []channel.Item, got, total, limit int) (channel.Page, error) {
	switch {
	case got == 0, total > 0 && p.Offset+got >= total, total <= 0 && got < limit:
		p.Part, p.Offset = p.Part+1, 0
	default:
		// What leaves the list meanwhile moves the rest up: pages overlap.
		p.Offset += got - got/10
	}
	page := channel.Page{Items: items, Done: p.Part >= parts}
	if page.Done {
		return page, nil
	}
	p.Read = a.now().Unix()
	var err error
	page.Next, err = json.Marshal(p)
	return page, err
}

// needs refuses a call that the token does not allow, without making it. A token
// that cannot be read is tried.
func (a *adapter) needs(op string, bit uint, category string) error {
	if a.token.Mask == 0 || a.token.has(bit) {
		return nil
	}
	return orderhub.NewBorderError(orderhub.ClassAuth, op,
		"the token lacks the category "+category+": make a new one, or switch returns off in the account's settings", nil)
}

// returnWarnings says which returns the token does not let the hub see.
func (a *adapter) returnWarnings() []string {
	if !a.returns {
		return nil
	}
	var out []string
	if a.needs("", bitReturns, categoryReturns) != nil {
		out = append(out, "the token lacks the category Returns: claims of buyers can be neither read nor answered; make a new token, or set returns to off")
	}
	if a.needs("", bitAnalytics, categoryAnalytics) != nil {
		out = append(out, "the token lacks the category Analytics: goods that come back are not seen, and they are destroyed when nobody fetches them; make a new token, or set returns to off")
	}
	return out
}

// listClaims reads the claims that are decided, then those that wait: when a
// buyer has made several about one order, the newest comes last.
func (a *adapter) listClaims(ctx context.Context, cursor channel.Cursor) (channel.Page, error) {
	if !a.returns {
		return channel.Page{Done: true}, nil
	}
	if err := a.needs("wildberries: list claims", bitReturns, categoryReturns); err != nil {
		return channel.Page{}, err
	}
	p := a.place(cursor)
	answer, err := a.c.claims(ctx, p.Part == 0, "", p.Offset)
	if err != nil {
		return channel.Page{}, err
	}
	return a.turn(p, 2, claimItems(answer.Claims), len(answer.Claims), answer.Total, a.c.claimPage)
}

// claimItems makes one item per order of the claims: the newest counts.
func claimItems(raws []json.RawMessage) []channel.Item {
	out := make([]channel.Item, 0, len(raws))
	type seen struct {
		at    int
		since time.Time
	}
	newest := map[string]seen{}
	for _, raw := range raws {
		var w wireClaim
		_, err := decode(raw, &w) // what is no claim has no key and goes to quarantine
		it := channel.Item{Kind: kindClaim, Body: raw}
		if err != nil || w.SRID == "" {
			out = append(out, it)
			continue
		}
		it.ExternalID = w.SRID
		since, _ := moscowTime(w.Dt)
		if old, twice := newest[w.SRID]; twice {
			if !since.Before(old.since) {
				out[old.at], newest[w.SRID] = it, seen{old.at, since}
			}
			continue
		}
		newest[w.SRID] = seen{len(out), since}
		out = append(out, it)
	}
	return out
}

// goodsStatuses are the two lists of the report, in the order of reading: goods
// that are fetched meanwhile are seen twice, not never.
var goodsStatuses = []string{"active", "archive"}

// listGoods reads the report on goods that come back, oldest days first.
func (a *adapter) listGoods(ctx context.Context, cursor channel.Cursor) (channel.Page, error) {
	if !a.returns {
		return channel.Page{Done: true}, nil
	}
	if err := a.needs("wildberries: list returned goods", bitAnalytics, categoryAnalytics); err != nil {
		return channel.Page{}, err
	}
	p := a.place(cursor)
	parts := len(goodsStatuses) * goodsWindows
	if p.Part >= parts {
		p = place{Began: a.now().Unix()}
	}
	to := time.Unix(p.Began, 0).In(moscow).AddDate(0, 0, -goodsWindow*(goodsWindows-1-p.Part%goodsWindows))
	from := to.AddDate(0, 0, 1-goodsWindow)
	answer, err := a.c.itemReturns(ctx, goodsStatuses[p.Part/goodsWindows], from, to, p.Offset)
	if err != nil {
		return channel.Page{}, err
	}
	return a.turn(p, parts, goodsItems(answer.Report), len(answer.Report), answer.Count, a.c.page)
}

func goodsItems(raws []json.RawMessage) []channel.Item {
	out := make([]channel.Item, 0, len(raws))
	for _, raw := range raws {
		var w wireGoods
		it := channel.Item{Kind: kindGoods, Body: raw}
		if _, err := decode(raw, &w); err == nil {
			it.ExternalID = w.SRID
		}
		out = append(out, it)
	}
	return out
}
