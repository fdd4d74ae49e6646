package ozonsim

import (
	"time"

	"github.com/orderhub/orderhub"
)

type productQuantity struct {
	// ProductID is the SKU, whatever its name says.
	ProductID num `json:"product_id"`
	Quantity  num `json:"quantity"`
}

type shipRequest struct {
	Number   string `json:"posting_number"`
	Packages []struct {
		Products []productQuantity `json:"products"`
	} `json:"packages"`
	With struct {
		AdditionalData bool `json:"additional_data"`
	} `json:"with"`
}

type shipResponse struct {
	AdditionalData []shippedPosting `json:"additional_data"`
	Result         []string         `json:"result"`
}

type shippedPosting struct {
	Number   string           `json:"posting_number"`
	Products []shippedProduct `json:"products"`
}

type shippedProduct struct {
	CurrencyCode  string   `json:"currency_code"`
	MandatoryMark []string `json:"mandatory_mark"`
	Name          string   `json:"name"`
	OfferID       string   `json:"offer_id"`
	Price         string   `json:"price"`
	Quantity      int64    `json:"quantity"`
	SKU           int64    `json:"sku"`
}

// seller finds a posting that the seller works on (not FBO).
func (m *Market) seller(number string) (*posting, *apiError) {
	p := m.postings[number]
	if p == nil || p.scheme == orderhub.SchemeFBO {
		return nil, errNotFound
	}
	return p, nil
}

// shippable tells whether a posting can be assembled. A call while an assembly
// is on its way counts as a repeat.
func shippable(st state) *apiError {
	switch {
	case st.status == cancelled || st.status == splitAway:
		return errCancelled
	case assembled(st.status) || st.busy == "ship":
		return errShipped
	case st.status != awaitingPackaging:
		return errStatus
	}
	return nil
}

// want checks the goods named in a request and sums them per SKU. All of the
// posting must be named when whole is set, at most all of it otherwise.
func want(lines []line, packages [][]productQuantity, whole bool) ([]map[int64]int64, *apiError) {
	if len(packages) == 0 {
		return nil, invalid("value must contain at least 1 item(s)")
	}
	have, out := bySKU(lines), []map[int64]int64{}
	for _, products := range packages {
		sum := map[int64]int64{}
		for _, q := range products {
			if _, ok := have[int64(q.ProductID)]; !ok {
				return nil, errUnknownProduct
			}
			if q.Quantity <= 0 {
				return nil, errQuantity
			}
			sum[int64(q.ProductID)] += int64(q.Quantity)
		}
		if len(sum) == 0 {
			return nil, invalid("value must contain at least 1 item(s)")
		}
		out = append(out, sum)
	}
	named := map[int64]int64{}
	for _, sum := range out {
		for sku, n := range sum {
			named[sku] += n
		}
	}
	for sku, n := range have {
		if named[sku] > n || (whole && named[sku] != n) {
			return nil, errQuantity
		}
	}
	return out, nil
}

// ship (/v4/posting/fbs/ship) assembles a posting. The first package keeps the
// number, the others become new postings once the assembly is done.
func (m *Market) ship(now time.Time, req shipRequest) (any, *apiError) {
	p, e := m.seller(req.Number)
	if e != nil {
		return nil, e
	}
	st := p.state()
	if e := shippable(st); e != nil {
		return nil, e
	}
	packages := make([][]productQuantity, 0, len(req.Packages))
	for _, pack := range req.Packages {
		packages = append(packages, pack.Products)
	}
	wants, e := want(st.lines, packages, true)
	if e != nil {
		return nil, e
	}
	parts, rest := make([][]line, len(wants)), st.lines
	numbers := make([]string, len(wants))
	answer := shipResponse{AdditionalData: []shippedPosting{}}
	for i, w := range wants {
		parts[i], rest = take(rest, w)
		numbers[i] = p.number
		if i > 0 {
			numbers[i] = p.order.nextNumber()
		}
		answer.Result = append(answer.Result, numbers[i])
		if req.With.AdditionalData {
			answer.AdditionalData = append(answer.AdditionalData, shippedPosting{numbers[i], shippedProducts(parts[i])})
		}
	}
	m.begin(now, p, "ship", m.pace.ship, func(now time.Time) { m.finishShip(now, p, numbers, parts) })
	return answer, nil
}

func shippedProducts(lines []line) []shippedProduct {
	out := []shippedProduct{}
	for _, l := range lines {
		out = append(out, shippedProduct{
			CurrencyCode: currency, MandatoryMark: []string{}, Name: l.title, OfferID: l.offer,
			Price: decimal(l.priceMinor), Quantity: l.quantity, SKU: l.sku,
		})
	}
	return out
}

// begin notes an asynchronous call and does its second half later, unless
// something else happened to the posting meanwhile.
func (m *Market) begin(now time.Time, p *posting, what string, delay time.Duration, finish func(now time.Time)) {
	st := p.state()
	st.busy = what
	st.ticket++
	ticket := st.ticket
	m.set(now, p, st)
	m.later(now, delay, func(now time.Time) {
		if st := p.state(); st.busy == what && st.ticket == ticket {
			finish(now)
		}
	})
}

