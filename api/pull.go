package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// StockPage is one page of figures.
type StockPage struct {
	Stock []StockRow `json:"stock"`
	After string     `json:"after,omitempty" doc:"Continues the list; absent at its end."`
	Since string     `json:"since,omitempty" doc:"On the first page: ask with it for what changed after this answer, when the whole list is read."`
}

// StockRow is the figures of a product.
type StockRow struct {
	SKU       string      `json:"sku"`
	Name      string      `json:"name,omitempty" doc:"What the product is called."`
	Available int64       `json:"available" doc:"What can still be promised; of a kit, as many as its components make."`
	OnHand    int64       `json:"on_hand" doc:"0 of a kit: it has no stock of its own."`
	Reserved  int64       `json:"reserved"`
	Listings  []PulledRow `json:"listings,omitempty" doc:"With an account: its listings of the product."`
}

// PulledRow is what a listing is to show.
type PulledRow struct {
	Listing int64      `json:"listing"`
	Key     string     `json:"key" doc:"The channel's key of the offer."`
	Figure  *int64     `json:"figure,omitempty" doc:"Units that may be offered, by the policies; absent = not worked out yet, or the hub does not write it (off)."`
	At      *time.Time `json:"at,omitempty" doc:"Orders the figures of a listing: a later one counts."`
}

