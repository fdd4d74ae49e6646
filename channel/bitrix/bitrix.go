// Package bitrix is the channel of a shop on 1C-Bitrix (or Bitrix24) that offers
// the REST API sale.*: orders are read by the time of their last change, statuses
// are set with sale.order.update and sale.shipment.update, stock with
// catalog.product.update. Events of the shop are hints: Bitrix does not repeat them.
// See MAPPINGS.md.
package bitrix

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Name is the hub's word for this channel.
const Name orderhub.Channel = "bitrix"

// The keys of the settings.
const (
	settingWebhook    = "webhook_url"
	settingEventToken = "event_token"
	settingProperties = "properties"
	settingWords      = "status_words"
	settingIblocks    = "iblocks"
	settingArticle    = "article_property"
	settingGuest      = "guest_user"
)

const (
	group = "rest"
	// pageSize is Bitrix' own: lists give 50 rows, a batch takes 50 commands.
	pageSize = 50
	// firstSpan is how far back the first sweep goes.
	firstSpan = 30 * 24 * time.Hour
	// overlap is read again by each sweep: rows become visible after their time.
	overlap = 2 * time.Minute
)

// Channel is the entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor(), Open: open}

var limits = []channel.Limit{{
	Group: group, Calls: 2, Period: time.Second, Burst: 45, Parallel: 2,
	Source: "apidocs.bitrix24.com, Limits: 2 requests a second, 50 at once (Enterprise 5 and 250); a batch counts as one",
}}

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: Name, Title: "1C-Bitrix (REST)", Doc: "https://apidocs.bitrix24.com/api-reference/sale/",
		Buyers: channel.Buyers{Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, ID: true, Note: "From the order's properties; the id is the shop's user."},
		Settings: []channel.Setting{
			{
				Key: settingWebhook, Title: "Address of the incoming webhook", Secret: true, Required: true, Check: checkWebhook,
				Help: "Shop → Developers → Incoming webhook, with the rights sale and catalog, made by an administrator. It looks like https://shop.example/rest/1/abcdef123456/.",
			},
			{
				Key: settingEventToken, Title: "Token of the outgoing webhook", Secret: true, Check: checkToken,
				Help: "Shop → Developers → Outgoing webhook for ONSALEORDERSAVED to the address that the hub shows. Without it orders come with the next sweep.",
			},
			{
				Key: settingProperties, Title: "Order properties", Default: defaultProperties, Check: checkProperties,
				Help: "Which code of an order property holds what, like name=FIO; phone=PHONE; email=EMAIL; address=ADDRESS; city=CITY; company=COMPANY; inn=INN; kpp=KPP.",
			},
			{
				Key: settingWords, Title: "Status words", Check: channel.CheckStatusWords,
				Help: "Your own order statuses, like S1=confirmed; S2=packed: the status's code and the hub's status. Without them the shop is not told of confirmed, packed and ready for pickup.",
			},
			{
				Key: settingIblocks, Title: "Catalogue blocks", Check: checkNumbers,
				Help: "Numbers of the information blocks with the goods and their variants, like 2, 3. Empty: the hub learns articles from orders and sends their stock.",
			},
			{
				Key: settingArticle, Title: "Article property", Check: checkProperty,
				Help: "The property of the goods that holds the article, like property45 (its number is in the settings of the information block). Empty: the external code is the article.",
			},
			{
				Key: settingGuest, Title: "User of guests", Check: checkUser,
				Help: "Number of the shop's user under whom it places orders without registration (Settings → Users, login anonymous_…). Without it the hub may take guests for one buyer.",
			},
			channel.BaseURLSetting(),
		},
		Feeds:     []channel.Feed{{Name: feedOrders, Every: time.Minute, Note: "by dateUpdate"}},
		Limits:    limits,
		Statuses:  statuses,
		ReadBatch: pageSize, PushBatch: 20,
		Stock: channel.StockLimits{Batch: pageSize, ReadBatch: pageSize},
	}
}

// adapter is one shop.
type adapter struct {
	base       string
	eventToken string
	properties map[string]string // field to property code
	words      channel.StatusWords
	iblocks    []string
	article    string
	guest      string // the user of all who are not registered
	page       int    // rows of a list: pageSize, but for tests
	client     *rest.Client
	quotas     channel.Quotas
	now        func() time.Time
}

