package yandexsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func layout(allowRemove bool, boxes ...string) string {
	return fmt.Sprintf(`{"allowRemove":%v,"boxes":[%s]}`, allowRemove, strings.Join(boxes, ","))
}

func TestBoxes(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	lines := []marketsim.SpecLine{{SKU: "A", Quantity: 3, PriceMinor: 100_00}, {SKU: "B", Quantity: 1, PriceMinor: 250_00}}
	id := s.place(orderhub.SchemeFBS, lines...)
	at := path(orderhub.SchemeFBS, id, "/boxes")
	order := func() reply { return s.ok("POST", listPath, `{"orderIds":[`+id+`]}`) }
	a, b := order().at("orders", 0, "items", 0, "id").(json.Number), order().at("orders", 0, "items", 1, "id").(json.Number)
	whole := func(item json.Number, n int) string { return fmt.Sprintf(`{"id":%s,"fullCount":%d}`, item, n) }
	half := func(item json.Number, i, n int) string {
		return fmt.Sprintf(`{"id":%s,"partialCount":{"current":%d,"total":%d}}`, item, i, n)
	}
	boxOf := func(items ...string) string { return `{"items":[` + strings.Join(items, ",") + `]}` }

	r := s.ok("PUT", at, layout(false, boxOf(whole(a, 3)), boxOf(half(b, 1, 2)), boxOf(half(b, 2, 2))))
	if n := len(r.at("result", "boxes").([]any)); n != 3 || r.at("result", "boxes", 0, "boxId") == nil {
		t.Errorf("boxes %s", r.raw)
	}
	if n := len(order().at("orders", 0, "delivery", "boxesLayout").([]any)); n != 3 {
		t.Errorf("%d boxes in the order", n)
	}
	for name, body := range map[string]string{
		"more units than ordered":  layout(true, boxOf(whole(a, 4), whole(b, 1))),
		"units missing":            layout(false, boxOf(whole(a, 2), whole(b, 1))),
		"unknown item":             layout(false, boxOf(whole(a, 3), whole(b, 1), whole("1", 1))),
		"item twice in a box":      layout(false, boxOf(whole(a, 1), whole(a, 2), whole(b, 1))),
		"part beside whole":        layout(false, boxOf(whole(a, 3), half(b, 1, 2)), boxOf(half(b, 2, 2))),
		"part missing":             layout(false, boxOf(whole(a, 3)), boxOf(half(b, 1, 2))),
		"impossible part":          layout(false, boxOf(whole(a, 3)), boxOf(half(b, 3, 2))),
		"neither whole nor part":   layout(false, boxOf(`{"id":`+a.String()+`}`)),
		"codes for too few units":  layout(false, boxOf(`{"id":`+a.String()+`,"fullCount":3,"instances":[{"cis":"x"}]}`, whole(b, 1))),
		"two codes for a unit":     layout(false, boxOf(whole(a, 3), `{"id":`+b.String()+`,"fullCount":1,"instances":[{"cis":"x","uin":"y"}]}`)),
		"nothing left":             layout(true, boxOf(whole("1", 1))),
		"empty box":                layout(false, boxOf(whole(a, 3), whole(b, 1)), boxOf()),
		"count of zero in the box": layout(true, boxOf(whole(a, 3), whole(b, 0))),
	} {
		if got := s.refused("PUT", at, body, 400, "Invalid order boxes layout request. Violations: "); t.Failed() {
			t.Fatalf("%s: %s", name, got.raw)
		}
	}
	s.refused("PUT", at, `{"boxes":[]}`, 400, "boxes must not be empty")
	s.refused("PUT", path(orderhub.SchemeDBS, id, "/boxes"), layout(false, boxOf(whole(a, 3))), 404, "Failed to find order with id "+id)

	// A removal is for good: the line stays with its smaller count.
	s.ok("PUT", at, layout(true, boxOf(whole(a, 2), whole(b, 1))))
	s.ok("PUT", at, layout(true, boxOf(whole(a, 2))))
	if got := order().at("orders", 0, "items", 1, "count"); got != json.Number("0") {
		t.Errorf("a removed line has count %v", got)
	}
	if o := s.truth(id); o.Units != 2 || o.TotalMinor != 200_00 {
		t.Errorf("after removal %d units worth %d", o.Units, o.TotalMinor)
	}
	s.refused("PUT", at, layout(true, boxOf(whole(a, 1))), 400, "is the only one of the order")
	s.setStatus(orderhub.SchemeFBS, id, "PROCESSING", "READY_TO_SHIP")
	s.refused("PUT", at, layout(false, boxOf(whole(a, 2))), 400, "Attempt to change order items or instances after READY_TO_SHIP")
	s.progress(id, 2)
	s.refused("PUT", at, layout(false, boxOf(whole(a, 2))), 400, "Action is not allowed for order "+id+" with status DELIVERY and substatus DELIVERY_SERVICE_RECEIVED")
	fby := s.place(orderhub.SchemeFBO)
	s.refused("PUT", path(orderhub.SchemeFBO, fby, "/boxes"), layout(false, boxOf(whole(a, 2))), 400, "Campaign type is not allowed")
}

