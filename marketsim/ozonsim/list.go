package ozonsim

import (
	"slices"
	"strings"
	"time"
)

type period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type with struct {
	Analytics bool `json:"analytics_data"`
	Barcodes  bool `json:"barcodes"`
	Financial bool `json:"financial_data"`
	LegalInfo bool `json:"legal_info"`
	Related   bool `json:"related_postings"`
}

// filter holds the conditions of the three lists; each uses its own.
type filter struct {
	Since          time.Time `json:"since"`
	To             time.Time `json:"to"`
	CutoffFrom     time.Time `json:"cutoff_from"`
	CutoffTo       time.Time `json:"cutoff_to"`
	DeliveringFrom time.Time `json:"delivering_date_from"`
	DeliveringTo   time.Time `json:"delivering_date_to"`
	Changed        period    `json:"last_changed_status_date"`
	Statuses       []string  `json:"statuses"`
	OrderID        num       `json:"order_id"`
	OrderNumbers   []string  `json:"order_numbers"`
	PostingNumbers []string  `json:"posting_numbers"`
	Warehouses     []num     `json:"warehouse_ids"`
	Methods        []num     `json:"delivery_method_ids"`
	Providers      []num     `json:"provider_ids"`
	Flows          []string  `json:"integration_type_flow"`
}

type listRequest struct {
	Cursor string `json:"cursor"`
	Filter filter `json:"filter"`
	Limit  num    `json:"limit"`
	Sort   string `json:"sort_dir"`
	With   with   `json:"with"`
}

// maxPage is the largest limit of all lists of postings.
const maxPage = 100

// check refuses what the document refuses in every list.
func (r listRequest) check() (after *cursor, desc bool, e *apiError) {
	if r.Limit < 1 || r.Limit > maxPage {
		return nil, false, invalid("invalid Limit: value must be inside range [1, 100]")
	}
	f := r.Filter
	if len(f.Warehouses) > 1000 || len(f.Methods) > 1000 || len(f.Providers) > 1000 || len(f.PostingNumbers) > 1000 {
		return nil, false, invalid("invalid Filter: value must contain no more than 1000 item(s)")
	}
	switch strings.ToUpper(r.Sort) {
	case "", "ASC":
	case "DESC":
		desc = true
	default:
		return nil, false, invalid("invalid SortDir: value must be one of [ASC DESC]")
	}
	after, e = parseCursor(r.Cursor)
	return after, desc, e
}

// tooLong tells whether a period is longer than a year.
func tooLong(from, to time.Time) bool { return to.After(from.AddDate(1, 0, 0)) }

func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to))
}

