package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// Sale is units of a listing that were sold.
type Sale struct {
	ListingID int64
	Units     int64
	PlacedAt  time.Time
}

// Sold takes sold units off what listings may still sell without our knowing. A
// sale that was made before a settled figure was sent is in that figure already.
// Negative units were given back: the channel shows them again.
func (tx *Tx) Sold(ctx context.Context, sales []Sale) error {
	var sold, back [][]any
	slices.SortFunc(sales, func(a, b Sale) int { return int(a.ListingID - b.ListingID) })
	for _, s := range sales {
		if s.Units < 0 {
			back = append(back, []any{-s.Units, -s.Units, -s.Units, s.ListingID})
			continue
		}
		at := micros(s.PlacedAt)
		sold = append(sold, []any{at, s.Units, at, s.Units, s.Units, at, s.Units, s.Units, s.ListingID})
	}
	if err := tx.q.execMany(ctx, `UPDATE publications SET sold = CASE WHEN sent_at <= ? THEN sold + ? ELSE sold END,
		exposure = CASE WHEN settled = 1 AND sent_at > ? THEN exposure WHEN exposure > ? THEN exposure - ? ELSE 0 END,
		confirmed = CASE WHEN confirmed_at > ? THEN confirmed WHEN confirmed > ? THEN confirmed - ? WHEN confirmed > 0 THEN 0 ELSE confirmed END
		WHERE listing_id = ?`, sold); err != nil {
		return fmt.Errorf("count sales of listings: %w", err)
	}
	if err := tx.q.execMany(ctx, `UPDATE publications SET sold = sold - ?, exposure = exposure + ?, dirty = 1, revision = revision + 1,
		confirmed = CASE WHEN confirmed >= 0 THEN confirmed + ? ELSE confirmed END WHERE listing_id = ?`, back); err != nil {
		return fmt.Errorf("count sales of listings: %w", err)
	}
	return nil
}

// MarkDirty notes that the figures of products changed: what their listings, and
// those of kits they are part of, show is to be worked out again.
func (tx *Tx) MarkDirty(ctx context.Context, skus []string) error {
	if len(skus) == 0 {
		return nil
	}
	inSKU, arg := tx.q.in("l.sku", skus)
	inPart, _ := tx.q.in("c.component", skus)
	// The listings first: woven into one, SQLite would read all publications.
	listings := "SELECT l.id FROM listings l WHERE l.sku <> '' AND " + inSKU + `
		UNION ALL SELECT l.id FROM listings l WHERE l.sku <> '' AND ` + tx.q.inQuery("l.sku", "SELECT c.sku FROM product_components c WHERE "+inPart)
	if _, err := tx.q.exec(ctx, `UPDATE publications SET dirty_at = CASE WHEN dirty = 1 THEN dirty_at ELSE CAST(? AS BIGINT) END, dirty = 1,
		revision = revision + 1 WHERE `+tx.q.inQuery("listing_id",
		"SELECT p.listing_id FROM publications p WHERE "+tx.q.inQuery("p.listing_id", listings)+" ORDER BY p.listing_id"+tx.q.lock()),
		micros(tx.s.Now()), arg, arg); err != nil {
		return fmt.Errorf("mark listings: %w", err)
	}
	return nil
}

// ForgetDirty takes back the marks of listings that nothing can be worked out for.
func (tx *Tx) ForgetDirty(ctx context.Context, ids []int64) error {
	cond, arg := tx.q.in("listing_id", ids)
	if _, err := tx.q.exec(ctx, "UPDATE publications SET dirty = 0 WHERE "+cond, arg); err != nil {
		return fmt.Errorf("unmark listings: %w", err)
	}
	return nil
}

// MarkListings notes that the figures of listings are to be worked out again.
func (tx *Tx) MarkListings(ctx context.Context, ids []int64) error {
	cond, arg := tx.q.in("p.listing_id", ids)
	if _, err := tx.q.exec(ctx, "UPDATE publications SET dirty = 1, revision = revision + 1 WHERE "+tx.q.inQuery("listing_id",
		"SELECT p.listing_id FROM publications p WHERE "+cond+" ORDER BY p.listing_id"+tx.q.lock()), arg); err != nil {
		return fmt.Errorf("mark listings: %w", err)
	}
	return nil
}

// PublicationState is how far the figure of a listing has come; the words of
// orderhub.EffectState, and two of its own.
type PublicationState string

