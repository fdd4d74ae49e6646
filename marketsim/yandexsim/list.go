package yandexsim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"time"
)

// view is one order as one answer shows it.
type view struct {
	o *order
	s *state
}

const ordersPerPage = 50

// listOrders: POST /v1/businesses/{businessId}/orders (getBusinessOrders).
//
// Pages go by order id, so orders that change between two pages neither repeat
// nor push others over a page border.
func (m *Market) listOrders(c *call) (any, *apiError) {
	var f filter
	if fail := c.decode(&f); fail != nil {
		return nil, fail
	}
	limit, fail := c.limit(ordersPerPage)
	if fail != nil {
		return nil, fail
	}
	m.mu.Lock()
	now := m.tick()
	if fail := f.prepare(now, m.opts.CreationDefault); fail != nil {
		m.mu.Unlock()
		return nil, fail
	}
	mark := fingerprint(c.r.URL.Path, limit, f)
	after, fail := m.openToken(c, mark, now)
	if fail != nil {
		m.mu.Unlock()
		return nil, fail
	}
	found, more := m.search(&f, after, limit, m.inject.ReplicaTime(now, "orders"))
	m.mu.Unlock()

	orders := make([]orderDTO, len(found))
	for i, v := range found {
		orders[i] = render(v)
	}
	paging := map[string]any{}
	if more {
		paging["nextPageToken"] = m.newToken(found[len(found)-1].o.id, mark, now)
	}
	return map[string]any{"orders": orders, "paging": paging}, nil
}

// search gives up to limit orders above the id as they were at a moment, and
// whether there are more.
func (m *Market) search(f *filter, after int64, limit int, asOf time.Time) (found []view, more bool) {
	for _, o := range m.books.after(after, f) {
		s, ok := o.history.At(asOf)
		if !ok || !f.matches(o, s) {
			continue
		}
		if len(found) == limit {
			return found, true
		}
		found = append(found, view{o, s})
	}
	return found, false
}

// defaultPage is the page size of a call that names none.
const defaultPage = 50

// limit reads the page size; larger ones are cut down silently.
func (c *call) limit(highest int) (int, *apiError) {
	text := c.r.URL.Query().Get("limit")
	if text == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, refuse("Type mismatch: %s", text)
	}
	if n < 1 {
		return 0, refuse("limit must be greater than or equal to 1 (rejected value: %d)", n)
	}
	return min(n, highest), nil
}

// fingerprint ties a page token to the call it belongs to.
func fingerprint(path string, limit int, body any) uint64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode([]any{path, limit, body})
	return h.Sum64()
}

// A page token is the last id, the fingerprint of the call, the time of issue
// and a checksum over them and the market's seed.
const tokenSize = 32

func (m *Market) newToken(last int64, mark uint64, now time.Time) string {
	b := make([]byte, tokenSize)
	binary.BigEndian.PutUint64(b, uint64(last))
	binary.BigEndian.PutUint64(b[8:], mark)
	binary.BigEndian.PutUint64(b[16:], uint64(now.UnixNano()))
	binary.BigEndian.PutUint64(b[24:], m.checksum(b[:24]))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (m *Market) checksum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return mix(m.opts.Seed, h.Sum64())
}

// openToken reads the token of a call; 0 on the first page.
func (m *Market) openToken(c *call, mark uint64, now time.Time) (last int64, fail *apiError) {
	q := c.r.URL.Query()
	text := q.Get("pageToken")
	if text == "" {
		text = q.Get("page_token")
	}
	if text == "" {
		return 0, nil
	}
	bad := refuse("Bad page token")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != tokenSize || binary.BigEndian.Uint64(b[24:]) != m.checksum(b[:24]) {
		return 0, bad
	}
	issued := time.Unix(0, int64(binary.BigEndian.Uint64(b[16:])))
	if binary.BigEndian.Uint64(b[8:]) != mark || now.Sub(issued) > m.opts.TokenLife {
		return 0, bad
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// order finds the order of the path in the shop of the path, as of a moment.
// Call it with the lock held.
func (c *call) order(asOf time.Time) (*order, state, *apiError) {
	text := c.r.PathValue("orderId")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, state{}, refuse("Type mismatch: %s", text)
	}
	if o := c.m.books.get(id); o != nil && o.shop.id == c.shop.id {
		if s, ok := o.history.At(asOf); ok {
			return o, *s, nil
		}
	}
	return nil, state{}, notFound("Order not found: partnerId = %d, orderId = %d", c.shop.partnerID, id)
}

// getOrder: GET /v2/campaigns/{campaignId}/orders/{orderId}, the older shape.
// Orders finished more than 30 days ago are gone from it.
func (m *Market) getOrder(c *call) (any, *apiError) {
	m.mu.Lock()
	now := m.tick()
	o, s, fail := c.order(m.inject.ReplicaTime(now, "order"))
	m.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	if headline(s.status, s.sub).IsEnd() && now.Sub(s.updated) > maxDays*day {
		return nil, notFound("Order not found: partnerId = %d, orderId = %d", c.shop.partnerID, o.id)
	}
	return map[string]any{"order": renderLegacy(view{o, &s})}, nil
}
