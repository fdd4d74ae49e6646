package wildberries

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// claimPage is an answer of the list of claims. Total does not depend on the page.
type claimPage struct {
	Claims list[json.RawMessage] `json:"claims"`
	Total  int                   `json:"total"`
}

// wireClaim is a buyer's claim. Its amounts are whole units of the currency, not
// hundredths as in orders; its times are Moscow's and carry no zone.
type wireClaim struct {
	ID          string       `json:"id"`
	SRID        string       `json:"srid"`
	Status      rest.Text    `json:"status"`
	StatusEx    rest.Text    `json:"status_ex"`
	UserComment string       `json:"user_comment"`
	Dt          string       `json:"dt"`
	DtUpdate    string       `json:"dt_update"`
	Name        string       `json:"imt_name"`
	Photos      []string     `json:"photos"`
	Videos      []string     `json:"video_paths"`
	Actions     list[string] `json:"actions"`
	Price       rest.Text    `json:"price"`
	Currency    rest.Text    `json:"currency_code"`
	// OriginIDInfo is the result of comparing the IMEI of a smartphone.
	OriginIDInfo string `json:"origin_id_info"`
}

// claimAnswer is an answer to a claim.
type claimAnswer struct {
	ID      string `json:"id"`
	Action  string `json:"action"`
	Comment string `json:"comment,omitempty"`
}

// goodsPage is an answer of the report on returns.
type goodsPage struct {
	Report list[json.RawMessage] `json:"report"`
	Count  int                   `json:"count"`
}

// wireGoods is a unit of goods on its way back. A time that has not come is empty.
type wireGoods struct {
	SRID        string    `json:"srid"`
	OrderID     rest.Text `json:"orderId"`
	StickerID   rest.Text `json:"stickerId"`
	ShkID       rest.Text `json:"shkId"`
	Type        string    `json:"returnType"`
	Reason      string    `json:"returnReason"`
	Status      string    `json:"returnStatus"`
	OrderDt     string    `json:"orderDt"`
	ReadyDt     string    `json:"readyToReturnDt"`
	ExpiredDt   string    `json:"expiredDt"`
	CompletedDt string    `json:"completedDt"`
	Office      string    `json:"dstOfficeAddress"`
	Subject     string    `json:"subjectName"`
}

// claims lists claims of the last 14 days, of one state or by id.
// GET /api/v1/claims, section customer-communication.
func (c client) claims(ctx context.Context, archive bool, id string, offset int) (claimPage, error) {
	q := url.Values{
		"is_archive": {strconv.FormatBool(archive)}, "limit": {strconv.Itoa(c.claimPage)}, "offset": {strconv.Itoa(offset)},
	}
	if id != "" {
		q.Set("id", id)
	}
	call := rest.Call{Method: http.MethodGet, URL: rest.Join(c.returns, "/api/v1/claims"), Query: q, Group: groupClaims}
	var out claimPage
	err := c.do(ctx, call, &out)
	if err == nil && out.Claims == nil {
		err = lacks(call, "claims")
	}
	return out, err
}

// answerClaim answers a claim. PATCH /api/v1/claim, section customer-communication.
// The good answer has no body.
func (c client) answerClaim(ctx context.Context, answer claimAnswer) error {
	return c.do(ctx, rest.Call{
		Method: http.MethodPatch, URL: rest.Join(c.returns, "/api/v1/claim"), Body: answer, Group: groupClaims, Write: true,
	}, nil)
}

// itemReturns lists goods on their way back to the seller (status active) and
// those that are there (archive). from and to are days of at most a month; 204 is
// an empty list. GET /api/analytics/v1/item-returns, section reports, since
// September 2026.
func (c client) itemReturns(ctx context.Context, status string, from, to time.Time, offset int) (goodsPage, error) {
	call := rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.analytics, "/api/analytics/v1/item-returns"), Group: groupReturns,
		Query: url.Values{
			"dateFrom": {from.Format(time.DateOnly)}, "dateTo": {to.Format(time.DateOnly)}, "status": {status},
			"limit": {strconv.Itoa(c.page)}, "offset": {strconv.Itoa(offset)},
		},
	}
	resp, err := c.rest.Do(context.WithValue(ctx, noteKey{}, &note{group: call.Group}), call)
	if err != nil || resp.Status == http.StatusNoContent {
		return goodsPage{}, err
	}
	var out goodsPage
	if err := rest.Decode(resp.Body, &out); err != nil {
		return goodsPage{}, orderhub.NewBorderError(orderhub.ClassRetry, "wildberries: "+call.Method, "the answer is not the JSON that the document promises", err)
	}
	if out.Report == nil {
		return goodsPage{}, lacks(call, "report")
	}
	return out, nil
}
