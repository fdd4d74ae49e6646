package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
)

func sample() Env {
	o := &orderhub.Order{
		ID: 100001, AccountID: "shop", Channel: "ozon", Headline: orderhub.StatusNew, Tags: []string{"vip"}, Assignee: "Ольга",
		HubHolds: []orderhub.Hold{orderhub.HoldShort},
		Snapshot: orderhub.Snapshot{
			Scheme: orderhub.SchemeFBS, Payment: orderhub.PaymentPaid, PlacedAt: time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC),
			ShipBy: time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), Total: orderhub.Money{Minor: 499090, Currency: "RUB"},
			Shipping: orderhub.Shipping{City: "Казань", Method: "Курьер"}, Comment: "Позвоните заранее",
			Lines: []orderhub.Line{
				{SKU: "0557722", Name: "Кружка", Quantity: 2, UnitPrice: orderhub.Roubles(490), Total: orderhub.Roubles(980)},
				{SKU: "BIG-1", Name: "Шкаф", Quantity: 1, UnitPrice: orderhub.Roubles(4010), Total: orderhub.Roubles(4010)},
			},
		},
	}
	e := orderhub.Event{Kind: orderhub.EventHold, Actor: orderhub.Actor{Kind: orderhub.ActorHub}, Data: []byte(`{"hold":"short","on":true}`)}
	return NewEnv(o, e, time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC))
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		"":                                      true,
		" ":                                     true,
		"true":                                  true,
		`channel == "ozon" and sum > 4990`:      true,
		"sum == 4990.90":                        true,
		"sum > 4990.90":                         false,
		`"vip" in tags and not ("b2b" in tags)`: true,
		`"short" in holds && hold == "short"`:   true,
		`assignee == "Ольга"`:                   true,
		`any(lines, .sku startsWith "BIG")`:     true,
		`all(lines, .quantity < 2)`:             false,
		`units == 3 and len(skus) == 2`:         true,
		`"0557722" in skus`:                     true,
		`delivery.city in ["Казань", "Уфа"]`:  true,
		`lower(comment) contains "позвоните"`: true,
		`comment matches "(?i)позвон"`:        true,
		"age_hours > 3.4 and age_hours < 3.6": true,
		"has_ship_by and ship_in_hours < 3":   true,
		"hour == 12 and weekday == 1":         true,
		`status in ["new", "confirmed"]`:      true,
		`event == "hold" && actor == "hub"`:   true,
		`payment != "paid"`:                   false,
		`cancelled_by == ""`:                  true,
	} {
		c, err := Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := c.Holds(sample()); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", source, got, err, want)
		}
	}
}

func TestBadConditionsNameThePlace(t *testing.T) {
	t.Parallel()
	for source, words := range map[string][]string{
		"summe > 5":                              {"if", "column 1", "unknown name summe", "known:", "ship_in_hours", "functions:"},
		"sum >":                                  {"column 5"},
		"sum":                                    {"bool"},
		"true and\nsume > 1":                     {"line 2, column 1", "sume"},
		`sum > "5"`:                              {"column 5"},
		`delivery.town == "x"`:                   {"column", "town", "city"},
		`any(lines, .article == "x")`:            {"article", "sku"},
		`status == "sent"`:                       {"column 11", "sent", "shipped"},
		`status in ["new", "sent"]`:              {"column 19", "sent"},
		`"tight" in holds`:                       {"tight", "short"},
		`event == "rule"`:                        {"rule", "received"},
		"now() > 1":                              {"column 1", "now"},
		"len(1..100000000) > 1":                  {"column", ".."},
		"let x = sum; x > 1":                     {"not allowed"},
		`any(lines, any(skus, # == "x"))`:        {"inside another"},
		`len(map(lines, .sku)) > 1`:              {"map"},
		`comment matches assignee`:               {"matches"},
		`any(lines, .name matches "(x?){900}y")`: {"column 26", "too large", "300"},
		`any(lines, .name + .sku matches "x")`:   {"column", "joined"},
		strings.Repeat(`comment matches "(x?){20}y" or `, 12) + "true": {"too large"},
		`exec("rm")`:                              {"column 1"},
		strings.Repeat("a", 5000):                 {"4096"},
		strings.Repeat("true and ", 450) + "true": {"if"},
		strings.Repeat("(", 4000):                 {"if"},
		"sum > 1; true":                           {"if"},
		`{"a": 1} == {"a": 1}`:                    {"if"},
		"skus[0:1] == skus":                       {"if"},
	} {
		_, err := Compile(source)
		if orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("%.60s: got %v, want a refusal", source, err)
			continue
		}
		for _, w := range words {
			if !strings.Contains(err.Error()+" if", w) {
				t.Errorf("%.60s: %q does not mention %q", source, err, w)
			}
		}
	}
}

// TestFailuresQuoteNothing: what an order holds is not in an error.
func TestFailuresQuoteNothing(t *testing.T) {
	t.Parallel()
	for source, word := range map[string]string{
		"lines[7].quantity > 1":              "index out of range",
		"units % (units - 3) == 1":           "divide by zero",
		`lines[len(comment)].sku == comment`: "index out of range",
	} {
		c, err := Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		_, err = c.Holds(sample())
		if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "Позвоните") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestEveryConditionEnds: whatever compiles runs within moments over the biggest
// order there can be.
func TestEveryConditionEnds(t *testing.T) {
	t.Parallel()
	big := sample()
	for range maxItems - 2 {
		big.Lines = append(big.Lines, Line{SKU: strings.Repeat("x", maxWord), Name: strings.Repeat("x", maxWord), Quantity: 1})
		big.SKUs = append(big.SKUs, strings.Repeat("x", maxWord))
	}
	atom := []string{`any(lines, .name matches "(x+x+)+y")`, `any(lines, .name matches "(x?){90}y")`, "all(lines, .price * .quantity > 1)", `all(skus, # contains "xxxxxxy")`, "sum > 1", `comment + comment == ""`, "len(tags) > 3", "count(lines, .sku != skus[0]) > 2"}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(atom), 1, 60).Draw(t, "parts")
		joins := rapid.SampledFrom([]string{" and ", " or ", " and not ", " == "}).Draw(t, "join")
		c, err := Compile("(" + strings.Join(parts, ")"+joins+"(") + ")")
		if err != nil {
			return // too long, or refused
		}
		began := time.Now()
		if _, err := c.Holds(big); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("took %s", took)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"sum > 5", `any(lines, .sku == "x")`, "(((", "a.b?.c", "\x00", "1 ? 2 : 3"} {
		f.Add(s)
	}
	env := sample()
	f.Fuzz(func(t *testing.T, source string) {
		c, err := Compile(source)
		if err != nil {
			if orderhub.CodeOf(err) != orderhub.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		_, _ = c.Holds(env) // it ends, and does not panic
	})
}

func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Fields() {
		if f.Name == "" || f.Doc == "" || f.Type == "" || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
	for _, name := range []string{"sum", "lines.sku", "delivery.city", "tags", "ship_in_hours"} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

// TestDocumentListsEveryField keeps docs/automation.md in step with Env.
func TestDocumentListsEveryField(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "docs", "automation.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		if row := "| `" + f.Name + "` | " + f.Type + " | " + f.Doc + " |\n"; !strings.Contains(string(doc), row) {
			t.Errorf("docs/automation.md lacks %s", row)
		}
	}
}
