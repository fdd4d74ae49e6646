package cmlshop

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/cmlshopsim"
)

// suite runs the kit in the mode read: its sweeps repeat positions at will, and
// in the mode confirm the shop forgets what was confirmed; see confirm_test.go.
func suite() channeltest.Suite {
	return channeltest.Suite{
		Channel: Channel,
		Market: func(_ testing.TB, in *marketsim.Injector) marketsim.Market {
			return cmlshopsim.New(cmlshopsim.Options{Injector: in, Read: true})
		},
		Settings: map[string]string{
			settingLogin: cmlshopsim.Login, settingPassword: cmlshopsim.Password, settingMode: modeRead,
			settingWords: "В сборке=confirmed; Собран=packed; DN=shipped; Ждёт=ready_for_pickup",
		},
		Schemes:  []orderhub.Scheme{orderhub.SchemeSite},
		MinPages: 1, // a page is the whole in the mode read
		ErrorBodies: map[int]string{
			401: "failure\nНеверный логин или пароль",
			500: "failure\nВнутренняя ошибка",
		},
		Pushes:      pushCases(),
		PushHeaders: []string{"Content-Type", "Cookie"},
		Repeatable:  true,
		FreeQuotas:  true,
		BuyerWords:  []string{"Сорокина", "+7 900 000-00-00", "vera@example.org", "Вымышленная"},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }

// TestFilesBecomeItems: each order of a file becomes an item with all that the
// file says; those are the samples of the kit.
func TestFilesBecomeItems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/xml/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Clean(f))
		if err != nil {
			t.Fatal(err)
		}
		items, err := readFile(text)
		if err != nil || len(items) != 1 {
			t.Fatalf("%s: %d orders, %v", f, len(items), err)
		}
		var tree any
		if err := json.Unmarshal(items[0].Body, &tree); err != nil {
			t.Fatal(err)
		}
		pretty, err := json.MarshalIndent(tree, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".xml") + ".json"
		channeltest.Golden(t, filepath.Join("testdata", "normalise", kindOrder, name), append(pretty, '\n'))
	}
}

func siteOrder(id string, to orderhub.Status) channel.Push {
	return channel.Push{
		Key: "effect-" + id, To: to, Attempt: 1, Params: map[string]string{"at": "2026-11-20T11:59:58Z"},
		Order: orderhub.Order{
			ID: 1000, AccountID: "shop", Channel: Name, Headline: orderhub.StatusNew, Version: 3,
			Snapshot: orderhub.Snapshot{
				ExternalID: id, ExternalNumber: "A-" + id, Scheme: orderhub.SchemeSite, Status: orderhub.StatusNew, Native: "N",
				PlacedAt: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Payment: orderhub.PaymentPaid, Total: orderhub.Roubles(300),
				Customer: orderhub.Customer{Name: "Вера Сорокина"}, Shipping: orderhub.Shipping{Price: orderhub.Roubles(50)},
				Lines: []orderhub.Line{
					{ListingKey: "g-1", SKU: "CUP-1", Name: "Кружка <синяя>", Quantity: 2, Total: orderhub.Roubles(300)},
					{ListingKey: "g-2", SKU: "CUP-2", Name: "Снята", Quantity: 0},
				},
			},
		},
	}
}

func pushCases() []channeltest.PushCase {
	head := []channeltest.Canned{
		{Method: "GET", Path: "/", Body: "success\nSHOPSESSID\nabc\nsessid=tok1"},
		{Method: "GET", Path: "/", Body: "zip=no\nfile_limit=100000"},
	}
	taken := channeltest.Canned{Method: "POST", Path: "/", Body: "success", Write: true}
	imported := channeltest.Canned{Method: "GET", Path: "/", Body: "success"}
	done, rejected := channeltest.PushWant{Outcome: channel.OutcomeDone}, channeltest.PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}
	ladder := channeltest.PushCase{Name: "ladder", Replies: append(append([]channeltest.Canned{}, head...), taken, imported)}
	for i, step := range statuses.Steps {
		p := siteOrder(string(rune('1'+i)), step.To)
		p.Reason = map[bool]string{true: "Нет в наличии"}[step.To == orderhub.StatusCancelled]
		ladder.Pushes, ladder.Want = append(ladder.Pushes, p), append(ladder.Want, done)
	}
	tracked := siteOrder("9", orderhub.StatusShipped)
	tracked.Params["tracking"] = "RA123456789RU"
	return []channeltest.PushCase{
		ladder,
		{
			Name: "one refused", Pushes: []channel.Push{tracked, siteOrder("10", orderhub.StatusCancelled)},
			Replies: append(append([]channeltest.Canned{}, head...), taken,
				channeltest.Canned{Method: "GET", Path: "/", Body: "failure\nСтатус заказа изменить нельзя"}, imported),
			Want: []channeltest.PushWant{rejected, done},
		},
		{
			Name: "progress", Pushes: []channel.Push{tracked},
			Replies: append(append([]channeltest.Canned{}, head...), taken, channeltest.Canned{Method: "GET", Path: "/", Body: "progress\n10%"}, imported),
			Want:    []channeltest.PushWant{done},
		},
		{
			Name: "locked out", Pushes: []channel.Push{tracked}, WantErr: orderhub.ClassAuth,
			Replies: []channeltest.Canned{{Method: "GET", Path: "/", Status: http.StatusUnauthorized, Body: "failure\nНеверный логин или пароль"}},
		},
	}
}
