package yandexsim

import "strings"

// putItems: PUT .../orders/{orderId}/items (updateOrderItems). The list is the
// whole of what stays: a line that is not in it is deleted.
func (m *Market) putItems(c *call) (any, *apiError) {
	var body struct {
		Items []struct {
			ID    *int64 `json:"id"`
			Count *int64 `json:"count"`
		} `json:"items"`
		Reason string `json:"reason"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	switch {
	case len(body.Items) == 0:
		return nil, refuse("items must not be empty (rejected value: [])")
	case body.Reason != "" && body.Reason != "PARTNER_REQUESTED_REMOVE" && body.Reason != "USER_REQUESTED_REMOVE":
		return nil, refuse("Illegal input at 'reason'")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, s, fail := c.order(now)
	if fail != nil {
		return nil, fail
	}
	if o.shop.program != programDBS {
		return nil, refuse("Campaign type is not allowed. Allowed campaign types: [DBS]")
	}
	if fail := boxesAllowed(o, &s); fail != nil {
		return nil, fail
	}
	known := map[int64]bool{}
	for _, l := range s.lines {
		known[l.id] = true
	}
	counts := map[int64]int64{}
	for _, it := range body.Items {
		switch {
		case it.ID == nil || it.Count == nil || *it.Count < 0:
			return nil, refuse("items[].id and items[].count must not be null")
		case !known[*it.ID]:
			return nil, refuse("Item %d not found in order %d", *it.ID, o.id)
		}
		counts[*it.ID] += *it.Count
	}
	if violations := checkRemoval(&s, counts, true); violations != nil {
		return nil, refuse("Invalid order items request. Violations: %s", strings.Join(violations, "; "))
	}
	removed := false
	s.withLines(func(l *line) {
		removed = removed || counts[l.id] != l.count
		l.count = counts[l.id]
	})
	if removed {
		s.layout = nil // it spoke of goods that are gone
		m.set(o, s, now)
		o.did(now, "", "remove_items")
		m.notifyUpdated(o, "UNKNOWN")
	}
	return noBody{}, nil
}

// noBody is the answer of calls that give none.
type noBody struct{}
