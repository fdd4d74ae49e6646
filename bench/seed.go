package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// seedAccount is an account of the big ledger and its share of the orders.
type seedAccount struct {
	id      string
	channel orderhub.Channel
	scheme  orderhub.Scheme
	share   int // of 100
}

var seedAccounts = []seedAccount{
	{"ozon-main", "ozon", orderhub.SchemeFBS, 35},
	{"ozon-second", "ozon", orderhub.SchemeRFBS, 10},
	{"wildberries", "wildberries", orderhub.SchemeFBS, 30},
	{"market", "yandex_market", orderhub.SchemeFBS, 15},
	{"shop", "site", orderhub.SchemeSite, 10},
}

// seedDays is how far back the orders of the big ledger reach.
const seedDays = 90

// seedBatch is how many orders one transaction of the seed takes.
const seedBatch = 20_000

// seedWith is what else the big ledger gets: cards of buyers, and statements that are
// run before the indexes are built.
type seedWith struct {
	cards      bool
	statements []string
}

// seed fills the ledger and returns some of its orders, from which questions are
// made. It is not measured: indexes are built afterwards and commits are not
// durable meanwhile.
func (b *run) seed(ctx context.Context, db *database, n int, with seedWith) (sample []*orderhub.Order, err error) {
	for _, a := range seedAccounts {
		if _, err := db.CreateAccount(ctx, orderhub.Account{ID: a.id, Channel: a.channel, Name: a.id}); err != nil {
			return nil, err
		}
	}
	indexes, err := db.dropIndexes(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.hurry(ctx, true); err != nil {
		return nil, err
	}
	m := newMaker(3, b.at.AddDate(0, 0, -seedDays))
	every := max(1, n/3000)
	for from := 0; from < n; from += seedBatch {
		changes := make([]store.Change, 0, seedBatch)
		for i := from; i < min(n, from+seedBatch); i++ {
			o := m.order(i, n)
			changes = append(changes, store.Change{Order: o, Content: true})
			if i%every == 0 {
				sample = append(sample, o)
			}
		}
		err := db.InTx(ctx, func(tx *store.Tx) error {
			if with.cards {
				if err := giveCards(ctx, tx, changes); err != nil {
					return err
				}
			}
			return tx.InsertOrders(ctx, changes)
		})
		if err != nil {
			return nil, err
		}
	}
	if err := db.execAll(ctx, with.statements); err != nil {
		return nil, err
	}
	if err := db.hurry(ctx, false); err != nil {
		return nil, err
	}
	for _, i := range indexes {
		if err := db.exec(ctx, i.create); err != nil {
			return nil, err
		}
	}
	return sample, db.settle(ctx)
}

// giveCards makes a card for every fourth order with a buyer, and gives it to the
// three that follow as well.
func giveCards(ctx context.Context, tx *store.Tx, changes []store.Change) error {
	var cards []*orderhub.Card
	var named []*orderhub.Order
	for _, c := range changes {
		buyer := c.Order.Snapshot.Customer
		if buyer.Name == "" {
			continue
		}
		if len(named)%4 == 0 {
			cards = append(cards, &orderhub.Card{Shown: buyer.Name, Keys: buyerKeys(buyer)})
		}
		named = append(named, c.Order)
	}
	if err := tx.NumberCards(ctx, cards); err != nil {
		return err
	}
	for i, o := range named {
		o.CardID = cards[i/4].ID
	}
	return tx.InsertCards(ctx, cards)
}

func buyerKeys(c orderhub.Customer) []orderhub.Key {
	return orderhub.Person{Phone: c.Phone, Email: c.Email, Names: strings.Fields(strings.ToLower(c.Name))}.Keys()
}

// hurry and settle: what is done before and after rows are poured in. Words come
// in no order, so their key is built last, too; SQLite has it in the table itself.
var (
	hurrySQLite = []string{
		"PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000", "PRAGMA wal_autocheckpoint = 20000", "PRAGMA temp_store = FILE",
		"ALTER TABLE terms RENAME TO terms_sorted", "CREATE TABLE terms (term TEXT NOT NULL, order_id INTEGER NOT NULL)",
	}
	hurriedSQLite = []string{
		"INSERT INTO terms_sorted SELECT term, order_id FROM terms ORDER BY term, order_id",
		"DROP TABLE terms", "ALTER TABLE terms_sorted RENAME TO terms",
	}
	settleSQLite = []string{
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -16000", "PRAGMA wal_autocheckpoint = 2000",
		"PRAGMA temp_store = MEMORY",
	}
	hurryPostgres   = []string{"ALTER TABLE terms DROP CONSTRAINT terms_pkey"}
	hurriedPostgres = []string{"ALTER TABLE terms ADD PRIMARY KEY (term, order_id)"}
	hurrySettings   = []string{"synchronous_commit = off", "maintenance_work_mem = '256MB'"}
	settlePostgres  = []string{"VACUUM ANALYZE"} // what autovacuum does within minutes
)

// hurry prepares for pouring rows in; with on false it ends the pouring.
func (db *database) hurry(ctx context.Context, on bool) error {
	if db.PgPool() == nil {
		if on {
			return db.execAll(ctx, hurrySQLite)
		}
		return db.execAll(ctx, hurriedSQLite)
	}
	if !on {
		return db.execAll(ctx, hurriedPostgres)
	}
	if err := db.forNewSessions(ctx, true); err != nil {
		return err
	}
	return db.execAll(ctx, hurryPostgres)
}

// settle makes the database as one that grew by itself.
func (db *database) settle(ctx context.Context) error {
	if db.PgPool() == nil {
		return db.execAll(ctx, settleSQLite)
	}
	if err := db.forNewSessions(ctx, false); err != nil {
		return err
	}
	return db.execAll(ctx, settlePostgres)
}

// forNewSessions sets or resets hurrySettings and starts the sessions anew.
func (db *database) forNewSessions(ctx context.Context, set bool) error {
	var name string
	if err := db.PgPool().QueryRow(ctx, "SELECT current_database()").Scan(&name); err != nil {
		return err
	}
	for _, s := range hurrySettings {
		change := " RESET " + strings.Fields(s)[0]
		if set {
			change = " SET " + s
		}
		if err := db.exec(ctx, "ALTER DATABASE "+name+change); err != nil {
			return err
		}
	}
	db.PgPool().Reset()
	return nil
}

func (db *database) execAll(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if err := db.exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// order invents order i of n, oldest first.
func (m *maker) order(i, n int) *orderhub.Order {
	a := m.pickAccount()
	span := seedDays * 24 * time.Hour
	placed := m.start.Add(time.Duration(float64(span) * float64(i) / float64(n)))
	// Orders arrive up to some hours after they were placed.
	placed = placed.Add(-time.Duration(m.rnd.IntN(4*3600)) * time.Second)
	o := &orderhub.Order{AccountID: a.id, Channel: a.channel, RawID: int64(i + 1), ReadAt: placed.Add(time.Minute)}
	age := 1 - float64(i)/float64(n) // 1 = oldest
	o.Headline = m.status(age)
	s := &o.Snapshot
	s.Scheme, s.Status, s.Native, s.PlacedAt, s.ShipBy = a.scheme, o.Headline, string(o.Headline), placed, placed.Add(48*time.Hour)
	m.identity(s, a, i)
	if a.channel == "site" || a.scheme == orderhub.SchemeRFBS || m.rnd.IntN(4) == 0 {
		s.Customer.Name, s.Customer.Phone, s.Customer.Email = m.person()
	}
	s.Shipping = orderhub.Shipping{Method: "Курьер", City: cities[m.rnd.IntN(len(cities))]}
	if !o.Headline.IsEnd() && m.rnd.IntN(40) == 0 {
		holds := []orderhub.Hold{orderhub.HoldManual, orderhub.HoldUnmapped, orderhub.HoldConflict}
		o.HubHolds = []orderhub.Hold{holds[m.rnd.IntN(len(holds))]}
	} else if m.rnd.IntN(1000) == 0 {
		s.Holds = []orderhub.Hold{orderhub.HoldArbitration}
	}
	m.lines(s, a)
	return o
}

func (m *maker) pickAccount() seedAccount {
	at := m.rnd.IntN(100)
	for _, a := range seedAccounts {
		if at -= a.share; at < 0 {
			return a
		}
	}
	return seedAccounts[0]
}

// status: old orders are finished, the last days' are under way.
func (m *maker) status(age float64) orderhub.Status {
	at := m.rnd.Float64()
	switch {
	case at < 0.0002:
		return orderhub.StatusUnknown
	case at < 0.002 && age < 0.1:
		return orderhub.StatusPending
	case at < 0.08:
		return orderhub.StatusCancelled
	case at < 0.10 && age > 0.1:
		return orderhub.StatusReturned
	}
	under := []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusReadyForPickup}
	// A day is about 0.011 of 90: two days to each step.
	if step := int(age / 0.022 * (0.5 + m.rnd.Float64())); step < len(under) {
		return under[step]
	}
	return orderhub.StatusDelivered
}

func (m *maker) identity(s *orderhub.Snapshot, a seedAccount, i int) {
	switch a.channel {
	case "ozon":
		s.GroupKey = fmt.Sprintf("%08d-%04d", 10_000_000+m.rnd.IntN(80_000_000), m.rnd.IntN(10_000))
		s.ExternalID = fmt.Sprintf("%s-%d", s.GroupKey, i)
		s.ExternalNumber = s.ExternalID
	case "wildberries":
		s.ExternalID = fmt.Sprint(3_000_000_000 + i)
		s.ExternalNumber = s.ExternalID
		s.GroupKey = fmt.Sprintf("%08x%08x", m.rnd.Uint32(), m.rnd.Uint32())
	case "yandex_market":
		s.ExternalID = fmt.Sprint(500_000_000 + i)
		s.ExternalNumber = s.ExternalID
	default:
		s.ExternalID = fmt.Sprint("S-", 1_000_000+i)
		s.ExternalNumber = fmt.Sprint("A-", 1_000_000+i)
	}
	s.Shipping.Tracking = ""
}

// lines adds one to three lines, two on average.
func (m *maker) lines(s *orderhub.Snapshot, a seedAccount) {
	var picked []int
	for range 1 + m.rnd.IntN(3) {
		art := m.article()
		if slices.Contains(picked, art) {
			continue
		}
		picked = append(picked, art)
		price := orderhub.Roubles(int64(100 + art%3000))
		s.Lines = append(s.Lines, orderhub.Line{
			SKU: skuOf(art), ListingKey: fmt.Sprintf("%d%d", len(a.id), 150_000_000+art), Name: goods[art%len(goods)], Quantity: 1,
			UnitPrice: price, Total: price, Barcodes: []string{fmt.Sprintf("46%011d", art)},
		})
		s.Total, _ = s.Total.Add(price)
	}
}
