package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
)

// panelGoal is the highest p95 in milliseconds from a person's step in the panel to
// fresh rows.
const panelGoal = 150

// PanelReport is how fast the hub answers what the panel asks, over HTTP.
type PanelReport struct {
	Orders      int          `json:"orders"`
	SeedSeconds float64      `json:"seed_s"`
	Kinds       []ListResult `json:"kinds"`
}

// panelKind makes questions of one kind: what stands behind /api/v1.
type panelKind struct {
	name string
	path func(q *questions) string
	// read asks the store the same, to see its plans; nil = not looked at.
	read func(ctx context.Context, s *store.Store, q *questions) error
}

func readOrders(f store.OrderFilter) func(ctx context.Context, s *store.Store, q *questions) error {
	return func(ctx context.Context, s *store.Store, _ *questions) error {
		_, _, err := s.ListOrders(ctx, f)
		return err
	}
}

func readOverview(days int) func(ctx context.Context, s *store.Store, q *questions) error {
	return func(ctx context.Context, s *store.Store, q *questions) error {
		if _, err := s.OverviewHours(ctx, q.now.AddDate(0, 0, -days), q.now); err != nil {
			return err
		}
		_, err := s.OverviewWaiting(ctx)
		return err
	}
}

func readReturns(f store.ReturnFilter) func(ctx context.Context, s *store.Store, q *questions) error {
	return func(ctx context.Context, s *store.Store, _ *questions) error {
		f.Limit = 51
		_, err := s.ListReturns(ctx, f)
		return err
	}
}

func readCards(ctx context.Context, s *store.Store, _ *questions) error {
	_, _, err := s.ListCards(ctx, store.CardFilter{})
	return err
}

func orders(make func(q *questions) url.Values) func(q *questions) string {
	return func(q *questions) string { return "/orders?" + make(q).Encode() }
}

func find(make func(q *questions) string) func(q *questions) string {
	return orders(func(q *questions) url.Values { return url.Values{"q": {make(q)}} })
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// panelKinds are the questions behind the pages of the panel.
var panelKinds = []panelKind{
	{name: "orders: newest page", path: orders(func(*questions) url.Values { return nil })},
	{name: "orders: page 50 by cursor", path: orders(func(q *questions) url.Values {
		q.n++
		return url.Values{"cursor": {q.cursors[q.n%len(q.cursors)]}}
	})},
	{name: "orders: status", path: orders(func(q *questions) url.Values { return url.Values{"status": {string(q.status())}} })},
	{name: "orders: open statuses of a channel", path: orders(func(q *questions) url.Values {
		return url.Values{"channel": {"ozon"}, "status": {"new", "confirmed", "packed"}}
	})},
	{name: "orders: days", path: orders(func(q *questions) url.Values {
		from, to := q.span()
		return url.Values{"placed_from": {stamp(from)}, "placed_to": {stamp(to)}}
	})},
	{name: "orders: held", path: orders(func(*questions) url.Values { return url.Values{"hold": {"any"}} }), read: readOrders(store.OrderFilter{Held: true})},
	{name: "orders: waiting for an answer", path: orders(func(q *questions) url.Values { return url.Values{"answer_before": {stamp(q.now)}} })},
	{name: "orders: tag", path: orders(func(*questions) url.Values { return url.Values{"tag": {"gift"}} }), read: readOrders(store.OrderFilter{Tag: "gift"})},
	{name: "orders: tag and status", path: orders(func(q *questions) url.Values { return url.Values{"tag": {"gift"}, "status": {string(q.status())}} })},
	{name: "orders: assignee", path: orders(func(*questions) url.Values { return url.Values{"assignee": {"vera"}} }), read: readOrders(store.OrderFilter{Assignee: "vera"})},
	{name: "orders: assignee and status", path: orders(func(q *questions) url.Values { return url.Values{"assignee": {"vera"}, "status": {string(q.status())}} })},
	{name: "search: order number", path: find(func(q *questions) string { return q.any().Number() })},
	{name: "search: phone", path: find(func(q *questions) string { return q.named().Snapshot.Customer.Phone })},
	{name: "search: common SKU", path: find((*questions).commonSKU)},
	{name: "search: any SKU", path: find(func(q *questions) string { return q.any().Snapshot.Lines[0].SKU })},
	{name: "search: barcode", path: find(func(q *questions) string { return q.any().Snapshot.Lines[0].Barcodes[0] })},
	{name: "search: beginning of a name", path: find(func(q *questions) string { return firstRunes(q.surname(), 3+q.rnd.IntN(4)) })},
	{name: "order card", path: func(q *questions) string { return fmt.Sprintf("/orders/%d", q.any().ID) }},
	{name: "today: 24 hours", path: func(*questions) string { return "/overview" }, read: readOverview(1)},
	{name: "today: 8 days", path: func(q *questions) string {
		return "/overview?" + url.Values{"from": {stamp(q.now.AddDate(0, 0, -8))}, "to": {stamp(q.now)}}.Encode()
	}, read: readOverview(8)},
	{name: "tags", path: func(*questions) string { return "/tags" }},
	{name: "customers: newest page", path: func(*questions) string { return "/customers" }, read: readCards},
	{name: "customers: phone", path: func(q *questions) string {
		return "/customers?" + url.Values{"q": {q.carded().Snapshot.Customer.Phone}}.Encode()
	}},
	{name: "customers: name", path: func(q *questions) string {
		return "/customers?" + url.Values{"q": {firstRunes(q.surname(), 4)}}.Encode()
	}},
	{name: "customer", path: func(q *questions) string { return fmt.Sprintf("/customers/%d", q.carded().CardID) }},
	{name: "returns: newest page", path: func(*questions) string { return "/returns" }, read: readReturns(store.ReturnFilter{})},
	{name: "returns: to decide", path: func(*questions) string { return "/returns?state=received" }, read: readReturns(store.ReturnFilter{State: orderhub.ReturnReceived})},
	{name: "returns: open", path: func(*questions) string { return "/returns?open=true" }, read: readReturns(store.ReturnFilter{Open: true})},
	{name: "returns: due", path: func(q *questions) string { return "/returns?" + url.Values{"due_before": {stamp(q.now)}}.Encode() }},
	{name: "refused effects", path: func(*questions) string { return "/effects?state=rejected" }},
	{name: "accounts", path: func(*questions) string { return "/accounts" }},
	{name: "stock", path: func(*questions) string { return "/stock" }},
}

func (q *questions) carded() *orderhub.Order {
	return q.some(func(o *orderhub.Order) bool { return o.CardID != 0 && o.Snapshot.Customer.Name != "" })
}

// panelSQL gives a poured ledger marks, returns and refused effects.
var panelSQL = []string{
	"UPDATE orders SET assignee = 'vera' WHERE id % 50 = 0",
	"UPDATE orders SET tags = 'gift' WHERE id % 40 = 0",
	"INSERT INTO order_tags (order_id, tag, placed_at) SELECT id, 'gift', placed_at FROM orders WHERE id % 40 = 0",
	`INSERT INTO returns (account_id, channel, external_id, order_id, order_external, order_ref, kind, state, units, deadline, waits, received_at,
		received_kind, received_by, open_goods, discrepancy, data, version, created_at, updated_at)
		SELECT account_id, channel, 'R' || id, id, external_id, '', 'customer',
			CASE WHEN id % 20 = 0 THEN 'received' WHEN id % 20 = 1 THEN 'on_the_way' ELSE 'closed' END,
			1, CASE WHEN id % 20 = 1 THEN placed_at ELSE 0 END, 0, 0, '', '', 0, '', '{}', 1, placed_at, placed_at
		FROM orders WHERE status IN ('returned', 'cancelled')`,
}

// panel fills a big ledger and asks it as the panel does.
func (b *run) panel(ctx context.Context, engine string) (*PanelReport, error) {
	r := &PanelReport{Orders: b.opts.Orders}
	err := b.withDatabase(ctx, engine, func(db *database) error {
		b.printf("\nfilling a ledger of %d orders, their buyers and returns …\n", r.Orders)
		began := time.Now()
		q := &questions{rnd: rand.New(rand.NewPCG(4, 4)), now: b.at}
		var err error
		if q.sample, err = b.seed(ctx, db, r.Orders, seedWith{cards: true, statements: panelSQL}); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		r.SeedSeconds = time.Since(began).Seconds()
		if q.cursors, err = b.cursors(ctx, db.Store); err != nil {
			return err
		}
		token, err := db.CreateToken(ctx, "bench")
		if err != nil {
			return err
		}
		h, err := panelServer(db.Store)
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = srv.Serve(l) }()
		defer func() { _ = srv.Close() }()
		b.printPanelHead(r)
		for _, kind := range panelKinds {
			res, err := b.askPanel(ctx, db.Store, q, kind, "http://"+l.Addr().String(), token)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			b.printList(res, panelGoal)
			r.Kinds = append(r.Kinds, res)
		}
		b.printListFoot(r.Kinds, panelGoal)
		return nil
	})
	return r, err
}

