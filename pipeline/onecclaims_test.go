package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/onectest"
)

// rowBack is a row as 1C sends it, requisiteBack a requisite of its order.
func rowBack(sku, units string) string {
	return "<Товар><Ид>" + sku + "</Ид><Артикул>" + sku + "</Артикул><Количество>" + units + "</Количество></Товар>"
}

func requisiteBack(name, value string) string {
	return "<ЗначениеРеквизита><Наименование>" + name + "</Наименование><Значение>" + value + "</Значение></ЗначениеРеквизита>"
}

// documentBack is an order as 1C sends it.
func documentBack(number, rows, requisites string) string {
	return "<Документ><Ид>guid-" + number + "</Ид><Номер>" + number + "</Номер><ХозОперация>Заказ товара</ХозОперация><Товары>" + rows +
		"</Товары><ЗначенияРеквизитов>" + requisites + "</ЗначенияРеквизитов></Документ>"
}

func fileBack(documents ...string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация>` + strings.Join(documents, "") + `</КоммерческаяИнформация>`)
}

// sendBack uploads documents of 1C under a name of their own.
func (c *caller) sendBack(name string, documents ...string) string {
	c.w.t.Helper()
	return c.post("type=sale&mode=file&filename="+name, fileBack(documents...))
}

// TestAskedAgainBeforeSuccess: the answer to a query was lost and 1C, or a proxy on
// the way, asks again in the same session. The success after it is of the second
// answer: what was in the first comes again.
func TestAskedAgainBeforeSuccess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(func(s *orderhub.OnecSettings) { s.Batch = 2 })
		for i := range 3 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		c := w.caller(b)
		if lost := c.get("type=sale&mode=query"); strings.Count(lost, "<Документ>") != 2 {
			t.Fatal(lost)
		}
		if second := c.get("type=sale&mode=query"); !strings.Contains(second, "<Номер>"+w.number("2")+"</Номер>") || strings.Count(second, "<Документ>") != 1 {
			t.Errorf("given twice in one session: %s", second)
		}
		c.want(c.get("type=sale&mode=success"), "success", "")
		w.download(b, 2)
		// The same, and nothing more to give.
		w.take(snap("4", orderhub.StatusNew))
		c = w.caller(b)
		c.get("type=sale&mode=query")
		c.get("type=sale&mode=query")
		c.want(c.get("type=sale&mode=success"), "success", "")
		w.download(b, 1)
		w.download(b, 0)
	})
}

// TestAModuleThatAsksOn: for 1C-Bitrix' module the next question is the success.
func TestAModuleThatAsksOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(func(s *orderhub.OnecSettings) { s.Batch, s.Flavour = 2, orderhub.OnecBitrix })
		for i := range 3 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		c := w.caller(b)
		for _, want := range []int{2, 1, 0} {
			if got := c.get("type=sale&mode=query"); strings.Count(got, "<Документ>") != want {
				t.Errorf("%d documents wanted: %s", want, got)
			}
		}
		w.download(b, 0)
	})
}

// TestNumbersOfAnotherSite: a base that exchanged with another site before sends
// numbers that the hub has used for orders it never gave to this base.
func TestNumbersOfAnotherSite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.fake.place(snap("1", orderhub.StatusNew))
		w.sweep()
		w.must(w.hub.tendOnec(t.Context())) // marked, and given to nobody
		c := w.caller(b)
		c.want(c.sendBack("o.xml", documentBack(w.number("1"), "", requisiteBack("Отменен", "true"))), "success", "")
		if o := w.order("1"); o.Requested != "" {
			t.Errorf("an order that 1C never got is asked to be %s", o.Requested)
		}
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldNumber || list[0].Wanted != w.number("1") {
			t.Errorf("conflicts: %+v", list)
		}
		w.download(b, 1)
		c.want(c.sendBack("p.xml", documentBack(w.number("1"), "", requisiteBack("Проведен", "true"))), "success", "")
		if o := w.order("1"); o.Requested != orderhub.StatusConfirmed {
			t.Errorf("requested %q", o.Requested)
		}
	})
}

// TestOddQuantities: half a unit, less than none and no number at all are no wish to
// cancel units on a marketplace.
func TestOddQuantities(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		for i := range 4 {
			w.fake.place(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		w.sweep()
		w.download(b, 4)
		c := w.caller(b)
		posted := requisiteBack("Проведен", "true")
		c.want(c.sendBack("o.xml",
			documentBack(w.number("0"), rowBack("0557722", "1,5"), posted), documentBack(w.number("1"), rowBack("0557722", "-1"), posted),
			documentBack(w.number("2"), rowBack("0557722", "две"), posted), documentBack(w.number("3"), rowBack("0557722", "2,000"), posted)), "success", "")
		w.pushFor(20 * time.Second)
		if made := w.fake.cuts.made; len(made) != 0 {
			t.Errorf("units were cancelled: %+v", made)
		}
		told := map[int64]orderhub.OnecConflict{}
		for _, x := range w.conflicts(n) {
			told[x.OrderID] = x
		}
		for _, id := range []string{"0", "1", "2"} {
			if x := told[w.order(id).ID]; x.Field != orderhub.OnecFieldLines || x.Why == "" {
				t.Errorf("order %s: %+v", id, x)
			}
		}
		if len(told) != 3 || w.order("3").Headline != orderhub.StatusConfirmed {
			t.Errorf("%+v; the good one is %s", told, w.order("3").Headline)
		}
	})
}

// TestCancelledStandsAboveTheWord: УНФ leaves a cancelled order with the word of an
// ended one.
func TestCancelledStandsAboveTheWord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(func(s *orderhub.OnecSettings) {
			s.StatusesIn = map[string]orderhub.Status{"Завершен": orderhub.StatusShipped}
		})
		w.fake.place(snap("1", orderhub.StatusConfirmed), snap("2", orderhub.StatusConfirmed))
		w.sweep()
		w.download(b, 2)
		word := requisiteBack("Статус заказа", "Завершен")
		c := w.caller(b)
		c.want(c.sendBack("o.xml", documentBack(w.number("1"), "", word+requisiteBack("Отменен", "true")), documentBack(w.number("2"), "", word)), "success", "")
		if one, two := w.order("1").Requested, w.order("2").Requested; one != orderhub.StatusCancelled || two != orderhub.StatusShipped {
			t.Errorf("requested %q and %q", one, two)
		}
	})
}

// TestHubIsMasterOfTheStatus: then 1C moves nothing and takes nothing out; what it
// did is shown.
func TestHubIsMasterOfTheStatus(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(func(s *orderhub.OnecSettings) { s.Status = orderhub.MasterHub })
		w.fake.place(snap("1", orderhub.StatusNew))
		w.sweep()
		w.download(b, 1)
		b.Work(w.number("1"), func(o *onectest.Order) {
			o.Posted, o.Tracking, o.Rows = true, "RR1", slices.Clone(o.Rows)
			o.Rows[0].Units = 1
		})
		w.upload(b)
		w.pushFor(20 * time.Second)
		if got := w.fake.pushed(); len(got) != 0 || len(w.fake.cuts.made) != 0 || w.order("1").Requested != "" {
			t.Errorf("pushed %v, cut %+v", got, w.fake.cuts.made)
		}
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldLines || !strings.Contains(list[0].Why, "status") {
			t.Errorf("conflicts: %+v", list)
		}
	})
}

// TestCancelledTooLate: what a buyer has cannot be cancelled; a person sees that 1C
// did.
func TestCancelledTooLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.fake.place(snap("1", orderhub.StatusReturned), snap("2", orderhub.StatusDelivered))
		w.sweep()
		w.download(b, 2)
		for _, id := range []string{"1", "2"} {
			b.Work(w.number(id), func(o *onectest.Order) { o.Posted, o.Shipped, o.Void = true, true, true })
		}
		w.upload(b)
		w.pushFor(20 * time.Second)
		if list := w.conflicts(n); len(list) != 2 || list[0].Wanted != "cancelled" || list[0].Why == "" {
			t.Errorf("conflicts: %+v", list)
		}
		if got := w.fake.pushed(); len(got) != 0 {
			t.Errorf("pushed %v", got)
		}
	})
}

// TestABrokenLineDoesNotStarveTheRest: a few lost answers put a whole batch under
// suspicion; it is clear again in a few exchanges, not in one for each order.
func TestABrokenLineDoesNotStarveTheRest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(func(s *orderhub.OnecSettings) { s.Batch = 40 })
		for i := range 40 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		b.Drop = func(step string) bool { return step == "before sale success" }
		for range n.Settings.Patience {
			_, _ = b.Download(t.Context())
		}
		b.Drop = nil
		w.take(snap("late", orderhub.StatusNew))
		bad := w.number("17")
		b.Refuse = func(number string) bool { return number == bad }
		rounds := 0
		for ; rounds < 100; rounds++ {
			if state, err := w.hub.OnecNodeState(t.Context(), n.ID); err != nil || state.Due == 1 && state.Sticking == 1 {
				w.must(err)
				break
			}
			_, _ = b.Download(t.Context())
			w.clock.add(time.Second)
		}
		if list := w.conflicts(n); rounds > 25 || len(list) != 1 || list[0].OrderID != w.order("17").ID {
			t.Errorf("%d exchanges; conflicts %+v", rounds, list)
		}
	})
}

// TestAnOrderOfNoUnits: everything was taken out of it and it gave up its amounts;
// 1C has to hear that it is cancelled.
func TestAnOrderOfNoUnits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.take(snap("1", orderhub.StatusNew))
		w.download(b, 1)
		w.take(with(snap("1", orderhub.StatusCancelled), func(s *orderhub.Snapshot) {
			s.Total = orderhub.Money{}
			s.Lines[0].Quantity, s.Lines[0].Total = 0, orderhub.Money{Currency: "RUB"}
		}))
		w.download(b, 1)
		if o := b.Orders()[0]; !o.Cancelled || len(o.Rows) != 0 || o.Total != "0.00" {
			t.Errorf("%+v; conflicts %+v", o, w.conflicts(n))
		}
	})
}