func among(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

// match tests a posting as of the replica's moment.
func (f *filter) match(p *posting, st *state) bool {
	switch {
	case !among(f.Statuses, st.status), !among(f.OrderNumbers, p.order.number), !among(f.PostingNumbers, p.number),
		!among(f.Flows, p.tpl()):
		return false
	case !within(st.statusAt, f.Changed.From, f.Changed.To):
		return false
	case f.OrderID != 0 && int64(f.OrderID) != p.order.id:
		return false
	case len(f.Warehouses)+len(f.Methods)+len(f.Providers) == 0:
		return true
	}
	w := p.warehouse()
	return (len(f.Warehouses) == 0 || contains(f.Warehouses, w.id)) &&
		(len(f.Methods) == 0 || contains(f.Methods, w.methodID)) &&
		(len(f.Providers) == 0 || contains(f.Providers, w.providerID))
}

// found is one posting of a page with its state as of the replica's moment.
type found struct {
	p  *posting
	st *state
}

// page collects up to limit postings and tells where the next page starts, ""
// when there is none.
type page struct {
	at    time.Time
	limit int
	match func(*posting, *state) bool
	found []found
	more  bool
}

// visit takes a posting; false = the page is full.
func (pg *page) visit(p *posting) bool {
	st, exists := p.hist.At(pg.at)
	if !exists || !pg.match(p, st) {
		return true
	}
	if len(pg.found) == pg.limit {
		pg.more = true
		return false
	}
	pg.found = append(pg.found, found{p, st})
	return true
}

func (pg *page) next() string {
	if !pg.more {
		return ""
	}
	last := pg.found[len(pg.found)-1].p
	return cursor{At: last.placedAt, Seq: last.seq}.String()
}

type listResponse struct {
	Cursor   string      `json:"cursor"`
	HasNext  bool        `json:"has_next"`
	Postings []postingV4 `json:"postings"`
}

type unfulfilledResponse struct {
	listResponse
	Count int `json:"count"`
}

// listFBS is /v4/posting/fbs/list: everything by in_process_at.
func (m *Market) listFBS(now time.Time, req listRequest) (any, *apiError) {
	after, desc, e := req.check()
	if e != nil {
		return nil, e
	}
	f := req.Filter
	switch {
	case f.Since.IsZero() || f.To.IsZero():
		return nil, invalid("invalid Filter: since and to are required")
	case tooLong(f.Since, f.To):
		return nil, errPeriod
	case len(f.OrderNumbers) > 100:
		return nil, invalid("invalid Filter.OrderNumbers: value must contain no more than 100 item(s)")
	}
	pg := &page{at: m.inject.ReplicaTime(now, "/v4/posting/fbs/list"), limit: int(req.Limit), match: f.match}
	if changed, few := m.changedSince(f.Changed.From); few {
		changed.scan(f.Since, f.To, after, desc, pg.visit)
	} else {
		m.byPlaced.scan(f.Since, f.To, after, desc, pg.visit)
	}
	return listResponse{Cursor: pg.next(), HasNext: pg.more, Postings: m.renderV4(pg, req.With)}, nil
}

// changedSince gathers what changed since a moment, in the order of the list,
// if that is little: the common call of a change feed. A replica shows no later
// change than the books, so nothing is missed.
func (m *Market) changedSince(from time.Time) (*index, bool) {
	if from.IsZero() {
		return nil, false
	}
	tail := m.byChanged.list[m.byChanged.from(from, 0):]
	if len(tail) > 4*maxPage {
		return nil, false
	}
	x := &index{list: make([]entry, 0, len(tail))}
	for _, c := range tail {
		x.list = append(x.list, entry{c.p.placedAt, c.p})
	}
	slices.SortFunc(x.list, func(a, b entry) int { return compare(a, b.at, b.p.seq) })
	return x, true
}

// listUnfulfilled is /v4/posting/fbs/unfulfilled/list: what is not finished, in
// a window of the deadline or of the hand-over.
func (m *Market) listUnfulfilled(now time.Time, req listRequest) (any, *apiError) {
	after, desc, e := req.check()
	if e != nil {
		return nil, e
	}
	f := req.Filter
	byCutoff := !f.CutoffFrom.IsZero() && !f.CutoffTo.IsZero()
	byDelivering := !f.DeliveringFrom.IsZero() && !f.DeliveringTo.IsZero()
	switch {
	case byCutoff == byDelivering:
		return nil, errDateMismatch
	case byCutoff && tooLong(f.CutoffFrom, f.CutoffTo), byDelivering && tooLong(f.DeliveringFrom, f.DeliveringTo):
		return nil, errPeriod
	}
	pg := &page{at: m.inject.ReplicaTime(now, "/v4/posting/fbs/unfulfilled/list"), limit: int(req.Limit)}
	pg.match = func(p *posting, st *state) bool {
		if !unfulfilled(st.status) || !f.match(p, st) {
			return false
		}
		if byCutoff {
			return within(st.cutoff, f.CutoffFrom, f.CutoffTo)
		}
		return !st.handedOver.IsZero() && within(st.handedOver, f.DeliveringFrom, f.DeliveringTo)
	}
	m.open.scan(time.Time{}, time.Time{}, after, desc, pg.visit)
	postings := m.renderV4(pg, req.With)
	return unfulfilledResponse{listResponse{pg.next(), pg.more, postings}, len(postings)}, nil
}

func (m *Market) renderV4(pg *page, w with) []postingV4 {
	out := make([]postingV4, 0, len(pg.found))
	for _, f := range pg.found {
		out = append(out, m.toV4(f.p, *f.st, w))
	}
	return out
}

type fboListResponse struct {
	Cursor   string       `json:"cursor"`
	HasNext  bool         `json:"has_next"`
	Postings []fboPosting `json:"postings"`
}

// listFBO is /v3/posting/fbo/list.
func (m *Market) listFBO(now time.Time, req listRequest) (any, *apiError) {
	after, desc, e := req.check()
	if e != nil {
		return nil, e
	}
	f := req.Filter
	if !f.Since.IsZero() && !f.To.IsZero() && tooLong(f.Since, f.To) {
		return nil, errPeriod
	}
	pg := &page{at: m.inject.ReplicaTime(now, "/v3/posting/fbo/list"), limit: int(req.Limit), match: f.match}
	m.fbo.scan(f.Since, f.To, after, desc, pg.visit)
	out := make([]fboPosting, 0, len(pg.found))
	for _, x := range pg.found {
		out = append(out, toFBO(x.p, *x.st, req.With))
	}
	return fboListResponse{Cursor: pg.next(), HasNext: pg.more, Postings: out}, nil
}

type getRequest struct {
	Number string `json:"posting_number"`
	With   with   `json:"with"`
}

// getFBS is /v3/posting/fbs/get: the older shape, one posting.
func (m *Market) getFBS(now time.Time, req getRequest) (any, *apiError) {
	p, e := m.seller(req.Number)
	if e != nil {
		return nil, e
	}
	at := m.inject.ReplicaTime(now, "/v3/posting/fbs/get")
	st, exists := p.hist.At(at)
	if !exists {
		return nil, errNotFound
	}
	return getResponse{m.toGet(p, *st, at, req.With)}, nil
}

// getFBO is /v2/posting/fbo/get.
func (m *Market) getFBO(now time.Time, req getRequest) (any, *apiError) {
	p := m.postings[req.Number]
	if p == nil || p.scheme != "fbo" {
		return nil, errNotFound
	}
	st, exists := p.hist.At(m.inject.ReplicaTime(now, "/v2/posting/fbo/get"))
	if !exists {
		return nil, errNotFound
	}
	return fboGetResponse{toFBOGet(p, *st, req.With)}, nil
}