// panelServer is the hub's own server over a hub that does not work.
func panelServer(s *store.Store) (http.Handler, error) {
	log := slog.New(slog.DiscardHandler)
	hub, err := pipeline.New(pipeline.Options{Store: s, Channels: all.All(), Log: log})
	if err != nil {
		return nil, err
	}
	return server.New(server.Options{Hub: hub, Log: log, Rate: -1, Panel: http.NotFoundHandler()}), nil
}

// askPanel times one kind of question, after a warm-up, and notes which tables the
// database reads whole for it.
func (b *run) askPanel(ctx context.Context, s *store.Store, q *questions, kind panelKind, base, token string) (ListResult, error) {
	r := ListResult{Kind: kind.name}
	warm, times, budget := 10, 100, 6*time.Second
	if b.opts.quick {
		warm, times = 1, 2
	}
	plans, err := s.Explain(ctx, func(s *store.Store) error {
		if kind.read == nil {
			return nil // the list part shows these
		}
		return kind.read(ctx, s, q)
	})
	if err != nil {
		return r, err
	}
	for _, p := range plans {
		r.Plan = append(r.Plan, p.Steps...)
		r.Scans = append(r.Scans, p.Scans...)
	}
	var took []time.Duration
	began := time.Now()
	for i := range warm + times {
		req := panelRequest(ctx, base+"/api/v1"+kind.path(q), token)
		asked := time.Now()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return r, err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return r, err
		}
		if res.StatusCode != http.StatusOK {
			return r, fmt.Errorf("%s: %s: %.200s", kind.name, res.Status, body)
		}
		if i >= warm {
			took = append(took, time.Since(asked))
			r.Rows += float64(strings.Count(string(body), `"external_id":`))
		}
		if len(took) > 0 && time.Since(began) > budget {
			break
		}
		if i < warm && time.Since(began) > budget/4 {
			warm = i
		}
	}
	quantile := quantiles(took)
	r.Queries, r.Rows = len(took), r.Rows/float64(len(took))
	r.P50, r.P95, r.Max = quantile(0.50), quantile(0.95), quantile(1)
	return r, nil
}

func panelRequest(ctx context.Context, address, token string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		panic(err) // the addresses are made here
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.RemoteAddr = "127.0.0.1:1"
	return req
}
