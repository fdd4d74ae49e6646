package notify

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/orderhub/orderhub"
)

//go:embed templates
var templates embed.FS

// Shown is how many causes a text names at most; the rest is a number.
const Shown = 10

// maxText caps a text, whatever its template does.
const maxText = 16 << 10

// TestTemplate is the text of test messages.
const TestTemplate = "test"

// View is what a template sees.
type View struct {
	// Rule is the rule's name, Count how many causes there are, Items the first
	// of them, More how many are left.
	Rule  string
	Count int64
	Items []orderhub.Facts
	More  int64
}

// First is the only cause, or the first of many.
func (v View) First() orderhub.Facts {
	if len(v.Items) == 0 {
		return orderhub.Facts{}
	}
	return v.Items[0]
}

// Templates lists the names of the built-in texts.
func Templates() []string {
	var names []string
	files, err := fs.ReadDir(templates, "templates/en")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".tmpl"); name != common {
			names = append(names, name)
		}
	}
	return names
}

const common = "common"

// CheckTemplate names the field when there is no such text.
func CheckTemplate(field, name string, language orderhub.Language) error {
	if !slices.Contains(Templates(), name) {
		return orderhub.InvalidField(field, "%q is not known; known: %s", name, strings.Join(Templates(), ", "))
	}
	if language != orderhub.Russian && language != orderhub.English {
		return orderhub.InvalidField("language", "%q is not known; allowed: ru, en", language)
	}
	return nil
}

// BuiltIn gives the source of a built-in text.
func BuiltIn(name string, language orderhub.Language) string {
	b, err := templates.ReadFile("templates/" + string(language) + "/" + name + ".tmpl")
	if err != nil {
		return ""
	}
	return string(b)
}

// DefaultTemplate names the text of a trigger.
func DefaultTemplate(on orderhub.Trigger) string {
	switch on {
	case orderhub.OnReceived, orderhub.OnStatus, orderhub.OnEffect, orderhub.OnHold, orderhub.OnReturn, orderhub.OnRule,
		orderhub.OnAccountFailing, orderhub.OnKeyExpiring, orderhub.OnDeadline, orderhub.OnReturnDeadline, orderhub.OnIntegration:
		return string(on)
	case orderhub.OnChanged, orderhub.OnRequested, orderhub.OnDrift:
		return "event"
	}
	return "event"
}

// Write makes a text out of a template's source: its part "one" for one cause,
// "many" for several. The error is fit for people: it tells what is wrong with
// the source.
func Write(source string, language orderhub.Language, zone *time.Location, v View) (string, error) {
	t := template.New("text").Option("missingkey=error").Funcs(capped()).Funcs(funcs(language, zone))
	t, err := t.Parse(BuiltIn(common, language))
	if err == nil {
		t, err = t.Parse(source)
	}
	if err != nil {
		return "", orderhub.InvalidField("text", "the template cannot be read: %s", short(err))
	}
	part := "many"
	if v.Count == 1 {
		part = "one"
	}
	if err := bounded(t, part); err != nil {
		return "", orderhub.InvalidField("text", "the template cannot be taken: %s", err)
	}
	var out limited
	if err := t.ExecuteTemplate(&out, part, v); err != nil && !errors.Is(err, errLong) {
		return "", orderhub.InvalidField("text", "the template cannot be filled in: %s", short(err))
	}
	text := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(out.String(), "\x00", ""), ""))
	if text == "" {
		return "", orderhub.InvalidField("text", "the template gives an empty message for %s", part)
	}
	return text, nil
}

// short keeps the library's words and drops its name and those of our types.
func short(err error) string {
	return strings.NewReplacer("orderhub.Facts", "a cause", "notify.View", "the message").Replace(strings.TrimPrefix(err.Error(), "template: "))
}

var errLong = errors.New("the text is too long")

// limited stops a template that writes without end.
type limited struct{ strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxText {
		return 0, errLong
	}
	return l.Builder.Write(p)
}

func funcs(language orderhub.Language, zone *time.Location) template.FuncMap {
	return template.FuncMap{
		"plural": func(n int64, forms ...string) (string, error) { return plural(language, n, forms) },
		"money": func(m orderhub.Money) string {
			if m.IsZero() {
				return ""
			}
			return m.String()
		},
		"when": func(t time.Time) string { return t.In(zone).Format("02.01.2006 15:04") },
		"word": func(v any) string { return word(language, fmt.Sprint(v)) },
	}
}

// plural picks the form for a number: two in English, three in Russian.
func plural(language orderhub.Language, n int64, forms []string) (string, error) {
	i := 1
	want := 2
	switch language {
	case orderhub.Russian:
		want = 3
		switch {
		case n%10 == 1 && n%100 != 11:
			i = 0
		case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		default:
			i = 2
		}
	case orderhub.English:
		if n == 1 {
			i = 0
		}
	}
	if len(forms) != want {
		return "", fmt.Errorf("plural wants %d forms", want)
	}
	return forms[i], nil
}

var words = map[orderhub.Language]map[string]string{
	orderhub.Russian: {
		"pending": "ожидает", "new": "новый", "confirmed": "подтверждён", "packed": "собран", "shipped": "отгружен",
		"ready_for_pickup": "в пункте выдачи", "delivered": "доставлен", "cancelled": "отменён", "returned": "возвращён",
		"partially_returned": "возвращён частично", "unknown": "неизвестен",
		"rejected": "Площадка отказала", "uncertain": "Неизвестно, дошло ли до площадки",
		"short": "не хватает товара", "unmapped": "товар не сопоставлен", "manual": "вручную", "conflict": "нет заказа сайта",
		"arbitration": "арбитраж", "cancel_request": "просьба об отмене",
		"pick_up": "Забрать возврат", "answer": "Ответить на возврат",
		"stopped": "остановлен", "failing": "не отвечает", "dead": "события не доставлены", "file": "файл не принят",
	},
	orderhub.English: {
		"rejected": "The channel refused", "uncertain": "It is not known whether the channel took it", "short": "short of goods",
		"unmapped": "no product linked", "manual": "by hand", "conflict": "no order of the site",
		"pick_up": "Collect the return", "answer": "Answer the return",
		"stopped": "stopped", "failing": "does not answer", "dead": "events were not delivered", "file": "a file was not taken",
	},
}

// word puts one of the hub's words into a language; unknown ones stay.
func word(language orderhub.Language, w string) string {
	if s := words[language][w]; s != "" {
		return s
	}
	return strings.ReplaceAll(w, "_", " ")
}

// SampleView fills a template in for a preview.
func SampleView(count int64, now time.Time) View {
	f := orderhub.Facts{
		On: orderhub.OnStatus, At: now, Number: 100001, External: "0123-4567-1", Account: "shop", AccountName: "Shop", Channel: "site",
		Status: orderhub.StatusNew, Units: 2, Total: orderhub.Roubles(980), From: orderhub.StatusNew, To: orderhub.StatusConfirmed,
		Hold: orderhub.HoldShort, State: "rejected", Why: "1 unit short", Automation: "Rule", Return: 17, Deadline: now.Add(2 * time.Hour),
	}
	v := View{Rule: "Rule", Count: count}
	for i := range min(count, Shown) {
		f.Number = 100001 + i
		v.Items = append(v.Items, f)
	}
	v.More = count - int64(len(v.Items))
	return v
}