// The states.
const (
	PublicationNew       PublicationState = "new"  // what the channel shows was never read
	PublicationIdle      PublicationState = "idle" // nothing was ever to be shown
	PublicationIntent    PublicationState = "intent"
	PublicationSent      PublicationState = "sent"
	PublicationAccepted  PublicationState = "accepted"
	PublicationConfirmed PublicationState = "confirmed"
	// PublicationUncertain: a figure could not be confirmed. What the channel was last
	// seen to show counts, and figures are sent until one is confirmed.
	PublicationUncertain PublicationState = "uncertain"
	PublicationRejected  PublicationState = "rejected"
	PublicationStopped   PublicationState = "stopped" // somebody else writes this figure
)

// Read reports whether what the channel shows was read, with success or not.
func (s PublicationState) Read() bool { return s == PublicationConfirmed || s == PublicationUncertain }

// Looked reports whether figures in this state are read.
func (s PublicationState) Looked() bool {
	return s.Read() || s == PublicationNew || s == PublicationSent || s == PublicationAccepted || s == PublicationRejected
}

// publicationShown is Publication.Shown in SQL.
const publicationShown = "CASE WHEN p.doubts > 0 AND p.state IN ('intent','sent','accepted') THEN 'uncertain' ELSE p.state END"

// Shown is the state for people: uncertain until a figure is confirmed again.
func (p *Publication) Shown() PublicationState {
	if p.Doubts > 0 && (p.State == PublicationIntent || p.State == PublicationSent || p.State == PublicationAccepted) {
		return PublicationUncertain
	}
	return p.State
}

// Publication is what a listing shows and shall show, see the table.
type Publication struct {
	ListingID   int64            `json:"listing"`
	AccountID   string           `json:"account"`
	Dirty       bool             `json:"dirty"`
	DirtyAt     time.Time        `json:"dirty_at,omitzero"`
	Revision    int64            `json:"revision"`
	State       PublicationState `json:"state"`
	Wanted      int64            `json:"wanted" doc:"-1 = nothing was ever wanted."`
	WantedAt    time.Time        `json:"wanted_at,omitzero"`
	AfterOrders bool             `json:"after_orders"`
	Sent        int64            `json:"sent" doc:"-1 = never."`
	SentAt      time.Time        `json:"sent_at,omitzero"`
	AcceptedAt  time.Time        `json:"accepted_at,omitzero"`
	Confirmed   int64            `json:"confirmed" doc:"What was read last; -1 = never."`
	ConfirmedAt time.Time        `json:"confirmed_at,omitzero"`
	Settled     bool             `json:"settled" doc:"All that was sold before the confirmed figure is in the ledger."`
	Exposure    int64            `json:"exposure" doc:"Units that the channel may still sell without the hub knowing."`
	Sold        int64            `json:"sold" doc:"Units sold since the figure was sent, as far as seen."`
	NextAt      time.Time        `json:"next_at,omitzero"`
	Attempts    int              `json:"attempts"`
	Checks      int              `json:"checks"`
	// Doubts counts figures in a row that could not be confirmed.
	Doubts int `json:"doubts"`
	// Late is how long after it was sent the figure was still not shown, Took how
	// long until it was read back.
	Late time.Duration `json:"late"`
	Took time.Duration `json:"took"`
	// ForeignAt is when a figure was found here that is not the hub's, ForeignShown
	// that figure.
	ForeignAt    time.Time      `json:"foreign_at,omitzero"`
	ForeignShown int64          `json:"foreign_shown"`
	Class        orderhub.Class `json:"class,omitempty"`
	Error        string         `json:"error,omitempty"`
}

const publicationColumns = `listing_id, account_id, dirty, dirty_at, revision, state, wanted, wanted_at, after_orders, sent, sent_at, accepted_at, confirmed,
	confirmed_at, settled, exposure, sold, next_at, attempts, checks, class, error, doubts, late_us, confirm_us, foreign_at, foreign_shown`

