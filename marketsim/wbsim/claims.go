package wbsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// claimStatus is the decision about a claim (09-communications.yaml, status).
type claimStatus int

const (
	claimOpen     claimStatus = 0
	claimRejected claimStatus = 1
	claimApproved claimStatus = 2
)

// claimGoods is what happens to the goods (09-communications.yaml, status_ex).
type claimGoods int

const (
	goodsReview   claimGoods = 0
	goodsKept     claimGoods = 1 // rejected: they stay with the buyer
	goodsScrapped claimGoods = 2
	goodsRefunded claimGoods = 5 // approved: they stay with the buyer all the same
	goodsToCheck  claimGoods = 8
	goodsToSeller claimGoods = 10
)

// claim is one wish of a buyer to return what was bought.
type claim struct {
	id      string
	back    *comeback
	opened  time.Time
	comment string
	hist    marketsim.History[claimState]
}

// claimState is the part of a claim that changes.
type claimState struct {
	status  claimStatus
	goods   claimGoods
	comment string // to the buyer
	updated time.Time
	actions []string
}

// claimAnswer is what an action of the seller does.
type claimAnswer struct {
	status claimStatus
	goods  claimGoods
}

// claimAnswers are the actions of FBS and DBS; those of click & collect are not
// simulated.
var claimAnswers = map[string]claimAnswer{
	"approve1":     {claimApproved, goodsToCheck},
	"approve2":     {claimApproved, goodsToSeller},
	"autorefund1":  {claimApproved, goodsRefunded},
	"reject1":      {claimRejected, goodsKept},
	"reject2":      {claimRejected, goodsKept},
	"reject3":      {claimRejected, goodsKept},
	"rejectcustom": {claimRejected, goodsKept},
}

// openActions are offered for a fresh claim; a rejected one may be granted after
// all, and goods that are to be checked may be left to the buyer.
var openActions = []string{"autorefund1", "approve1", "approve2", "reject1", "reject2", "reject3", "rejectcustom"}

// complain opens a claim about a sold order; another one only after a rejection.
// ok is false when the buyer cannot. The lock must be held.
func (m *Market) complain(o *order, now time.Time) (ok bool) {
	if b := m.backs[o.rid]; b != nil {
		last := b.last()
		st := last.hist.Now()
		if st.status != claimRejected {
			return false
		}
		st.actions = nil
		last.hist.Set(now, st)
	}
	b := m.comeback(o, orderhub.ReturnDefect, now)
	c := &claim{id: m.uuid(), back: b, opened: now, comment: "Скол на ручке, товар не соответствует описанию"}
	c.hist.Set(now, claimState{status: claimOpen, goods: goodsReview, updated: now, actions: openActions})
	b.claims = append(b.claims, c)
	m.claims[c.id] = c
	m.claimList = append(m.claimList, c)
	return true
}

// decide gives a claim its next state.
func (c *claim) decide(status claimStatus, goods claimGoods, comment string, now time.Time) {
	st := claimState{status: status, goods: goods, comment: comment, updated: now}
	switch goods {
	case goodsKept:
		st.actions = []string{"autorefund1", "approve1"}
	case goodsToCheck:
		st.actions = []string{"autorefund1"}
	case goodsReview, goodsScrapped, goodsRefunded, goodsToSeller:
	}
	c.hist.Set(now, st)
}

type claimWire struct {
	ID           string      `json:"id"`
	ClaimType    int         `json:"claim_type"`
	Status       claimStatus `json:"status"`
	StatusEx     claimGoods  `json:"status_ex"`
	NmID         int64       `json:"nm_id"`
	UserComment  string      `json:"user_comment"`
	WBComment    *string     `json:"wb_comment"`
	Dt           string      `json:"dt"`
	ImtName      *string     `json:"imt_name"`
	OrderDt      string      `json:"order_dt"`
	DtUpdate     string      `json:"dt_update"`
	Photos       []string    `json:"photos"`
	VideoPaths   []string    `json:"video_paths"`
	Actions      []string    `json:"actions"`
	Price        json.Number `json:"price"`
	CurrencyCode string      `json:"currency_code"`
	Srid         string      `json:"srid"`
	OriginIDInfo *string     `json:"origin_id_info"`
	DeliveryDt   string      `json:"delivery_dt"`
}

// moscowTime writes a time the way claims and returns do: without a zone.
func moscowTime(t time.Time) string { return t.In(moscow).Format("2006-01-02T15:04:05.999999") }

