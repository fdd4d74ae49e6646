package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// setup opens an adapter; settings override a working set.
func setup(t testing.TB, settings channel.Settings) *adapter {
	t.Helper()
	all := channel.Settings{settingSecret: testSecret}
	for k, v := range settings {
		all[k] = v
	}
	a, err := open(all, channel.Deps{Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	return a.(*adapter)
}

func order(fields string) string {
	return `{"id":"1","status":"new","currency":"RUB","lines":[{"sku":"A","qty":1,"price":"1"}]` + fields + `}`
}

func line(fields string) string {
	return `{"id":"1","status":"new","currency":"RUB","lines":[{"sku":"A","qty":1},{` + fields + `}]}`
}

func TestNormaliseRefusesNonsense(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("я", n) }
	tests := []struct{ name, body, field, says string }{
		{"not JSON", `{"id":`, "", "not JSON"},
		{"two values", order("") + order(""), "", "something behind"},
		{"a list", `[]`, "", "not a JSON object"},
		{"no id", `{"status":"new","lines":[{"sku":"A","qty":1}]}`, "id", "is missing"},
		{"null id", order(`,"id":null`), "id", "is missing"},
		{"id is an object", order(`,"id":{}`), "id", "want a string or a number"},
		{"fractional id", order(`,"id":1.5`), "id", "whole number"},
		{"exponent id", order(`,"id":1e3`), "id", "whole number"},
		{"blank id", order(`,"id":" 7"`), "id", "blank"},
		{"long id", order(`,"id":"` + long(101) + `"`), "id", "allowed: up to 100"},
		{"no status", `{"id":"1","lines":[{"sku":"A","qty":1}]}`, "status", "known words: pending"},
		{"no lines", `{"id":"1","status":"new"}`, "lines", "1 to 1000"},
		{"empty lines", order(`,"lines":[]`), "lines", "1 to 1000"},
		{"lines is an object", order(`,"lines":{"0":{}}`), "lines", "want a list"},
		{"a line is text", order(`,"lines":["A"]`), "lines[0]", "want an object"},
		{"too many lines", order(`,"lines":[` + strings.TrimSuffix(strings.Repeat(`{"qty":1},`, 1001), ",") + `]`), "lines", "allowed: up to 1000"},
		{"no quantity", line(`"sku":"B"`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"zero", line(`"qty":0`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"negative", line(`"qty":"-1"`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"fraction", line(`"qty":"1.5"`), "lines[1].qty", "whole"},
		{"too many", line(`"qty":1000001`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"overflow", line(`"qty":"99999999999999999999"`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"exponent", line(`"qty":1e3`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"words", line(`"qty":"two"`), "lines[1].qty", "allowed: 1 to 1000000"},
		{"negative price", line(`"qty":1,"price":"-0.01"`), "lines[1].price", "allowed: 0 to"},
		{"huge price", line(`"qty":1,"price":"1000000000.01"`), "lines[1].price", "allowed: 0 to"},
		{"exponent price", line(`"qty":1,"price":1e9`), "lines[1].price", "allowed: 0 to"},
		{"comma price", line(`"qty":1,"total":"10,50"`), "lines[1].total", "allowed: 0 to"},
		{"price is a list", line(`"qty":1,"price":[1]`), "lines[1].price", "want a string or a number"},
		{"amount without currency", `{"id":"1","status":"new","total":"5","lines":[{"sku":"A","qty":1}]}`, "total", "no currency"},
		{"currency", order(`,"currency":"р."`), "currency", "ISO 4217"},
		{"huge total", order(`,"total":1000000001`), "total", "allowed: 0 to"},
		{"delivery price", order(`,"delivery":{"price":"x"}`), "delivery.price", "allowed: 0 to"},
		{"last century", order(`,"created_at":"1999-12-31T23:59:59Z"`), "created_at", "from 2000"},
		{"far future", order(`,"updated_at":"2028-11-20T12:00:01Z"`), "updated_at", "two years ahead"},
		{"no zone", order(`,"created_at":"2026-03-02T09:00:00"`), "created_at", "RFC 3339"},
		{"Unix time", order(`,"created_at":1772442000`), "created_at", "RFC 3339"},
		{"no such day", order(`,"created_at":"2026-02-30T09:00:00Z"`), "created_at", "RFC 3339"},
		{"negative version", order(`,"version":-1`), "version", "whole numbers from 0"},
		{"fractional version", order(`,"version":"1.2"`), "version", "whole numbers from 0"},
		{"paid in words", order(`,"paid":"yes"`), "paid", "true or false"},
		{"control character", order(`,"number":"1\u0000"`), "number", "control character U+0000"},
		{"line break in a name", order(`,"customer":{"name":"a\nb"}`), "customer.name", "control character U+000A"},
		{"escape in a comment", order(`,"comment":"\u001b[2J"`), "comment", "control character U+001B"},
		{"long comment", order(`,"comment":"` + long(4001) + `"`), "comment", "allowed: up to 4000"},
		{"long name", line(`"qty":1,"name":"` + long(301) + `"`), "lines[1].name", "allowed: up to 300"},
		{"customer is text", order(`,"customer":"Vera"`), "customer", "want an object"},
		{"provider order", order(`,"delivery":{"provider_order":"` + long(101) + `"}`), "delivery.provider_order", "allowed: up to 100"},
	}
	a := setup(t, nil)
	for _, tt := range tests {
		_, err := a.Normalise(kindOrder, []byte(tt.body))
		var e *orderhub.Error
		if err == nil || orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("%s: got %v, want an invalid error", tt.name, err)
			continue
		}
		if ok := asError(err, &e); !ok || e.Field != tt.field || !strings.Contains(e.Sentence, tt.says) || !strings.HasPrefix(e.Sentence, tt.field) {
			t.Errorf("%s: got field %q, %q; want %q, %q", tt.name, e.Field, e.Sentence, tt.field, tt.says)
		}
	}
}

func asError(err error, into **orderhub.Error) bool {
	return errors.As(err, into)
}

func TestNormaliseTakesTheLimits(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	lines := strings.TrimSuffix(strings.Repeat(`{"qty":1000000,"price":"1000000000"},`, 9), ",")
	for _, body := range []string{
		order(`,"created_at":"2000-01-01T00:00:00Z","updated_at":"2028-11-20T12:00:00Z"`),
		order(`,"lines":[` + strings.TrimSuffix(strings.Repeat(`{"qty":1},`, 1000), ",") + `]`),
		order(`,"lines":[{"qty":"1000000","price":"0"}],"version":"999999999999999999"`),
		order(`,"comment":"` + strings.Repeat("я", 4000) + `","customer":null,"delivery":null,"paid":null`),
		order(`,"lines":[` + lines + `]`),
	} {
		if _, err := a.Normalise(kindOrder, []byte(body)); err != nil {
			t.Errorf("%.120s: %v", body, err)
		}
	}
	// 93 lines of 10^17 kopecks each are more than an int64.
	lines = strings.TrimSuffix(strings.Repeat(`{"qty":1000000,"price":"1000000000"},`, 93), ",")
	if _, err := a.Normalise(kindOrder, []byte(order(`,"lines":[`+lines+`]`))); err == nil {
		t.Error("a sum beyond int64 was taken")
	}
}

func TestNormaliseTranslatesWords(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	for word, want := range map[string]orderhub.Status{
		"new": orderhub.StatusNew, "created": orderhub.StatusNew, "processing": orderhub.StatusNew, "Processing ": orderhub.StatusNew,
		"pending": orderhub.StatusPending, "unpaid": orderhub.StatusPending, "confirmed": orderhub.StatusConfirmed,
		"packed": orderhub.StatusPacked, "shipped": orderhub.StatusShipped, "ready_for_pickup": orderhub.StatusReadyForPickup,
		"delivered": orderhub.StatusDelivered, "completed": orderhub.StatusDelivered, "cancelled": orderhub.StatusCancelled,
		"CANCELED": orderhub.StatusCancelled, "returned": orderhub.StatusReturned, "lost in the mail": orderhub.StatusUnknown,
	} {
		s, err := a.Normalise(kindOrder, []byte(order(fmt.Sprintf(`,"status":%q`, word))))
		if err != nil || s.Status != want || s.Native != word {
			t.Errorf("%q: got %s, native %q, %v; want %s", word, s.Status, s.Native, err, want)
		}
		if (len(s.Drift) > 0) != (want == orderhub.StatusUnknown) {
			t.Errorf("%q: drift %v", word, s.Drift)
		}
	}
}

func TestNormaliseQuarantinesEvents(t *testing.T) {
	t.Parallel()
	a := setup(t, nil)
	for body, says := range map[string]string{
		`"broken {"`: "not a JSON object", `{"type":"order.refunded","data":{}}`: "type: is not known",
		`{"type":"order.updated"}`: "data: is missing", `{"type":7}`: "type: is not known",
	} {
		if _, err := a.Normalise(kindEvent, []byte(body)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", body, err, says)
		}
	}
	if _, err := a.Normalise("fbs_v4", []byte(`{}`)); err == nil {
		t.Error("a kind of another channel was taken")
	}
}

// The schema that shops read and the reader agree on plain orders.
func TestSchemaAgreesWithNormalise(t *testing.T) {
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
	schema := c.MustCompile("order.json")
	a := setup(t, nil)
	agree := func(t interface{ Fatalf(string, ...any) }, body []byte) {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("%v", err)
		}
		bySchema := schema.Validate(v)
		_, byReader := a.Normalise(kindOrder, body)
		if (bySchema == nil) != (byReader == nil) {
			t.Fatalf("%s\nschema: %v\nreader: %v", body, bySchema, byReader)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(drawOrder(t))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, body)
	})
	files, err := filepath.Glob("testdata/normalise/site_order/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples")
	}
	for _, name := range files {
		if strings.HasSuffix(name, ".golden.json") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, raw)
	}
}

// drawOrder makes orders of which about half are right.
func drawOrder(t *rapid.T) map[string]any {
	pick := func(name string, right []any, wrong ...any) any {
		if rapid.IntRange(0, 19).Draw(t, name+" wrong") == 0 {
			return rapid.SampledFrom(wrong).Draw(t, name)
		}
		return rapid.SampledFrom(right).Draw(t, name)
	}
	lines := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "lines") {
		lines = append(lines, map[string]any{
			"sku":   pick("sku", []any{"A", "0557722", nil, 7}, []any{}, strings.Repeat("x", 101)),
			"qty":   pick("qty", []any{1, "2", "3.0", 1_000_000}, nil, 0, "0", -1, "1.5", "1000001", 1_000_001, "x"),
			"price": pick("price", []any{nil, "", "1.50", 10, 0.5, "33.333333"}, -1, "-1", "1e5", "x", 1_000_000_001, "1000000001", []any{}),
			"name":  pick("name", []any{nil, "Кружка", ""}, map[string]any{}, strings.Repeat("я", 301)),
		})
	}
	return map[string]any{
		"id":         pick("id", []any{"1", 727}, map[string]any{}, nil, "", strings.Repeat("x", 101), []any{}),
		"status":     pick("status", []any{"new", "что-то новое"}, "", nil, strings.Repeat("x", 61)),
		"currency":   "RUB",
		"version":    pick("version", []any{0, 3, "4", nil, ""}, -1, "x", []any{}),
		"created_at": pick("created_at", []any{nil, "2026-03-02T09:00:00Z", "2026-03-02T09:00:00+03:00"}, "yesterday", "2026-03-02"),
		"paid":       pick("paid", []any{true, false, nil}, "yes", 1),
		"customer":   pick("customer", []any{nil, map[string]any{"name": "Вера"}}, "Вера", []any{}),
		"lines":      lines,
	}
}