func readPublications(ctx context.Context, q querier, where string, args ...any) ([]*Publication, error) {
	rows, err := q.query(ctx, "SELECT "+publicationColumns+" FROM publications "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read what is published: %w", err)
	}
	defer rows.Close()
	var out []*Publication
	for rows.Next() {
		var p Publication
		var dirty, dirtyAt, settled, afterOrders, wantedAt, sentAt, acceptedAt, confirmedAt, nextAt, late, took, foreignAt int64
		var state, class string
		if err := rows.Scan(&p.ListingID, &p.AccountID, &dirty, &dirtyAt, &p.Revision, &state, &p.Wanted, &wantedAt, &afterOrders, &p.Sent, &sentAt, &acceptedAt,
			&p.Confirmed, &confirmedAt, &settled, &p.Exposure, &p.Sold, &nextAt, &p.Attempts, &p.Checks, &class, &p.Error,
			&p.Doubts, &late, &took, &foreignAt, &p.ForeignShown); err != nil {
			return nil, fmt.Errorf("read what is published: %w", err)
		}
		p.Dirty, p.Settled, p.AfterOrders, p.State, p.Class = dirty != 0, settled != 0, afterOrders != 0, PublicationState(state), orderhub.Class(class)
		p.WantedAt, p.SentAt, p.AcceptedAt = fromMicros(wantedAt), fromMicros(sentAt), fromMicros(acceptedAt)
		p.ConfirmedAt, p.NextAt, p.DirtyAt = fromMicros(confirmedAt), fromMicros(nextAt), fromMicros(dirtyAt)
		p.Late, p.Took, p.ForeignAt = fromUS(late), fromUS(took), fromMicros(foreignAt)
		out = append(out, &p)
	}
	return out, rows.Err()
}

// publicationDue is the condition of the index publications_due.
const publicationDue = "state NOT IN ('idle','stopped')"

// DueFigures reads figures of an account that are to be sent now, those first that
// lower what the channel may sell.
func (s *Store) DueFigures(ctx context.Context, accountID string, limit int) ([]int64, error) {
	return s.ids(ctx, "SELECT listing_id FROM publications WHERE account_id = ? AND next_at <= ? AND state = 'intent' AND "+publicationDue+`
		ORDER BY CASE WHEN wanted > exposure - wanted THEN 1 ELSE 0 END, next_at, listing_id LIMIT ?`, accountID, micros(s.Now()), limit)
}

// DueLooks reads what an account shows and is to be looked at now.
func (s *Store) DueLooks(ctx context.Context, accountID string, limit int) ([]*Publication, error) {
	return readPublications(ctx, s.engine.reader(), "WHERE account_id = ? AND next_at <= ? AND state <> 'intent' AND "+publicationDue+
		" ORDER BY next_at, listing_id LIMIT ?", accountID, micros(s.Now()), limit)
}

// DirtyPublications reads listings whose figure is to be worked out again.
func (s *Store) DirtyPublications(ctx context.Context, limit int) ([]int64, error) {
	return s.ids(ctx, "SELECT listing_id FROM publications WHERE dirty = 1 LIMIT ?", limit)
}

// LockPublications locks what listings show, and reads the listings, by id.
func (tx *Tx) LockPublications(ctx context.Context, ids []int64) ([]orderhub.Listing, map[int64]*Publication, error) {
	cond, arg := tx.q.in("listing_id", ids)
	list, err := readPublications(ctx, tx.q, "WHERE "+cond+" ORDER BY listing_id"+tx.q.lock(), arg)
	if err != nil {
		return nil, nil, err
	}
	pubs := make(map[int64]*Publication, len(list))
	for _, p := range list {
		pubs[p.ListingID] = p
	}
	listings, err := listListings(ctx, tx.q, ListingFilter{IDs: ids, Limit: len(ids)})
	return listings, pubs, err
}

// PublicationsAfter reads what an account publishes, by listing.
func (s *Store) PublicationsAfter(ctx context.Context, accountID string, after int64, limit int) ([]*Publication, error) {
	return readPublications(ctx, s.engine.reader(), "WHERE account_id = ? AND listing_id > ? ORDER BY listing_id LIMIT ?", accountID, after, limit)
}

// PublicationsOf reads what is published of listings.
func (s *Store) PublicationsOf(ctx context.Context, listingIDs []int64) (map[int64]*Publication, error) {
	q := s.engine.reader()
	cond, arg := q.in("listing_id", listingIDs)
	list, err := readPublications(ctx, q, "WHERE "+cond, arg)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*Publication, len(list))
	for _, p := range list {
		out[p.ListingID] = p
	}
	return out, nil
}