// pullQuery is the query of the list of figures.
type pullQuery struct {
	Account string `query:"account" doc:"Adds what the listings of this account are to show. With since: those that changed are listed."`
	After   string `query:"after" maxLength:"100" doc:"Only SKUs behind: the \"after\" of the previous page."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	Text    string `query:"q" maxLength:"200" doc:"Only products whose SKU or barcode begins so, or with this in the name."`
	Since   string `query:"since" maxLength:"60" doc:"Only what changed after the answer that gave this; products may come again unchanged. Give the same account with it. The number of a move does as well, without an account."`
	Wait    int    `query:"wait" minimum:"0" maximum:"30" default:"0" doc:"With since: wait so many seconds for a change before answering that there is none."`
}

// lookEvery is how often a waiting request looks for changes.
const lookEvery = 300 * time.Millisecond

func (a *API) pull(h huma.API) {
	o := op("list-stock", http.MethodGet, "/stock", "Stock", "List the figures of all products by SKU, or of those that changed, for a shop that reads them")
	o.Description = "Read the whole list page by page, then ask with the \"since\" of its first page for what changed, again and again; with \"wait\" the answer comes as soon as there is something. Figures are absolute. Changes of policies and links are not all told this way: read the whole list now and then. Archived products are left out."
	huma.Register(h, o, func(ctx context.Context, in *pullQuery) (*body[StockPage], error) {
		page, err := a.pulled(ctx, in)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(page), nil
	})
}

func (a *API) pulled(ctx context.Context, in *pullQuery) (StockPage, error) {
	page := StockPage{Stock: []StockRow{}}
	if err := a.knownAccounts(ctx, in.Account); err != nil {
		return page, err
	}
	if in.Wait > 0 && in.Since == "" {
		return page, orderhub.InvalidField("wait", "belongs to since; without it the whole list is given at once")
	}
	f := store.ProductFilter{After: in.After, Limit: in.Limit, Text: in.Text}
	if in.Since == "" {
		// Before the figures are read: what changes meanwhile is told twice.
		mark, err := a.store.StockMark(ctx, in.Account)
		if err != nil {
			return page, err
		}
		page.Since = markText(mark, in.Account)
	} else {
		since, err := parseMark(in.Since, in.Account)
		if err != nil {
			return page, err
		}
		mark, err := a.await(ctx, in.Account, since, time.Duration(in.Wait)*time.Second)
		if err != nil {
			return page, err
		}
		page.Since, f.SKUs = markText(mark, in.Account), []string{}
		if mark != since {
			if f.SKUs, err = a.store.ChangedStock(ctx, in.Account, since, in.After, in.Limit); err != nil {
				return page, err
			}
		}
		if n := len(f.SKUs); n == in.Limit {
			page.After = f.SKUs[n-1]
		}
	}
	if in.After != "" {
		page.Since = "" // of the first page: what changed since then may lie behind us
	}
	list, err := a.pulledProducts(ctx, f)
	if err != nil {
		return page, err
	}
	if in.Since == "" && len(list) == in.Limit {
		page.After = list[len(list)-1].SKU
	}
	page.Stock, err = a.stockRows(ctx, list, in.Account)
	return page, err
}

func (a *API) pulledProducts(ctx context.Context, f store.ProductFilter) ([]orderhub.Product, error) {
	if f.SKUs != nil && len(f.SKUs) == 0 {
		return nil, nil
	}
	return a.store.ListProducts(ctx, f)
}

// await looks until the figures have moved on or the time is over.
func (a *API) await(ctx context.Context, account string, since store.Mark, wait time.Duration) (store.Mark, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := time.After(wait)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		mark, err := a.store.StockMark(ctx, account)
		if err != nil || mark != since || wait == 0 {
			return mark, err
		}
		select {
		case <-over:
			return mark, nil
		case <-ctx.Done():
			return mark, ctx.Err()
		case <-look.C:
		}
	}
}

// stockRows gathers the figures of products.
func (a *API) stockRows(ctx context.Context, products []orderhub.Product, account string) ([]StockRow, error) {
	var skus, own []string
	for _, p := range products {
		own, skus = append(own, p.SKU), append(skus, p.SKU)
		for _, c := range p.Components {
			skus = append(skus, c.SKU)
		}
	}
	out := make([]StockRow, 0, len(products))
	if len(own) == 0 {
		return out, nil
	}
	figures, err := a.store.StockOf(ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return nil, err
	}
	shown := map[string][]PulledRow{}
	if account != "" {
		if shown, err = a.pulledRows(ctx, account, own); err != nil {
			return nil, err
		}
	}
	for _, p := range products {
		s := figures[p.SKU]
		row := StockRow{SKU: p.SKU, Name: p.Name, Available: pipeline.Available(p, figures), Listings: shown[p.SKU]}
		if len(p.Components) == 0 {
			row.OnHand, row.Reserved = s.OnHand, s.Reserved
		}
		out = append(out, row)
	}
	return out, nil
}

// pulledRows are an account's listings of products, by SKU.
func (a *API) pulledRows(ctx context.Context, account string, skus []string) (map[string][]PulledRow, error) {
	listings, err := a.store.ListListings(ctx, store.ListingFilter{Accounts: []string{account}, SKUs: skus, Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(listings))
	for i, l := range listings {
		ids[i] = l.ID
	}
	published, err := a.store.PublicationsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	rules, err := a.store.AccountsStock(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string][]PulledRow{}
	for _, l := range listings {
		row := PulledRow{Listing: l.ID, Key: l.Key}
		mode := l.Publish.Mode
		if mode == orderhub.PublishDefault {
			mode = rules[account].Publish.Mode
		}
		if p := published[l.ID]; p != nil && mode != orderhub.PublishOff {
			row.Figure, row.At = figureOrNil(p.Wanted), timeOrNil(p.WantedAt)
		}
		out[l.SKU] = append(out[l.SKU], row)
	}
	return out, nil
}

// markText writes a mark; those of an account's listings begin with f.
func markText(m store.Mark, account string) string {
	s := fmt.Sprintf("%d.%d", m.Last, m.Seen)
	if account != "" {
		return "f" + s
	}
	return s
}

func parseMark(s, account string) (store.Mark, error) {
	wrong := orderhub.InvalidField("since", "%q is none that an earlier answer gave for the same account", clip(s))
	plain, ofAccount := strings.CutPrefix(s, "f")
	last, seen, found := strings.Cut(plain, ".")
	if ofAccount != (account != "") || (ofAccount && !found) {
		return store.Mark{}, wrong
	}
	if !found {
		seen = "0" // just the number of a move
	}
	var m store.Mark
	var err, errSeen error
	m.Last, err = strconv.ParseInt(last, 10, 64)
	m.Seen, errSeen = strconv.ParseInt(seen, 10, 64)
	if err != nil || errSeen != nil || m.Last < 0 || m.Seen < 0 {
		return store.Mark{}, wrong
	}
	return m, nil
}