func (m *Market) finishShip(now time.Time, p *posting, numbers []string, parts [][]line) {
	if m.inject.RowFails("ship") {
		m.move(now, p, awaitingPackaging, subShipFailed)
		return
	}
	st := p.state()
	st.status, st.sub, st.busy, st.lines = awaitingDeliver, subTransferring, "", parts[0]
	m.set(now, p, st)
	p.called(now, "ship", orderhub.StatusConfirmed)
	for i := 1; i < len(parts); i++ {
		child := m.child(now, p, numbers[i], parts[i], awaitingDeliver, subTransferring)
		child.called(now, "ship", orderhub.StatusConfirmed)
	}
}

// child makes a posting out of a part of another one's goods.
func (m *Market) child(now time.Time, p *posting, number string, lines []line, status, sub string) *posting {
	c := &posting{
		number: number, order: p.order, scheme: p.scheme, parent: p.number,
		external: p.external, comment: p.comment, placedAt: p.placedAt,
	}
	st := p.state()
	st.status, st.sub, st.previous, st.lines, st.busy, st.tracking = status, sub, "", lines, "", ""
	st.cancellation, st.cancelledAfterShip, st.cancelAsked = cancellation{}, false, false
	m.create(now, c, st)
	return c
}

type shipPackageRequest struct {
	Number   string            `json:"posting_number"`
	Products []productQuantity `json:"products"`
}

type textResponse struct {
	Result string `json:"result"`
}

// shipPackage (/v4/posting/fbs/ship/package) assembles a part: it becomes a new
// posting, still awaiting_packaging, that is assembled on its own; the rest
// stays in the source. All of the goods at once assemble the source itself.
func (m *Market) shipPackage(now time.Time, req shipPackageRequest) (any, *apiError) {
	p, e := m.seller(req.Number)
	if e != nil {
		return nil, e
	}
	st := p.state()
	if e := shippable(st); e != nil {
		return nil, e
	}
	wants, e := want(st.lines, [][]productQuantity{req.Products}, false)
	if e != nil {
		return nil, e
	}
	part, rest := take(st.lines, wants[0])
	target := p
	if len(rest) > 0 {
		number := p.order.nextNumber()
		st.lines = rest
		m.set(now, p, st)
		p.called(now, "split", "")
		target = m.child(now, p, number, part, awaitingPackaging, subCreated)
	}
	m.begin(now, target, "ship", m.pace.ship, func(now time.Time) {
		m.finishShip(now, target, []string{target.number}, [][]line{target.state().lines})
	})
	return textResponse{target.number}, nil
}

type splitRequest struct {
	Number   string `json:"posting_number"`
	Postings []struct {
		Products []productQuantity `json:"products"`
	} `json:"postings"`
}

type splitProduct struct {
	ProductID int64 `json:"product_id"`
	Quantity  int64 `json:"quantity"`
}

type splitPosting struct {
	Number   string         `json:"posting_number"`
	Products []splitProduct `json:"products"`
}

type splitResponse struct {
	Parent   splitPosting   `json:"parent_posting"`
	Postings []splitPosting `json:"postings"`
}

// split (/v1/posting/fbs/split) turns a posting into several that are assembled
// one by one. The source ends as cancelled_from_split_pending and keeps its
// lines; all goods must be named.
func (m *Market) split(now time.Time, req splitRequest) (any, *apiError) {
	p, e := m.seller(req.Number)
	if e != nil {
		return nil, e
	}
	st := p.state()
	if e := shippable(st); e != nil {
		return nil, e
	}
	packages := make([][]productQuantity, 0, len(req.Postings))
	for _, part := range req.Postings {
		packages = append(packages, part.Products)
	}
	if len(packages) < 2 {
		return nil, invalid("value must contain at least 2 item(s)")
	}
	wants, e := want(st.lines, packages, true)
	if e != nil {
		return nil, e
	}
	rest := st.lines
	answer := splitResponse{Parent: splitPosting{p.number, splitProducts(st.lines)}}
	st.status, st.sub = splitAway, subCanceled
	st.cancellation = cancellation{kind: "system", initiator: "Система"}
	m.set(now, p, st)
	p.called(now, "split", orderhub.StatusCancelled)
	for _, w := range wants {
		var part []line
		part, rest = take(rest, w)
		c := m.child(now, p, p.order.nextNumber(), part, awaitingPackaging, subCreated)
		answer.Postings = append(answer.Postings, splitPosting{c.number, splitProducts(part)})
	}
	return answer, nil
}

func splitProducts(lines []line) []splitProduct {
	out := []splitProduct{}
	for _, l := range lines {
		out = append(out, splitProduct{l.sku, l.quantity})
	}
	return out
}