// publicationWritten are the columns that SavePublications writes.
var publicationWritten = []string{"dirty", "dirty_at", "state", "wanted", "wanted_at", "after_orders", "sent", "sent_at", "accepted_at", "confirmed",
	"confirmed_at", "settled", "exposure", "sold", "next_at", "attempts", "checks", "class", "error",
	"doubts", "late_us", "confirm_us", "foreign_at", "foreign_shown"}

// SavePublications writes listings that LockShelf locked.
func (tx *Tx) SavePublications(ctx context.Context, list []*Publication) error {
	rows := make([][]any, 0, len(list))
	for _, p := range list {
		rows = append(rows, []any{flag(p.Dirty), micros(p.DirtyAt), string(p.State), p.Wanted, micros(p.WantedAt), flag(p.AfterOrders), p.Sent, micros(p.SentAt), micros(p.AcceptedAt), p.Confirmed,
			micros(p.ConfirmedAt), flag(p.Settled), p.Exposure, p.Sold, micros(p.NextAt), p.Attempts, p.Checks, string(p.Class), p.Error,
			p.Doubts, p.Late.Microseconds(), p.Took.Microseconds(), micros(p.ForeignAt), p.ForeignShown, p.ListingID})
	}
	if err := tx.q.update(ctx, "publications", publicationWritten, []string{"listing_id"}, rows); err != nil {
		return fmt.Errorf("write what is published: %w", err)
	}
	return nil
}

// AccountStock is how an account shows stock.
type AccountStock struct {
	Publish orderhub.Publish `json:"publish"`
	// SecondWriter is what happens when somebody else changes figures there:
	// overwrite (with an alarm), accept, stop.
	SecondWriter string `json:"second_writer"`
}

// AccountsStock reads how accounts show stock; an account without a row mirrors.
func (s *Store) AccountsStock(ctx context.Context) (map[string]AccountStock, error) {
	return accountsStock(ctx, s.engine.reader())
}

// AccountsStock reads the same in a transaction.
func (tx *Tx) AccountsStock(ctx context.Context) (map[string]AccountStock, error) {
	return accountsStock(ctx, tx.q)
}

func accountsStock(ctx context.Context, q querier) (map[string]AccountStock, error) {
	rows, err := q.query(ctx, "SELECT account_id, mode, value, buffer, second_writer FROM account_stock")
	if err != nil {
		return nil, fmt.Errorf("read how accounts show stock: %w", err)
	}
	defer rows.Close()
	out := map[string]AccountStock{}
	for rows.Next() {
		var id, mode string
		var a AccountStock
		if err := rows.Scan(&id, &mode, &a.Publish.Value, &a.Publish.Buffer, &a.SecondWriter); err != nil {
			return nil, fmt.Errorf("read how accounts show stock: %w", err)
		}
		a.Publish.Mode = orderhub.PublishMode(mode)
		out[id] = a
	}
	return out, rows.Err()
}

// SetAccountStock sets how an account shows stock; all its listings are worked
// out again.
func (tx *Tx) SetAccountStock(ctx context.Context, accountID string, a AccountStock) error {
	if _, err := tx.q.exec(ctx, `INSERT INTO account_stock (account_id, mode, value, buffer, second_writer, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET mode = excluded.mode, value = excluded.value, buffer = excluded.buffer,
		second_writer = excluded.second_writer, updated_at = excluded.updated_at`,
		accountID, string(a.Publish.Mode), a.Publish.Value, a.Publish.Buffer, a.SecondWriter, micros(tx.s.Now())); err != nil {
		return fmt.Errorf("set how %s shows stock: %w", accountID, err)
	}
	if err := tx.workOut(ctx, "account_id = ?", accountID); err != nil {
		return fmt.Errorf("set how %s shows stock: %w", accountID, err)
	}
	return nil
}

// workOut marks listings on a person's decision, those among them that were
// stopped too. They are locked in the order of everybody else.
func (tx *Tx) workOut(ctx context.Context, where string, arg any) error {
	_, err := tx.q.exec(ctx, `UPDATE publications SET dirty = 1, revision = revision + 1, state = CASE WHEN state = 'stopped' THEN 'confirmed' ELSE state END
		WHERE `+tx.q.inQuery("listing_id", "SELECT p.listing_id FROM publications p WHERE p."+where+" ORDER BY p.listing_id"+tx.q.lock()), arg)
	return err
}
