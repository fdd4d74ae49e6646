package wbsim

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/orderhub/orderhub"
)

// Labelling codes. Only "sgtin" (Честный знак) can be set; other required keys
// stay "required" and block the hand-over.

const keySgtin = "sgtin"

// checkTime is how long the state registry takes over a code.
const (
	checkTime     = 2 * time.Second
	checkTimeFast = 5 * time.Millisecond
)

// metaDetail is one labelling code and the verdict on it.
type metaDetail struct {
	Key      string  `json:"key"`
	Value    *string `json:"value"`
	Decision string  `json:"decision"`
}

// meta judges the labelling of an order in a state as of t.
func (m *Market) meta(o *order, st state, t time.Time) []metaDetail {
	out := []metaDetail{}
	for _, keys := range []struct {
		list   []string
		absent string
	}{{o.required, "required"}, {o.optional, "optional"}} {
		for _, key := range keys.list {
			if key != keySgtin || len(st.sgtins) == 0 {
				out = append(out, metaDetail{Key: key, Decision: keys.absent})
				continue
			}
			for _, code := range st.sgtins {
				out = append(out, metaDetail{Key: key, Value: &code, Decision: m.judge(code, st.sgtinAt, t)})
			}
		}
	}
	return out
}

// judge is the verdict on one code: its form is seen at once, the registry
// takes its time.
func (m *Market) judge(code string, set, t time.Time) string {
	wait := checkTime
	if m.opts.Fast {
		wait = checkTimeFast
	}
	switch {
	case strings.ContainsFunc(code, func(r rune) bool { return r > unicode.MaxASCII }):
		return "sgtinHasNonLatinSymbols"
	case strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' && r != '\x1d' }):
		return "sgtinHasInvalidSymbols"
	case !strings.ContainsRune(code, '\x1d'):
		return "sgtinNoGS"
	case !strings.HasPrefix(code, "01"):
		return "sgtinInvalidPattern"
	case t.Before(set.Add(wait)):
		return "pending"
	default:
		return "sgtinIntroduced"
	}
}

// passes lists the verdicts with which a supply may be handed over.
var passes = map[string]bool{"optional": true, "sgtinIntroduced": true}

type orderMeta struct {
	ID          int64        `json:"id"`
	MetaDetails []metaDetail `json:"metaDetails"`
}

// badMeta lists the orders whose labelling forbids the hand-over.
func (m *Market) badMeta(orders []*order, now time.Time) []orderMeta {
	var out []orderMeta
	for _, o := range orders {
		if bad := m.failing(o, now); len(bad) > 0 {
			out = append(out, orderMeta{ID: o.id, MetaDetails: bad})
		}
	}
	return out
}

func (m *Market) failing(o *order, now time.Time) []metaDetail {
	var bad []metaDetail
	for _, d := range m.meta(o, o.hist.Now(), now) {
		if passes[d.Decision] {
			continue
		}
		if d.Value == nil {
			null := "null" // as the documents' example has it
			d.Value = &null
		}
		bad = append(bad, d)
	}
	return bad
}

// listMeta is POST /api/marketplace/v3/orders/meta. Unknown ids are left out.
func (m *Market) listMeta(c *call) *reply {
	var body idsBody
	if !c.body(&body) || body.Orders == nil || len(body.Orders) > 100 {
		return v3ErrorData(http.StatusBadRequest, "BadRequest", struct{}{})
	}
	t := c.asOf()
	out := []orderMeta{}
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range body.Orders {
		o := m.order(id, orderhub.SchemeFBS)
		if o == nil {
			continue
		}
		if st, ok := o.hist.At(t); ok {
			out = append(out, orderMeta{ID: id, MetaDetails: m.meta(o, st, t)})
		}
	}
	return answer(http.StatusOK, map[string]any{"orders": out})
}

// validSgtins checks only what Wildberries checks at once: count and length.
func validSgtins(codes []string, most int) bool {
	for _, code := range codes {
		if n := len([]rune(code)); n < 16 || n > 135 {
			return false
		}
	}
	return len(codes) >= 1 && len(codes) <= most
}

// putSgtin is PUT /api/v3/orders/{orderId}/meta/sgtin. 204 means "received",
// not "valid".
func (m *Market) putSgtin(c *call) *reply {
	id, ok := c.pathID("orderId")
	if !ok {
		return badParameter()
	}
	var body struct {
		Sgtins []string `json:"sgtins"`
	}
	if !c.body(&body) || body.Sgtins == nil {
		return badBody()
	}
	if !validSgtins(body.Sgtins, 100) {
		return badRequest()
	}
	defer c.lock()()
	o := m.order(id, orderhub.SchemeFBS)
	if o == nil {
		return notFound()
	}
	if !o.has(keySgtin) {
		return conflict("MetaKeyNotRequired")
	}
	if !m.setSgtins(o, body.Sgtins, c.now) {
		return conflict("FailedToUpdateMeta")
	}
	return noContent()
}

// setSgtins stores the codes; only orders in assembly take them.
func (m *Market) setSgtins(o *order, codes []string, now time.Time) bool {
	st := o.hist.Now()
	if st.supplier != supplierConfirm || st.wb != wbWaiting {
		return false
	}
	st.sgtins, st.sgtinAt = codes, now
	m.set(o, st, now)
	o.called(keySgtin, "", now)
	return true
}
