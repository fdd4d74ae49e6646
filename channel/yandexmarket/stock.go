package yandexmarket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const (
	// maxCount is the largest figure that the Market takes.
	maxCount = 2_000_000_000
	// maxStockBody keeps a request below the Market's 512 KB; stockRowSize is
	// what a row takes beside its SKU.
	maxStockBody = 500 << 10
	stockRowSize = 120
	// clockSlack is taken off updatedAt: the Market refuses a whole call whose
	// time is in its future, and clocks differ a little.
	clockSlack = 5 * time.Second
	// wayLasts is for how long the account's way of stock is taken as known.
	wayLasts = 10 * time.Minute
)

// stockWay is how the account takes stock. With groups of warehouses a shop is
// addressed, and its whole group follows; without, a warehouse.
type stockWay struct {
	grouped             bool
	campaign, warehouse int64
}

// knownWay remembers the way for a while: the list of warehouses may be asked
// for a hundred times an hour only.
type knownWay struct {
	mu    sync.Mutex
	way   stockWay
	known bool
	until time.Time
}

func (k *knownWay) get(now time.Time) (way stockWay, known, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.way, k.known, k.known && now.Before(k.until)
}

func (k *knownWay) set(way stockWay, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.way, k.known, k.until = way, true, until
}

// PushStock sets figures with one call. Neither of the Market's calls answers by
// row: it takes all of them or refuses all of them.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if len(figures) == 0 {
		return nil, nil
	}
	way, err := a.stockWay(ctx)
	if err != nil {
		return nil, err
	}
	results, send := checkFigures(figures)
	if len(send) == 0 {
		return results, nil
	}
	at := a.now().Add(-clockSlack).In(moscow).Format(time.RFC3339)
	if way.grouped {
		rows := make([]shopRow, len(send))
		for i, f := range send {
			rows[i] = shopRow{SKU: f.Listing.Key, Items: []shopQty{{Count: f.Quantity, UpdatedAt: at}}}
		}
		err = a.putStocks(ctx, way.campaign, rows)
	} else {
		rows := make([]warehouseRow, len(send))
		for i, f := range send {
			rows[i] = warehouseRow{SKU: f.Listing.Key, Warehouse: way.warehouse, Count: f.Quantity, UpdatedAt: at}
		}
		err = a.updateStocks(ctx, rows)
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// checkFigures sorts out what one call can carry: one bad row would make the
// Market refuse all. Results are accepted for those that are to be sent.
func checkFigures(figures []channel.StockFigure) (results []channel.StockResult, send []channel.StockFigure) {
	results = make([]channel.StockResult, len(figures))
	seen := map[string]bool{}
	size := 0
	for i, f := range figures {
		if err := checkFigure(f); err != nil {
			results[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: refusal("set stock", err)}
			continue
		}
		key := strings.TrimSpace(f.Listing.Key)
		quoted, _ := json.Marshal(key)
		if size+len(quoted)+stockRowSize > maxStockBody || len(send) >= maxStockRows || seen[key] {
			results[i].Outcome = channel.OutcomeUnsent
			continue
		}
		size += len(quoted) + stockRowSize
		seen[key] = true
		results[i].Outcome = channel.OutcomeAccepted
		send = append(send, f)
	}
	return results, send
}

// checkFigure checks the figure and the SKU as the document's ShopSku says.
func checkFigure(f channel.StockFigure) error {
	key := f.Listing.Key
	switch {
	case strings.TrimSpace(key) == "":
		return errors.New("the listing has no offerId")
	case !utf8.ValidString(key) || utf8.RuneCountInString(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }):
		return fmt.Errorf("%s is no offerId: want at most 255 characters without control characters", quote(key))
	case f.Quantity < 0 || f.Quantity > maxCount:
		return fmt.Errorf("%d units of %s; allowed: 0 to %d", f.Quantity, quote(key), maxCount)
	}
	return nil
}

