// Package insales is the channel of shops on InSales (REST, JSON).
//
// A sweep follows the vendor's own recipe (updated_since and from_id) and is the
// truth; a webhook, which the vendor does not guarantee and does not sign, is a
// hint to read an order. See MAPPINGS.md.
package insales

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Name is the hub's word for this channel.
const Name orderhub.Channel = "insales"

// The keys of the settings.
const (
	settingShop     = "shop"
	settingLogin    = "login"
	settingPassword = "password"
	settingDays     = "first_days"
	settingWords    = "status_words"
	settingTracking = "tracking_field"
	settingStore    = "warehouse_index"
	settingWebhook  = "webhook_url"
)

const (
	feedOrders  = "orders"
	feedReturns = "returns"
	// groupAPI is the one quota group.
	groupAPI = "api"
	// pageSize is how many rows a list is asked for; smallest is what the shop
	// raises lower wishes to.
	pageSize = 100
	smallest = 10
	// stockBatch is the most variants of one group update, and the most products
	// that are read by their ids.
	stockBatch = 100
)

// Channel is the entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor(), Open: open}

// The document allows 500 calls in five minutes from the first one on, and
// closes the door for the rest of them. With a burst of 100 and 400 calls more
// no window of five minutes holds over 500.
var limits = []channel.Limit{{
	Group: groupAPI, Calls: 400, Period: 5 * time.Minute, Burst: 100, Parallel: 2,
	Source: "InSales API, «Частота запросов к API»: 500 calls per shop and application in 5 minutes",
}}

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: Name, Title: "InSales", Doc: "https://api.insales.ru",
		Buyers: channel.Buyers{
			Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, ID: true,
			Note: "As the buyer typed them into the shop. The id is told of registered buyers only: the shop may make a new one for a guest.",
		},
		Settings: settingList(),
		Feeds: []channel.Feed{
			{Name: feedOrders, Every: time.Minute, Note: "every order that changed"},
			{Name: feedReturns, Every: 15 * time.Minute, Note: "orders that the shop calls returned", Returns: true},
		},
		Limits:    limits,
		Statuses:  statuses,
		ReadBatch: 20,
		PushBatch: 10,
		// Whether the shop gives the units of a cancelled order back by itself is in no
		// document: to expect it is the careful side.
		Stock: channel.StockLimits{Batch: stockBatch, ReadBatch: stockBatch, Restores: true},
	}
}

func settingList() []channel.Setting {
	return []channel.Setting{
		{
			Key: settingShop, Title: "Shop", Required: true, Check: checkShop,
			Help: "The shop's own InSales address, for example myshop.myinsales.ru. Not the domain that buyers see: it may change.",
		},
		{
			Key: settingLogin, Title: "API key", Required: true,
			Help: "InSales → Приложения → Разработчикам → Создать новый ключ доступа: Идентификатор.",
		},
		{
			Key: settingPassword, Title: "API password", Required: true, Secret: true, Check: channel.CheckKey,
			Help: "The password shown beside the key. It is of this shop only.",
		},
		{
			Key: settingDays, Title: "Days back at the start", Default: "30", Check: checkDays,
			Help: "How many days back the first sweep goes, 1 to 3650. Later sweeps go on from where the last one ended.",
		},
		{
			Key: settingWords, Title: "Status words", Check: checkWords,
			Help: "The shop's own statuses by their permalinks, like soglasovan=confirmed; sobran=packed; v-punkte=ready_for_pickup: what they mean, and the first of each is what the hub sends. Others follow the standard status they belong to.",
		},
		{
			Key: settingTracking, Title: "Field for the tracking number",
			Help: "The system name of the order's additional field that takes the tracking number. Empty: tracking numbers are not sent.",
		},
		{
			Key: settingStore, Title: "Warehouse index", Check: checkIndex,
			Help: "array_index of the warehouse whose stock the hub publishes, for shops with several: 0, 1, … Empty: the variant's own figure.",
		},
		{
			Key: settingWebhook, Title: "Webhook address of the hub", Check: channel.CheckURL,
			Help: "The account's webhook address with the hub's public host. When it is filled in, a check of the account subscribes it in the shop and repairs it. Empty: sweeps only.",
		},
		channel.BaseURLSetting(),
	}
}

