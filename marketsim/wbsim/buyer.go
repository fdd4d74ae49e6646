package wbsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// maxComment is the documented length of the buyer's comment.
const maxComment = 300

// Place implements marketsim.Market. Every unit becomes an assembly order of
// its own; all units of one purchase share orderUid. The stock drops with the
// order, under one lock. Pending and External do not exist on Wildberries and are
// ignored.
func (m *Market) Place(spec marketsim.OrderSpec) ([]string, error) {
	scheme := spec.Scheme
	if scheme == "" {
		scheme = orderhub.SchemeFBS
	}
	if scheme != orderhub.SchemeFBS && scheme != orderhub.SchemeDBS {
		return nil, fmt.Errorf("place order: scheme %q is not simulated, only fbs and dbs", scheme)
	}
	if err := checkLines(spec.Lines); err != nil {
		return nil, fmt.Errorf("place order: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.available(spec.Lines); err != nil {
		return nil, fmt.Errorf("place order: %w", err)
	}
	now := m.now()
	placed := spec.PlacedAt
	if placed.IsZero() {
		placed = now
	}
	m.purchases++
	p := purchase{
		scheme: scheme, uid: fmt.Sprintf("%d_%s", 100_000_000+m.rnd.IntN(100_000_000), m.hex(16)),
		groupID: m.uuid(), placed: placed.UTC().Truncate(time.Second), now: now, comment: clip(spec.Comment, maxComment),
		b2b: scheme == orderhub.SchemeFBS && m.opts.B2BEvery > 0 && m.purchases%m.opts.B2BEvery == 0,
	}
	var ids []string
	for _, line := range spec.Lines {
		for range line.Quantity {
			ids = append(ids, strconv.FormatInt(m.placeUnit(p, line), 10))
		}
	}
	return ids, nil
}

type purchase struct {
	scheme       orderhub.Scheme
	uid, groupID string
	placed, now  time.Time
	comment      string
	b2b          bool
}

func checkLines(lines []marketsim.SpecLine) error {
	if len(lines) == 0 {
		return errors.New("the basket is empty")
	}
	for _, l := range lines {
		switch {
		case l.SKU == "":
			return errors.New("a line has no article")
		case l.Quantity <= 0 || l.Quantity > 1000:
			return fmt.Errorf("article %s: quantity %d is not in 1..1000", l.SKU, l.Quantity)
		case l.PriceMinor < 0:
			return fmt.Errorf("article %s: negative price", l.SKU)
		}
	}
	return nil
}

func (m *Market) placeUnit(p purchase, line marketsim.SpecLine) int64 {
	m.lastOrder += 1 + m.rnd.Int64N(9)
	traits := m.opts.Traits(line.SKU)
	o := &order{
		id: m.lastOrder, rid: m.rid(), uid: p.uid, scheme: p.scheme, article: m.articleOf(line.SKU),
		traits:   supplyTraits{cargoType: max(1, traits.CargoType), warehouse: traits.WarehouseID, b2b: p.b2b},
		required: traits.RequiredMeta, optional: traits.OptionalMeta,
		price: line.PriceMinor, placed: p.placed, comment: p.comment,
	}
	if traits.CrossBorder {
		o.traits.crossBorder = 1
	}
	if o.traits.warehouse == 0 || m.onlyPublished {
		o.traits.warehouse = MainWarehouse
	}
	if p.scheme == orderhub.SchemeDBS {
		o.traits.warehouse, o.traits.crossBorder, o.groupID = DBSWarehouse, 0, p.groupID
		o.code = fmt.Sprintf("%06d", rand.NewPCG(m.opts.Seed, uint64(o.id)).Uint64()%1_000_000)
	}
	o.zero = m.takeStock(o, p.now)
	m.orders[o.id] = o
	o.hist.Set(p.now, state{supplier: supplierNew, wb: wbWaiting})
	m.list(p.scheme).add(o)
	return o.id
}

// rid invents an order id in one of the two styles that occur.
func (m *Market) rid() string {
	if m.rnd.IntN(2) == 0 {
		return m.hex(16)
	}
	return fmt.Sprintf("%d.0.0", 5_000_000_000_000_000_000+m.rnd.Int64N(1_000_000_000_000_000_000))
}

func (m *Market) hex(bytes int) string {
	out := ""
	for range bytes / 8 {
		out += fmt.Sprintf("%016x", m.rnd.Uint64())
	}
	return out
}

func (m *Market) uuid() string {
	h := m.hex(16)
	return fmt.Sprintf("%s-%s-4%s-8%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:32])
}

func clip(s string, runes int) string {
	r := []rune(s)
	return string(r[:min(len(r), runes)])
}

// Act implements marketsim.Market.
func (m *Market) Act(externalID string, act marketsim.BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(externalID)
	if err != nil {
		return err
	}
	st := o.hist.Now()
	refuse := func() error {
		return fmt.Errorf("order %s: the buyer cannot %s in %s/%s", externalID, act, st.supplier, st.wb)
	}
	switch act {
	case marketsim.ActCancel:
		if st.wb != wbWaiting || (st.supplier != supplierNew && st.supplier != supplierConfirm) {
			return refuse()
		}
		// supplierStatus stays: the buyer's cancel shows in wbStatus alone.
		st.wb, st.supply = wbDeclined, ""
	case marketsim.ActRefuse:
		// A DBS buyer refuses at the door and in the app; the seller may still
		// report it with status/reject.
		if st.wb != wbReady && (st.supplier != supplierDeliver || st.wb != wbWaiting) {
			return refuse()
		}
		st.wb = wbRefused
		m.refused(o, m.now())
	case marketsim.ActReturn:
		// A claim is another service's; here the order stays sold.
		if st.wb != wbSold || !m.complain(o, m.now()) {
			return refuse()
		}
		return nil
	case marketsim.ActPay, marketsim.ActRequestCancel:
		return fmt.Errorf("order %s: %s does not exist on Wildberries", externalID, act)
	default:
		return fmt.Errorf("order %s: act %q is not known", externalID, act)
	}
	m.set(o, st, m.now())
	return nil
}

// Progress implements marketsim.Market. An FBS order walks from the sorting
// centre to the point to the buyer; the steps of a DBS order are the seller's.
func (m *Market) Progress(externalID string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, err := m.find(externalID)
	if err != nil {
		return false, err
	}
	st := o.hist.Now()
	if st.supplier != supplierComplete {
		return false, nil
	}
	now := m.now()
	switch st.wb {
	case wbWaiting:
		if s := m.supplies[st.supply]; s != nil {
			s.scan(now)
		}
		st.wb = wbSorted
	case wbSorted:
		st.wb = wbReady
	case wbReady:
		st.wb = wbSold
	case wbSold, wbCanceled, wbRefused, wbDeclined:
		return false, nil
	}
	m.set(o, st, now)
	return true, nil
}

// Truth implements marketsim.Market.
func (m *Market) Truth() []marketsim.TruthOrder {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]marketsim.TruthOrder, 0, len(m.orders))
	for _, list := range [][]*order{m.fbs.all, m.dbs.all} {
		for _, o := range list {
			st := o.hist.Now()
			out = append(out, marketsim.TruthOrder{
				ID: strconv.FormatInt(o.id, 10), Group: o.uid, Native: string(st.supplier), Sub: string(st.wb),
				Headline: st.headline(), Scheme: o.scheme, Units: 1, TotalMinor: o.price, PlacedAt: o.placed,
				Calls: o.calls[:len(o.calls):len(o.calls)],
			})
		}
	}
	return out
}
