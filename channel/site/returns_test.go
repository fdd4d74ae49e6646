package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
)

// back is a return with further fields; the last one of a name counts.
func back(fields string) string {
	return `{"return":{"id":"R1","order_id":"727","state":"announced","currency":"RUB","lines":[{"sku":"A","quantity":1}]` + fields + `}}`
}

func returnSamples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/returns/*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range files {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		if out[strings.TrimSuffix(name, ".json")], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 5 {
		t.Fatalf("only %d samples", len(out))
	}
	return out
}

func TestNormaliseReturn(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	for name, body := range returnSamples(t) {
		s, err := a.NormaliseReturn(kindReturn, body)
		var got any = s
		if err != nil {
			got = map[string]string{"error": err.Error()}
		}
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		channeltest.Golden(t, name+".golden.json", append(b, '\n'))
	}
}

func TestNormaliseReturnRefusesNonsense(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("я", n) }
	line := func(fields string) string { return back(`,"lines":[{"sku":"A","quantity":1},{` + fields + `}]`) }
	a := setup(t, nil)
	for _, tt := range []struct{ name, body, field, says string }{
		{"not JSON", `{"return":`, "", "not JSON"},
		{"an order", order(""), "return", "is missing"},
		{"null", `{"return":null}`, "return", "is missing"},
		{"a list", `{"return":[]}`, "return", "want an object"},
		{"nothing in it", `{"return":{}}`, "return.id", "is missing"},
		{"no id", back(`,"id":""`), "return.id", "is missing"},
		{"id is an object", back(`,"id":{}`), "return.id", "want a string or a number"},
		{"fractional id", back(`,"id":1.5`), "return.id", "whole number"},
		{"long id", back(`,"id":"` + long(101) + `"`), "return.id", "allowed: up to 100"},
		{"no order", back(`,"order_id":null`), "return.order_id", "is missing"},
		{"blank order", back(`,"order_id":" 7"`), "return.order_id", "blank"},
		{"no state", back(`,"state":null`), "return.state", "known words: announced"},
		{"long state", back(`,"state":"` + long(61) + `"`), "return.state", "allowed: up to 60"},
		{"long kind", back(`,"kind":"` + long(61) + `"`), "return.kind", "allowed: up to 60"},
		{"negative version", back(`,"version":-1`), "return.version", "whole numbers from 0"},
		{"no lines", back(`,"lines":[]`), "return.lines", "1 to 1000"},
		{"lines is an object", back(`,"lines":{}`), "return.lines", "want a list"},
		{"too many lines", back(`,"lines":[` + strings.TrimSuffix(strings.Repeat(`{"quantity":1},`, 1001), ",") + `]`), "return.lines", "allowed: up to 1000"},
		{"a line is text", back(`,"lines":["A"]`), "return.lines[0]", "want an object"},
		{"no quantity", line(`"sku":"B","qty":1`), "return.lines[1].quantity", "allowed: 1 to 1000000"},
		{"a fraction", line(`"quantity":1.5`), "return.lines[1].quantity", "whole"},
		{"too many", line(`"quantity":1000001`), "return.lines[1].quantity", "allowed: 1 to 1000000"},
		{"long sku", line(`"quantity":1,"sku":"` + long(101) + `"`), "return.lines[1].sku", "allowed: up to 100"},
		{"negative price", line(`"quantity":1,"price":-1`), "return.lines[1].price", "allowed: 0 to"},
		{"negative refund", back(`,"refund":"-0.01"`), "return.refund", "allowed: 0 to"},
		{"huge refund", back(`,"refund":1000000000.01`), "return.refund", "allowed: 0 to"},
		{"refund without currency", back(`,"currency":null,"refund":"5"`), "return.refund", "no currency"},
		{"currency", back(`,"currency":"р."`), "return.currency", "ISO 4217"},
		{"last century", back(`,"opened_at":"1999-12-31T23:59:59Z"`), "return.opened_at", "from 2000"},
		{"no zone", back(`,"updated_at":"2026-03-02T09:00:00"`), "return.updated_at", "RFC 3339"},
		{"control character", back(`,"reason":"a\u0000"`), "return.reason", "control character U+0000"},
		{"long reason", back(`,"reason":"` + long(301) + `"`), "return.reason", "allowed: up to 300"},
		{"long comment", back(`,"comment":"` + long(4001) + `"`), "return.comment", "allowed: up to 4000"},
	} {
		_, err := a.NormaliseReturn(kindReturn, []byte(tt.body))
		var e *orderhub.Error
		if !asError(err, &e) || e.Code != orderhub.CodeInvalid || e.Field != tt.field || !strings.Contains(e.Sentence, tt.says) || !strings.HasPrefix(e.Sentence, tt.field) {
			t.Errorf("%s: got %v; want %q, %q", tt.name, err, tt.field, tt.says)
		}
	}
	if _, err := a.NormaliseReturn("return_v9", []byte(back(""))); err == nil {
		t.Error("a kind of another time was taken")
	}
	if _, err := a.Normalise(kindReturn, []byte(back(""))); err == nil {
		t.Error("a return was taken for an order")
	}
}

func TestNormaliseReturnTranslatesWords(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	for word, want := range map[string]orderhub.ReturnState{
		"announced": orderhub.ReturnAnnounced, "Requested ": orderhub.ReturnAnnounced, "approved": orderhub.ReturnAnnounced,
		"on_the_way": orderhub.ReturnOnTheWay, "in_transit": orderhub.ReturnOnTheWay, "at_pickup": orderhub.ReturnAtPickup,
		"RECEIVED": orderhub.ReturnReceived, "closed": orderhub.ReturnClosed, "rejected": orderhub.ReturnClosed,
		"withdrawn": orderhub.ReturnClosed, "lost": orderhub.ReturnClosed,
	} {
		s, err := a.NormaliseReturn(kindReturn, []byte(back(fmt.Sprintf(`,"state":%q`, word))))
		if err != nil || s.State != want || s.Native != word || len(s.Drift) > 0 {
			t.Errorf("%q: %+v, %v; want %s", word, s, err, want)
		}
	}
	// The decision about the goods is the hub's.
	for _, word := range []string{"decided", "утилизирован"} {
		s, err := a.NormaliseReturn(kindReturn, []byte(back(fmt.Sprintf(`,"state":%q`, word))))
		if err != nil || s.State != orderhub.ReturnAnnounced || s.Native != word || len(s.Drift) != 1 {
			t.Errorf("%q: %+v, %v", word, s, err)
		}
	}
	for word, want := range map[string]orderhub.ReturnKind{
		"refused": orderhub.ReturnRefused, "Customer": orderhub.ReturnCustomer, "defect": orderhub.ReturnDefect, "": orderhub.ReturnUnknown, "whim": orderhub.ReturnUnknown,
	} {
		s, err := a.NormaliseReturn(kindReturn, []byte(back(fmt.Sprintf(`,"kind":%q`, word))))
		if err != nil || s.Kind != want || len(s.Drift) > 0 != (word == "whim") {
			t.Errorf("%q: %+v, %v; want %s", word, s, err, want)
		}
	}
}

func TestReturnsComeByWebhook(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	event := func(typ, data string) string { return fmt.Sprintf(`{"type":%q,"data":%s}`, typ, data) }
	for _, tt := range []struct{ name, body, kind, id, says string }{
		{"created", event("return.created", back("")), kindReturn, "R1", ""},
		{"updated", event("return.updated", back(`,"id":727`)), kindReturn, "727", ""},
		{"no event around it", back(""), kindReturn, "R1", ""},
		{"no return in it", event("return.updated", order("")), kindReturn, "", "return: is missing"},
		{"a return that is text", event("return.updated", `{"return":"R1"}`), kindReturn, "", "return: want an object"},
		{"a bare one that is null", `{"return":null}`, kindReturn, "", "return: is missing"},
		{"an id that is none", back(`,"id":{}`), kindReturn, "", "return.id: want"},
		{"no data", `{"type":"return.created"}`, kindEvent, "", "data: is missing"},
		{"another event about it", event("return.lost", back("")), kindEvent, "", "type: is not known"},
		{"an order all the same", event("order.created", order(`,"return":{"id":"R1"}`)), kindOrder, "1", ""},
	} {
		hook := parse(t, a, tt.body)
		if hook.Reply.Status != http.StatusAccepted || len(hook.Items) != 1 {
			t.Fatalf("%s: %+v", tt.name, hook)
		}
		it := hook.Items[0]
		if it.Kind != tt.kind || it.ExternalID != tt.id || channel.IsReturn(it.Kind) != (tt.kind == kindReturn) {
			t.Errorf("%s: %s %q", tt.name, it.Kind, it.ExternalID)
		}
		var err error
		if channel.IsReturn(it.Kind) {
			_, err = a.NormaliseReturn(it.Kind, it.Body)
		} else {
			_, err = a.Normalise(it.Kind, it.Body)
		}
		if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

// The schema that shops read and the reader agree on plain returns.
func TestSchemaAgreesWithNormaliseReturn(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("order.json", doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile("order.json#/$defs/return_message")
	a := setup(t, nil)
	agree := func(t interface{ Fatalf(string, ...any) }, body []byte) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%v", err)
		}
		bySchema := schema.Validate(v)
		if _, byReader := a.NormaliseReturn(kindReturn, body); (bySchema == nil) != (byReader == nil) {
			t.Fatalf("%s\nschema: %v\nreader: %v", body, bySchema, byReader)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(drawReturn(t))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, body)
	})
	for _, body := range returnSamples(t) {
		agree(t, body)
	}
}

// drawReturn makes returns of which about half are right.
func drawReturn(t *rapid.T) map[string]any {
	pick := func(name string, right []any, wrong ...any) any {
		if rapid.IntRange(0, 24).Draw(t, name+" wrong") == 0 {
			return rapid.SampledFrom(wrong).Draw(t, name)
		}
		return rapid.SampledFrom(right).Draw(t, name)
	}
	lines := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "lines") {
		lines = append(lines, map[string]any{
			"sku":      pick("sku", []any{"A", "0557722", nil, 7}, []any{}, strings.Repeat("x", 101)),
			"quantity": pick("quantity", []any{1, "2", "3.0", 1_000_000}, nil, 0, "0", -1, "1.5", "1000001", "x"),
			"price":    pick("price", []any{nil, "", "1.50", 10, "33.333333"}, -1, "-1", "1e5", "x", "1000000001", []any{}),
		})
	}
	return map[string]any{"return": map[string]any{
		"id":         pick("id", []any{"1", 727}, map[string]any{}, nil, "", strings.Repeat("x", 101), []any{}),
		"order_id":   pick("order_id", []any{"1", 727}, map[string]any{}, nil, "", strings.Repeat("x", 101), []any{}),
		"state":      pick("state", []any{"received", "что-то новое"}, "", nil, strings.Repeat("x", 61)),
		"kind":       pick("kind", []any{"refused", "прихоть", nil, ""}, strings.Repeat("x", 61), []any{}),
		"version":    pick("version", []any{0, 3, "4", nil, ""}, -1, "x", []any{}),
		"opened_at":  pick("opened_at", []any{nil, "2026-03-02T09:00:00Z", "2026-03-02T09:00:00+03:00"}, "yesterday", "2026-03-02"),
		"reason":     pick("reason", []any{nil, "Брак"}, map[string]any{}, strings.Repeat("я", 301)),
		"refund":     pick("refund", []any{nil, "", "1.50", 0, 10}, -1, "x", 1_000_000_001, []any{}),
		"currency":   "RUB",
		"lines":      lines,
		"not_for_us": true,
	}}
}

func FuzzNormaliseReturn(f *testing.F) {
	for _, body := range returnSamples(f) {
		f.Add(body)
	}
	a := setup(f, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := a.NormaliseReturn(kindReturn, bytes.Clone(body))
		if err == nil && (s.ExternalID == "" || s.OrderID == "" || s.State == "" || s.State == orderhub.ReturnDecided || len(s.Lines) == 0) {
			t.Errorf("%q: %+v", body, s)
		}
	})
}

// TestReturnsWithTheShopSimulator: whatever goes wrong on the way, the newest
// version of each return is what the shop's books say.
func TestReturnsWithTheShopSimulator(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(5, marketsim.Faults{Lost: 0.2, Duplicated: 0.2, Late: 0.2, Delay: 10 * time.Millisecond})
	shop := shopsim.New(shopsim.Options{Injector: in, Fast: true, Seed: 4, Mode: shopsim.ModeWebhook})
	defer shop.Close()
	shopServer := httptest.NewServer(shop.Handler())
	defer shopServer.Close()
	settings := channel.Settings(shop.Settings())
	settings[settingDeliveryURL] = shopServer.URL
	ad, err := open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	a := ad.(*adapter)
	var mu sync.Mutex
	got := map[string]orderhub.ReturnSnapshot{}
	version := func(s orderhub.ReturnSnapshot) int64 { return s.Revision }
	hubServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := a.ParseWebhook(r, body, netip.MustParseAddr("127.0.0.1"))
		if err != nil || len(hook.Items) != 1 {
			t.Errorf("%s: %v", body, err)
		}
		for _, it := range hook.Items {
			if !channel.IsReturn(it.Kind) {
				continue
			}
			s, err := a.NormaliseReturn(it.Kind, it.Body)
			if err != nil || s.ExternalID != it.ExternalID || len(s.Drift) > 0 {
				t.Errorf("%s: %v, %+v", it.Body, err, s)
			}
			mu.Lock()
			if version(s) > version(got[s.ExternalID]) {
				got[s.ExternalID] = s
			}
			mu.Unlock()
		}
		w.WriteHeader(hook.Reply.Status)
	}))
	defer hubServer.Close()
	shop.Notify(hubServer.URL)
	teller := &tinyHub{t: t, a: a}
	for i := range 20 {
		ids, err := shop.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: int64(1 + i%3), PriceMinor: 12990}, {SKU: "B", Quantity: 1, PriceMinor: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		act, told := marketsim.ActReturn, orderhub.StatusDelivered
		if i%4 == 0 {
			act, told = marketsim.ActRefuse, orderhub.StatusShipped
		}
		teller.tell(ids[0], i, told)
		if err := shop.Act(ids[0], act); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range shop.Returns() {
		for range i % 5 {
			if _, err := shop.ProgressReturn(r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := 0; shop.Owed() > 0; i++ {
		if i > 3000 {
			t.Fatalf("the shop still owes %d messages", shop.Owed())
		}
		time.Sleep(5 * time.Millisecond) // the shop repeats by its own clock
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 20 {
		t.Errorf("%d returns, want 20", len(got))
	}
	for _, want := range shop.Returns() {
		s := got[want.ID]
		units := map[string]int64{}
		for _, l := range s.Lines {
			units[l.SKU] += l.Quantity
		}
		if s.OrderID != want.Order || s.Kind != want.Kind || s.State != want.State || s.Refund.Minor != want.RefundMinor || !s.OpenedAt.Equal(want.OpenedAt) || fmt.Sprint(units) != fmt.Sprint(want.Units) {
			t.Errorf("got %+v, the books say %+v", s, want)
		}
	}
}