var (
	_ channel.Adapter        = (*adapter)(nil)
	_ channel.Lister         = (*adapter)(nil)
	_ channel.OrderReader    = (*adapter)(nil)
	_ channel.RangeLister    = (*adapter)(nil)
	_ channel.StatusPusher   = (*adapter)(nil)
	_ channel.TrackingPusher = (*adapter)(nil)
	_ channel.StockPusher    = (*adapter)(nil)
	_ channel.StockReader    = (*adapter)(nil)
	_ channel.WebhookParser  = (*adapter)(nil)
	_ channel.Checker        = (*adapter)(nil)
	_ channel.QuotaReporter  = (*adapter)(nil)
)

// lister is an adapter that was told where the goods are; without that the hub
// learns articles from orders.
type lister struct{ *adapter }

var _ channel.Catalogue = lister{}

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	a := &adapter{eventToken: settings[settingEventToken], article: settings[settingArticle], guest: settings[settingGuest], page: pageSize, quotas: deps.Quotas, now: deps.Now}
	if settings[settingWebhook] == "" {
		return nil, orderhub.InvalidField(settingWebhook, "is required")
	}
	hook, err := url.Parse(settings[settingWebhook])
	if err != nil {
		return nil, orderhub.InvalidField(settingWebhook, "is not an address")
	}
	a.base = strings.TrimSuffix(hook.String(), "/")
	if own := settings[channel.SettingBaseURL]; own != "" {
		a.base = rest.Join(own, strings.TrimSuffix(hook.Path, "/"))
	}
	if a.properties, err = parseProperties(settings[settingProperties]); err != nil {
		return nil, orderhub.InvalidField(settingProperties, "%s", err)
	}
	if a.words, err = channel.ParseStatusWords(settings[settingWords]); err != nil {
		return nil, orderhub.InvalidField(settingWords, "%s", err)
	}
	a.iblocks = strings.FieldsFunc(settings[settingIblocks], func(r rune) bool { return r == ',' || r == ' ' })
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	secrets := []string{a.eventToken, hook.Path}
	for _, part := range strings.Split(hook.Path, "/") {
		if len(part) >= 8 {
			secrets = append(secrets, part)
		}
	}
	a.client = rest.New(rest.Options{Name: string(Name), HTTP: deps.HTTP, Quotas: a.quotas, Secrets: secrets, Explain: explain})
	if len(a.iblocks) > 0 {
		return lister{a}, nil
	}
	return a, nil
}

// QuotaLeft tells how many calls may be made right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

var token = regexp.MustCompile(`^[A-Za-z0-9_-]{8,200}$`)

func checkToken(v string) error {
	if !token.MatchString(v) {
		return fmt.Errorf("allowed: 8 to 200 Latin letters and digits, as the shop shows it")
	}
	return nil
}

var hookPath = regexp.MustCompile(`/rest/[0-9]+/[A-Za-z0-9]+/?$`)

func checkWebhook(v string) error {
	u, err := url.Parse(v)
	if err != nil || channel.CheckURL(v) != nil || !hookPath.MatchString(u.Path) || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("the address is not that of an incoming webhook; allowed: like https://shop.example/rest/1/abcdef123456/")
	}
	return nil
}

// defaultProperties are the codes of a fresh shop.
const defaultProperties = "name=FIO; phone=PHONE; email=EMAIL; address=ADDRESS; city=CITY; company=COMPANY; inn=INN; kpp=KPP"

var fields = []string{"name", "phone", "email", "address", "city", "company", "inn", "kpp"}

func parseProperties(v string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range strings.Split(v, ";") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		field, code, ok := strings.Cut(pair, "=")
		field, code = strings.TrimSpace(field), strings.TrimSpace(code)
		known := false
		for _, f := range fields {
			known = known || f == field
		}
		if !ok || !known || code == "" || len(code) > 100 {
			return nil, fmt.Errorf("%.60q: allowed: pairs like phone=PHONE with semicolons between them; fields: %s", pair, strings.Join(fields, ", "))
		}
		out[field] = code
	}
	return out, nil
}

func checkProperties(v string) error {
	_, err := parseProperties(v)
	return err
}

var (
	numbers  = regexp.MustCompile(`^[0-9]+([ ,]+[0-9]+){0,19}$`)
	user     = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
	property = regexp.MustCompile(`^property[0-9]+$`)
)

func checkNumbers(v string) error {
	if !numbers.MatchString(v) {
		return fmt.Errorf("%.40q: allowed: up to 20 numbers like 2, 3", v)
	}
	return nil
}

func checkUser(v string) error {
	if !user.MatchString(v) {
		return fmt.Errorf("%.40q: allowed: a number like 17", v)
	}
	return nil
}

func checkProperty(v string) error {
	if !property.MatchString(v) {
		return fmt.Errorf("%.40q: allowed: like property45", v)
	}
	return nil
}