func (c *claim) wire(st claimState) claimWire {
	o := c.back.order
	w := claimWire{
		ID: c.id, ClaimType: 1, Status: st.status, StatusEx: st.goods, NmID: o.article.nmID, UserComment: c.comment,
		Dt: moscowTime(c.opened), OrderDt: moscowTime(o.placed), DtUpdate: moscowTime(st.updated),
		Photos: []string{"//photos.example.net/claim/" + c.id + "/1.webp"}, VideoPaths: []string{}, Actions: texts(st.actions),
		// Whole units of the currency, as in prices; orders count kopecks.
		Price:        json.Number(fmt.Sprintf("%d.%02d", o.finalPrice()/100, o.finalPrice()%100)),
		CurrencyCode: strconv.Itoa(rub), Srid: o.rid, DeliveryDt: moscowTime(o.hist.ChangedAt()),
	}
	if st.comment != "" {
		w.WBComment = &st.comment
	}
	return w
}

// claimsReach is how far back the list goes.
const claimsReach = 14 * 24 * time.Hour

// listClaims is GET /api/v1/claims, newest first.
func (m *Market) listClaims(c *call) *reply {
	q := c.r.URL.Query()
	if !q.Has("is_archive") {
		return m.claimsError("Failed to deserialize query string: missing field `is_archive`")
	}
	archive, err := strconv.ParseBool(q.Get("is_archive"))
	limit, ok1 := number(q, "limit", 50)
	offset, ok2 := number(q, "offset", 0)
	nm, ok3 := number(q, "nm_id", 0)
	if err != nil || !ok1 || !ok2 || !ok3 || limit < 1 || limit > 200 || offset < 0 {
		return m.claimsError("Failed to deserialize query string: invalid value")
	}
	t := c.asOf()
	page, total := []claimWire{}, int64(0)
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, cl := range slices.Backward(m.claimList) {
		st, exists := cl.hist.At(t)
		switch {
		case !exists, c.now.Sub(cl.opened) > claimsReach, archive != (st.status != claimOpen):
			continue
		case q.Has("id") && q.Get("id") != cl.id, nm != 0 && nm != cl.back.order.article.nmID:
			continue
		}
		if total++; total > offset && total <= offset+limit {
			page = append(page, cl.wire(st))
		}
	}
	return answer(http.StatusOK, map[string]any{"claims": page, "total": total})
}

// number reads a whole number of the query, or takes the usual one.
func number(q url.Values, key string, usual int64) (int64, bool) {
	if !q.Has(key) {
		return usual, true
	}
	n, err := strconv.ParseInt(q.Get(key), 10, 64)
	return n, err == nil
}

// answerClaim is PATCH /api/v1/claim.
func (m *Market) answerClaim(c *call) *reply {
	var body struct {
		ID      string  `json:"id"`
		Action  string  `json:"action"`
		Comment *string `json:"comment"`
	}
	if !c.body(&body) || body.ID == "" {
		return m.claimError("Input model is not valid; Details: The Id field is required.")
	}
	if body.Action == "" {
		return m.claimError("Input model is not valid; Details: The Action field is required.")
	}
	if n := utf8.RuneCountInString(deref(body.Comment)); (body.Comment != nil && (n < 10 || n > 1000)) || (body.Action == "rejectcustom" && n == 0) {
		return m.claimError("Input model is not valid; Details: The Comment field must have 10 to 1000 characters.")
	}
	defer c.lock()()
	cl := m.claims[body.ID]
	if cl == nil {
		return m.claimError("The claim is not found.")
	}
	does, ok := claimAnswers[body.Action]
	if !ok || !slices.Contains(cl.hist.Now().actions, body.Action) {
		return m.claimError("The action is not available for this claim.")
	}
	comment := deref(body.Comment)
	if body.Action != "rejectcustom" {
		comment = "Продавец рассмотрел вашу заявку"
	}
	cl.decide(does.status, does.goods, comment, c.now)
	cl.back.calls = append(cl.back.calls, marketsim.Call{At: c.now, What: body.Action})
	return &reply{status: http.StatusOK}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// reportBody is the shape of errors of claims and of the report on returns.
type reportBody struct {
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	Origin    string `json:"origin,omitempty"`
	RequestID string `json:"requestId"`
}

func (m *Market) claimsError(detail string) *reply {
	return &reply{
		status: http.StatusBadRequest, contentType: "application/problem+json",
		body: reportBody{Title: "Invalid query params", Detail: detail, RequestID: m.requestID()},
	}
}

func (m *Market) claimError(detail string) *reply {
	return &reply{
		status: http.StatusBadRequest, contentType: "application/json; charset=utf-8",
		body: reportBody{Title: "Validation error", Detail: detail, RequestID: m.requestID()},
	}
}
