package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
)

// TestBuiltInTexts fills every text in, in each language and number.
func TestBuiltInTexts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, name := range notify.Templates() {
		for _, language := range []orderhub.Language{orderhub.Russian, orderhub.English} {
			for _, count := range []int64{1, 2, 5, 12, 100_000} {
				text, err := notify.Write(notify.BuiltIn(name, language), language, time.UTC, notify.SampleView(count, now))
				if err != nil || strings.Contains(text, "<no value>") || strings.Contains(text, "\n\n") || strings.TrimSpace(text) != text {
					t.Errorf("%s %s %d: %v: %q", name, language, count, err, text)
				}
				if name != notify.TestTemplate && count > notify.Shown && !strings.Contains(text, "99990") && !strings.Contains(text, " 2") {
					t.Errorf("%s %s %d does not tell how many more: %q", name, language, count, text)
				}
			}
		}
	}
	for _, on := range orderhub.Triggers() {
		if err := notify.CheckTemplate("template", notify.DefaultTemplate(on), orderhub.Russian); err != nil {
			t.Errorf("%s: %v", on, err)
		}
	}
}

func TestTextsAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	v := notify.SampleView(2, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	for want, in := range map[string]struct {
		name     string
		language orderhub.Language
		count    int
	}{
		"Новый возврат: заказ № 100001 (0123-4567-1), Shop, 2 шт., 980.00 RUB":                                                    {"return", orderhub.Russian, 1},
		"2 новых возврата:\n• № 100001 (0123-4567-1), Shop, 2 шт., 980.00 RUB\n• № 100002 (0123-4567-1), Shop, 2 шт., 980.00 RUB": {"return", orderhub.Russian, 2},
		"The channel refused: order No. 100001 (0123-4567-1), Shop, 2 pcs, 980.00 RUB\n1 unit short":                              {"effect", orderhub.English, 1},
	} {
		w := v
		w.Count, w.Items = int64(in.count), v.Items[:in.count]
		got, err := notify.Write(notify.BuiltIn(in.name, in.language), in.language, time.UTC, w)
		if err != nil || got != want {
			t.Errorf("got %q, %v\nwant %q", got, err, want)
		}
	}
}

func TestTemplatesThatFail(t *testing.T) {
	t.Parallel()
	for source, word := range map[string]string{
		`{{define "one"}}{{.Nobody}}{{end}}`:                   "Nobody",
		`{{define "one"}}{{`:                                   "cannot be read",
		`{{define "many"}}x{{end}}`:                            "one",
		`{{define "one"}}  {{end}}`:                            "empty",
		`{{define "one"}}{{.First.Phone}}{{end}}`:              "Phone",
		`{{define "one"}}{{plural .Count "a" "b" "c"}}{{end}}`: "2 forms",
		// What would run for hours, or fill the memory.
		`{{define "one"}}x{{range 30000000000}}{{end}}{{end}}`:                                                           ".Items",
		`{{define "one"}}x{{$Items := 30000000000}}{{range $Items}}{{end}}{{end}}`:                                       ".Items",
		`{{define "one"}}x{{range .First.Number}}{{end}}{{end}}`:                                                         ".Items",
		`{{define "one"}}{{template "one" .}}{{end}}`:                                                                    "calls itself",
		`{{define "one"}}{{template "a" .}}{{end}}{{define "a"}}{{template "one" .}}{{end}}`:                             "calls itself",
		`{{define "one"}}` + strings.Repeat(`{{range $.Items}}`, 9) + `x` + strings.Repeat(`{{end}}`, 10):                "too many steps",
		`{{define "one"}}{{with "aaaaaaaa"}}` + strings.Repeat(`{{with print . .}}`, 60) + strings.Repeat(`{{end}}`, 62): "empty message",
		`{{define "one"}}{{$a := printf "%9999d" 1}}{{$a := printf "%s%s" $a $a}}{{len $a}}{{end}}`:                      "empty message",
	} {
		_, err := notify.Write(source, orderhub.English, time.UTC, notify.SampleView(1, time.Now()))
		if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", source, err)
		}
	}
	long := `{{define "one"}}{{range .Items}}` + strings.Repeat("x", 1000) + `{{end}}` + strings.Repeat("y", 50_000) + `{{end}}`
	if text, err := notify.Write(long, orderhub.English, time.UTC, notify.SampleView(1, time.Now())); err != nil || len(text) > 16<<10 {
		t.Errorf("a long text: %d, %v", len(text), err)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	// 20:30 in Moscow.
	now := time.Date(2026, 11, 23, 17, 30, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		timing orderhub.NotifyTiming
		want   string
	}{
		"at once":          {orderhub.NotifyTiming{}, "23 17:30:00"},
		"window":           {orderhub.NotifyTiming{Window: 15 * time.Second}, "23 17:30:15"},
		"quiet now":        {orderhub.NotifyTiming{QuietFrom: "20:00", QuietTo: "08:00"}, "24 05:00:00"},
		"quiet later":      {orderhub.NotifyTiming{QuietFrom: "22:00", QuietTo: "08:00"}, "23 17:30:00"},
		"window ends then": {orderhub.NotifyTiming{Window: 2 * time.Hour, QuietFrom: "22:00", QuietTo: "08:00"}, "24 05:00:00"},
		"quiet at noon":    {orderhub.NotifyTiming{QuietFrom: "20:00", QuietTo: "21:00"}, "23 18:00:00"},
		"just over":        {orderhub.NotifyTiming{QuietFrom: "19:00", QuietTo: "20:30"}, "23 17:30:00"},
		"digest":           {orderhub.NotifyTiming{DigestAt: "09:00"}, "24 06:00:00"},
		"digest today":     {orderhub.NotifyTiming{DigestAt: "20:31"}, "23 17:31:00"},
		"digest in quiet":  {orderhub.NotifyTiming{DigestAt: "07:00", QuietFrom: "22:00", QuietTo: "08:00"}, "24 05:00:00"},
		"another zone":     {orderhub.NotifyTiming{QuietFrom: "22:00", QuietTo: "08:00", Zone: "Asia/Vladivostok"}, "23 22:00:00"},
	} {
		if err := notify.CheckTiming(tt.timing); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := notify.Due(tt.timing, now).Format("02 15:04:05"); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	for field, bad := range map[string]orderhub.NotifyTiming{
		"quiet_from": {QuietFrom: "25:00", QuietTo: "08:00"}, "quiet_to": {QuietFrom: "22:00"}, "digest_at": {DigestAt: "9:00"},
		"zone": {Zone: "Mars/Base"}, "window_seconds": {Window: -1},
	} {
		if err := notify.CheckTiming(bad); orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