// The abilities beyond channel.Adapter.
var (
	_ channel.Lister           = (*adapter)(nil)
	_ channel.RangeLister      = (*adapter)(nil)
	_ channel.OrderReader      = (*adapter)(nil)
	_ channel.StatusPusher     = (*adapter)(nil)
	_ channel.TrackingPusher   = (*adapter)(nil)
	_ channel.ReturnNormaliser = (*adapter)(nil)
	_ channel.Catalogue        = (*adapter)(nil)
	_ channel.StockPusher      = (*adapter)(nil)
	_ channel.StockReader      = (*adapter)(nil)
	_ channel.WebhookParser    = (*adapter)(nil)
	_ channel.Checker          = (*adapter)(nil)
	_ channel.QuotaReporter    = (*adapter)(nil)
)

// adapter is one shop.
type adapter struct {
	client *client
	quotas channel.Quotas
	now    func() time.Time
	words  channel.StatusWords
	track  string
	// stockField is the field of a variant that holds its figure.
	stockField string
	hook       string
	days       int
	perPage    int
}

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	return openPaged(settings, deps, pageSize)
}

func openPaged(settings channel.Settings, deps channel.Deps, perPage int) (channel.Adapter, error) {
	settings, err := descriptor().Resolve(settings)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		quotas: deps.Quotas, now: deps.Now, track: settings[settingTracking], hook: settings[settingWebhook],
		stockField: "quantity", perPage: max(perPage, smallest),
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	if i := settings[settingStore]; i != "" {
		a.stockField = "quantity_at_warehouse" + i
	}
	if a.days, err = strconv.Atoi(settings[settingDays]); err != nil {
		return nil, orderhub.InvalidField(settingDays, "want a whole number")
	}
	if a.words, err = channel.ParseStatusWords(settings[settingWords]); err != nil {
		return nil, orderhub.InvalidField(settingWords, "%s", err)
	}
	a.client = newClient(settings, deps.HTTP, a.quotas)
	return a, nil
}

// QuotaLeft tells how many calls are allowed right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

// NormaliseReturn translates an order that came back; see returns.go.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	return normaliseReturn(kind, body)
}

var (
	hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	wordPattern = regexp.MustCompile(`^[\pL\pN_-]{1,60}$`)
)

// host takes the shop's address as people copy it.
func host(v string) string {
	return strings.TrimSuffix(strings.TrimPrefix(v, "https://"), "/")
}

func checkShop(v string) error {
	if !hostPattern.MatchString(host(v)) {
		return fmt.Errorf("%.80q is not a host like myshop.myinsales.ru", v)
	}
	return nil
}

func checkDays(v string) error {
	if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 3650 {
		return fmt.Errorf("%.20q is not allowed; allowed: 1 to 3650", v)
	}
	return nil
}

func checkIndex(v string) error {
	if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 999 || strconv.Itoa(n) != v {
		return fmt.Errorf("%.20q is not allowed; allowed: 0 to 999", v)
	}
	return nil
}

// checkWords: a permalink is one word.
func checkWords(v string) error {
	for pair := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == '\n' }) {
		word, _, _ := strings.Cut(pair, "=")
		if word = strings.TrimSpace(word); word != "" && !wordPattern.MatchString(word) {
			return fmt.Errorf("%.60q is no permalink of a status; it is one word, like sobran", word)
		}
	}
	return channel.CheckStatusWords(v)
}

// basic is the header with the key.
func basic(settings channel.Settings) http.Header {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(settings[settingLogin], settings[settingPassword])
	return r.Header
}
