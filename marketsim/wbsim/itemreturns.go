package wbsim

import (
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
)

type itemReturn struct {
	SKU              string `json:"sku"`
	Brand            string `json:"brand"`
	CompletedDt      string `json:"completedDt"`
	DstOfficeAddress string `json:"dstOfficeAddress"`
	DstOfficeID      int64  `json:"dstOfficeId"`
	KIZ              string `json:"kiz"`
	ExpiredDt        string `json:"expiredDt"`
	NmID             int64  `json:"nmId"`
	OrderDt          string `json:"orderDt"`
	OrderID          int64  `json:"orderId"`
	ReadyToReturnDt  string `json:"readyToReturnDt"`
	ReturnType       string `json:"returnType"`
	ReturnStatus     string `json:"returnStatus"`
	ShkID            int64  `json:"shkId"`
	Srid             string `json:"srid"`
	StickerID        string `json:"stickerId"`
	SubjectName      string `json:"subjectName"`
	TechSize         string `json:"techSize"`
}

// secondTime is a time of the report: whole seconds, empty when it has not come.
func secondTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(moscow).Format("2006-01-02T15:04:05")
}

func (b *comeback) wire(g goodsState) itemReturn {
	o := b.order
	w := itemReturn{
		SKU: o.article.barcode, Brand: "Simulated", DstOfficeAddress: "Калуга Улица Ленина 19", DstOfficeID: 310105,
		NmID: o.article.nmID, OrderDt: g.started.In(moscow).Format(time.DateOnly), OrderID: o.id,
		ReadyToReturnDt: secondTime(g.ready), ExpiredDt: secondTime(g.expires), CompletedDt: secondTime(g.done),
		ReturnType: "Возврат брака", ReturnStatus: "В пути в пвз", ShkID: 20_000_000_000 + o.id, Srid: o.rid,
		StickerID: fmt.Sprint(30_000_000_000 + o.id), SubjectName: "Товары для дома", TechSize: "0",
	}
	if b.kind == orderhub.ReturnRefused {
		w.ReturnType = "АвтоВозврат МП"
	}
	switch {
	case !g.done.IsZero():
		w.ReturnStatus = "Выдан"
	case !g.ready.IsZero():
		w.ReturnStatus = "Готов к выдаче"
	}
	return w
}

// maxReport is the longest period of the report on returns.
const maxReport = 31 * 24 * time.Hour

// itemReturns is GET /api/analytics/v1/item-returns: goods whose way back began
// on a day of the period, by Moscow time.
func (m *Market) itemReturns(c *call) *reply {
	q := c.r.URL.Query()
	from, err1 := time.Parse(time.DateOnly, q.Get("dateFrom"))
	to, err2 := time.Parse(time.DateOnly, q.Get("dateTo"))
	limit, ok1 := number(q, "limit", 0)
	offset, ok2 := number(q, "offset", -1)
	status := q.Get("status")
	switch {
	case err1 != nil, err2 != nil, to.Before(from), to.Sub(from) >= maxReport:
		return m.reportError("The period is not valid")
	case !ok1, !ok2, limit < 1, offset < 0, status != "active" && status != "archive":
		return m.reportError("The parameters are not valid")
	}
	t := c.asOf()
	page, total := []itemReturn{}, int64(0)
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, b := range m.backList {
		g, exists := b.goods.At(t)
		if !exists || (status == "archive") != !g.done.IsZero() {
			continue
		}
		if day := g.started.In(moscow).Format(time.DateOnly); day < q.Get("dateFrom") || day > q.Get("dateTo") {
			continue
		}
		if total++; total > offset && total <= offset+limit {
			page = append(page, b.wire(g))
		}
	}
	if total == 0 {
		return noContent()
	}
	return answer(http.StatusOK, map[string]any{"count": total, "report": page})
}

func (m *Market) reportError(detail string) *reply {
	return &reply{
		status: http.StatusBadRequest, contentType: "application/problem+json",
		body: reportBody{Title: "Bad Request", Detail: detail, Origin: "analytics-open-api", RequestID: m.requestID()},
	}
}