// ReadStock reads what can be ordered. Archived offers are read too.
func (a *adapter) ReadStock(ctx context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	var keys []string
	asked := map[string]bool{}
	for _, l := range listings {
		if l.Key != "" && !asked[l.Key] {
			asked[l.Key] = true
			keys = append(keys, l.Key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	way, err := a.stockWay(ctx)
	if err != nil {
		return nil, err
	}
	offers, err := a.offerStocks(ctx, way, keys)
	if err != nil {
		return nil, err
	}
	var out []channel.StockShown
	for _, o := range offers {
		if n, ok := available(o); ok && asked[string(o.OfferID)] {
			out = append(out, channel.StockShown{Key: string(o.OfferID), Quantity: n})
			asked[string(o.OfferID)] = false
		}
	}
	return out, nil
}

// offerStocks reads the rows of the way's warehouse. The v2 call may also show
// the Market's own warehouse of returns.
func (a *adapter) offerStocks(ctx context.Context, way stockWay, keys []string) ([]offerStock, error) {
	if !way.grouped {
		answer, err := a.readStocksV3(ctx, way.warehouse, keys)
		if id, _ := answer.Result.Warehouse.integer(); err == nil && id != way.warehouse {
			err = answerError("POST /v3/offers/stocks", orderhub.ClassRetry, fmt.Sprintf("the answer is about warehouse %d, not %d", id, way.warehouse))
		}
		return answer.Result.Offers, err
	}
	answer, err := a.readStocksV2(ctx, way.campaign, keys)
	if err != nil {
		return nil, err
	}
	var out []offerStock
	for _, w := range answer.Result.Warehouses {
		if id, _ := w.ID.integer(); id == way.warehouse {
			out = append(out, w.Offers...)
		}
	}
	return out, nil
}

// available is the figure that PushStock sets. The document calls count "the
// quantity of the available goods", already without the orders of all channels,
// and AVAILABLE what can be ordered; FIT holds the reserve of orders (FREEZE)
// as well. So it is AVAILABLE where that is given, else FIT less FREEZE. An
// offer that is named without either has nothing that could be ordered; a
// figure that cannot be read tells nothing.
func available(o offerStock) (int64, bool) {
	var fit, freeze int64
	for _, s := range o.Stocks {
		n, ok := s.Count.integer()
		if !ok {
			return 0, false
		}
		switch s.Type {
		case "AVAILABLE":
			return max(0, n), true
		case "FIT":
			fit = n
		case "FREEZE":
			freeze = n
		}
	}
	return max(0, fit-freeze), true
}

// stockWay tells how to set and read stock. When it cannot be looked up for a
// passing reason, what was known before still serves.
func (a *adapter) stockWay(ctx context.Context) (stockWay, error) {
	if a.stockShop == 0 && a.warehouse == 0 {
		return stockWay{}, refusal("stock", fmt.Errorf("the account's settings do not say whose stock the hub publishes; fill in %s or %s", settingStockShop, settingWarehouse))
	}
	way, known, fresh := a.ways.get(a.now())
	if fresh {
		return way, nil
	}
	list, err := a.allWarehouses(ctx)
	if err != nil {
		if class := orderhub.ClassOf(err); known && (class == orderhub.ClassRetry || class == orderhub.ClassRateLimited) {
			return way, nil
		}
		return stockWay{}, fmt.Errorf("list warehouses: %w", err)
	}
	if way, err = chooseWay(list, a.stockShop, a.warehouse); err != nil {
		return stockWay{}, refusal("stock", err)
	}
	a.ways.set(way, a.now().Add(wayLasts))
	return way, nil
}

func (a *adapter) allWarehouses(ctx context.Context) ([]warehouse, error) {
	var out []warehouse
	token := ""
	for range 20 { // 600 warehouses; more would be a paging that does not end
		page, err := a.listWarehouses(ctx, token)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Result.Warehouses...)
		if token = page.Result.Paging.NextPageToken; token == "" {
			return out, nil
		}
	}
	return nil, answerError("POST /warehouses", orderhub.ClassRetry, "the list of warehouses does not end")
}

// chooseWay finds the warehouse of the settings (0 = not set). One group makes
// the whole account one with groups: the document says so of both calls.
func chooseWay(list []warehouse, campaign, id int64) (stockWay, error) {
	var mine []stockWay
	var all []string
	grouped, listed := false, false
	for _, w := range list {
		grouped = grouped || w.GroupInfo != nil
		way := stockWay{}
		way.warehouse, _ = w.ID.integer()
		way.campaign, _ = w.CampaignID.integer()
		all = append(all, fmt.Sprintf("%d (shop %d)", way.warehouse, way.campaign))
		listed = listed || way.warehouse == id
		if (id == 0 || way.warehouse == id) && (campaign == 0 || way.campaign == campaign) {
			mine = append(mine, way)
		}
	}
	switch {
	case len(mine) == 0 && !grouped && id != 0 && !listed:
		// The list is meant for accounts with groups; without, it need not be whole.
		return stockWay{campaign: campaign, warehouse: id}, nil
	case len(mine) == 0:
		return stockWay{}, fmt.Errorf("no warehouse of the account fits the settings (%s); it has: %s", named(campaign, id), clip(strings.Join(all, ", ")))
	case len(mine) > 1 && id == 0:
		return stockWay{}, fmt.Errorf("shop %d has several warehouses; fill in %s: %s", campaign, settingWarehouse, clip(strings.Join(all, ", ")))
	}
	way := mine[0]
	way.grouped = grouped
	return way, nil
}

// named spells the settings that are filled in.
func named(campaign, id int64) string {
	var out []string
	if campaign != 0 {
		out = append(out, fmt.Sprintf("%s %d", settingStockShop, campaign))
	}
	if id != 0 {
		out = append(out, fmt.Sprintf("%s %d", settingWarehouse, id))
	}
	return strings.Join(out, ", ")
}