// TestMarking: an order with marked goods is ready only when every unit has a
// code that passed the check.
func TestMarking(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Marked: []string{"M"}, Now: c.now})
	id := s.place(orderhub.SchemeFBS, marketsim.SpecLine{SKU: "M", Quantity: 2, PriceMinor: 500_00})
	r := s.ok("POST", listPath, `{"orderIds":[`+id+`]}`)
	if got := r.at("orders", 0, "items", 0, "requiredInstanceTypes", 0); got != "CIS" {
		t.Errorf("required types %v", got)
	}
	item := r.at("orders", 0, "items", 0, "id").(json.Number)
	put := func(codes ...string) {
		t.Helper()
		var list []string
		for _, code := range codes {
			list = append(list, `{"cis":"`+code+`"}`)
		}
		s.ok("PUT", path(orderhub.SchemeFBS, id, "/boxes"),
			layout(false, fmt.Sprintf(`{"items":[{"id":%s,"fullCount":2,"instances":[%s]}]}`, item, strings.Join(list, ","))))
	}
	check := func() []any {
		t.Helper()
		r := s.ok("POST", path(orderhub.SchemeFBS, id, "/identifiers/status"), "")
		return []any{r.at("result", "items", 0, "cis", 0, "status"), r.at("result", "items", 0, "cis", 1, "status")}
	}
	notYet := func() {
		t.Helper()
		s.refused("PUT", path(orderhub.SchemeFBS, id, "/status"), `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, 400, "by reason: cises not loaded")
	}
	good, bad := `0104600000000017215abcDEF\u001d93AbCd`, `0104600000000017215abcDEG93AbCe`
	notYet()
	put(good, bad)
	if got := check(); got[0] != "IN_PROGRESS" {
		t.Errorf("at once: %v", got)
	}
	notYet()
	c.pass(time.Second)
	if got := check(); got[0] != "OK" || got[1] != "INVALID" {
		t.Errorf("after the check: %v", got)
	}
	notYet()
	put(good, good)
	c.pass(time.Second)
	s.setStatus(orderhub.SchemeFBS, id, "PROCESSING", "READY_TO_SHIP")

	s.m.inject.Set(marketsim.Faults{FailRows: 1})
	id = s.place(orderhub.SchemeFBS, marketsim.SpecLine{SKU: "M", Quantity: 2, PriceMinor: 500_00})
	item = s.ok("POST", listPath, `{"orderIds":[`+id+`]}`).at("orders", 0, "items", 0, "id").(json.Number)
	put(good, good)
	c.pass(time.Second)
	if got := check(); got[0] != "FAILED" {
		t.Errorf("with failing checks: %v", got)
	}
	notYet()
}
