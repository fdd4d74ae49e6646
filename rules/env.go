package rules

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // machines without a list of zones

	"github.com/orderhub/orderhub"
)

// Env is what a condition can ask: an event, and the order as it is when the rule
// is asked. The fields, their names and their description are made from this struct.
type Env struct {
	Event string `expr:"event" words:"event" doc:"kind of the event"`
	From  string `expr:"from" words:"status" doc:"status before the event; empty where the event has none"`
	To    string `expr:"to" words:"status" doc:"status after the event, or asked for"`
	State string `expr:"state" doc:"of an effect (confirmed, rejected, uncertain, …) or a return (announced, on_the_way, …)"`
	Hold  string `expr:"hold" words:"hold" doc:"hold that was set, for the event hold"`
	Actor string `expr:"actor" words:"actor" doc:"who caused the event"`

	Number    int      `expr:"number" doc:"the hub's number of the order"`
	Channel   string   `expr:"channel" doc:"ozon, wildberries, yandex_market, site, …"`
	Account   string   `expr:"account" doc:"id of the account"`
	Scheme    string   `expr:"scheme" doc:"fbs, rfbs, dbs, express, fbo, laas, site"`
	ReadOnly  bool     `expr:"read_only" doc:"handled by the channel alone"`
	Status    string   `expr:"status" words:"status" doc:"status of the order"`
	Requested string   `expr:"requested" words:"status" doc:"status on its way to the channel"`
	Payment   string   `expr:"payment" words:"payment" doc:"paid, unpaid, on_receipt, refunded; empty = not told"`
	Holds     []string `expr:"holds" words:"hold" doc:"holds of the channel and of the hub"`
	Tags      []string `expr:"tags" doc:"tags, small letters"`
	Assignee  string   `expr:"assignee" doc:"who works on it; empty = nobody"`

	Sum      float64  `expr:"sum" doc:"what the goods cost, in whole units of the currency: 4990.50"`
	Currency string   `expr:"currency" doc:"RUB, …"`
	Units    int      `expr:"units" doc:"units of all lines"`
	SKUs     []string `expr:"skus" doc:"articles of the lines, the first 200"`
	Lines    []Line   `expr:"lines" doc:"lines, the first 200"`

	Delivery     Delivery `expr:"delivery" doc:"how the goods go"`
	Comment      string   `expr:"comment" doc:"the buyer's comment, the first 1000 bytes"`
	CancelledBy  string   `expr:"cancelled_by" doc:"buyer, seller, channel, carrier, system; empty = not cancelled"`
	CancelReason string   `expr:"cancel_reason" doc:"code of the channel"`

	AgeHours    float64 `expr:"age_hours" doc:"hours since the order was placed"`
	HasShipBy   bool    `expr:"has_ship_by" doc:"there is a deadline of hand-over"`
	ShipInHours float64 `expr:"ship_in_hours" doc:"hours until that deadline, below 0 when it is over, 0 when there is none"`
	Hour        int     `expr:"hour" doc:"hour of the day in Moscow, 0 to 23"`
	Weekday     int     `expr:"weekday" doc:"day of the week in Moscow, 1 = Monday to 7"`
}

// Line is one line of an order.
type Line struct {
	SKU      string  `expr:"sku" doc:"article"`
	Name     string  `expr:"name" doc:"the first 200 bytes"`
	Quantity int     `expr:"quantity" doc:"units"`
	Price    float64 `expr:"price" doc:"of a unit"`
	Sum      float64 `expr:"sum" doc:"of the line"`
}

// Delivery is how the goods go.
type Delivery struct {
	Method    string `expr:"method" doc:"in the channel's words"`
	Carrier   string `expr:"carrier" doc:"in the channel's words"`
	City      string `expr:"city" doc:"as the channel writes it"`
	Warehouse string `expr:"warehouse" doc:"the seller's, in the channel's words"`
	Tracking  string `expr:"tracking" doc:"number of the parcel"`
}

// Field describes one name that a condition can use.
type Field struct {
	Name  string   `json:"name"`
	Type  string   `json:"type" doc:"text, number, yes/no, list of texts, list of lines, group"`
	Doc   string   `json:"doc"`
	Known []string `json:"known,omitempty" doc:"The words that it can be; none = any."`
}

// Fields lists what a condition can ask, in the order of Env; those of a line and
// of the delivery with a dot.
func Fields() []Field { return fieldsOf("", reflect.TypeFor[Env]()) }

func fieldsOf(prefix string, t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Tag.Get("expr")
		out = append(out, Field{Name: name, Type: typeWord(f.Type), Doc: f.Tag.Get("doc"), Known: vocabulary(f.Tag.Get("words"))})
		switch {
		case f.Type.Kind() == reflect.Struct:
			out = append(out, fieldsOf(name+".", f.Type)...)
		case f.Type == reflect.TypeFor[[]Line]():
			out = append(out, fieldsOf(name+".", reflect.TypeFor[Line]())...)
		}
	}
	return out
}

func typeWord(t reflect.Type) string {
	switch t.Kind() { //nolint:exhaustive // the kinds of Env
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes/no"
	case reflect.Struct:
		return "group"
	case reflect.Slice:
		if t == reflect.TypeFor[[]Line]() {
			return "list of lines"
		}
		return "list of texts"
	}
	return "number"
}

// vocabulary lists the words of a kind of field; nil = any.
func vocabulary(kind string) []string {
	switch kind {
	case "status":
		return words(orderhub.Statuses())
	case "event":
		return words(orderhub.RuleEvents())
	case "payment":
		return words([]orderhub.Payment{orderhub.PaymentPaid, orderhub.PaymentUnpaid, orderhub.PaymentOnReceipt, orderhub.PaymentRefunded})
	case "actor":
		return words([]orderhub.ActorKind{orderhub.ActorUser, orderhub.ActorAPI, orderhub.ActorRule, orderhub.ActorChannel, orderhub.ActorHub})
	case "hold":
		return words([]orderhub.Hold{
			orderhub.HoldArbitration, orderhub.HoldCancelRequest, orderhub.HoldNotAccepted, orderhub.HoldShipFailed,
			orderhub.HoldUnmapped, orderhub.HoldShort, orderhub.HoldManual, orderhub.HoldConflict,
		})
	}
	return nil
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// Caps that bound what one run can cost.
const (
	maxItems   = 200
	maxWord    = 200
	maxComment = 1000
)

// NewEnv gathers what a condition can ask about an event on an order, at a moment.
func NewEnv(o *orderhub.Order, e orderhub.Event, now time.Time) Env {
	s := &o.Snapshot
	env := Env{
		Event: string(e.Kind), From: string(e.From), To: string(e.To), Actor: string(e.Actor.Kind),
		Number: int(o.ID), Channel: string(o.Channel), Account: o.AccountID, Scheme: string(s.Scheme), ReadOnly: s.ReadOnly,
		Status: string(o.Headline), Requested: string(o.Requested), Payment: string(s.Payment), Holds: words(o.Holds()),
		Tags: o.Tags, Assignee: string(o.Assignee),
		Sum: major(s.Total), Currency: s.Total.Currency, Units: int(s.Units()),
		Delivery: Delivery{
			Method: cut(s.Shipping.Method, maxWord), Carrier: cut(s.Shipping.Carrier, maxWord), City: cut(s.Shipping.City, maxWord),
			Warehouse: cut(s.Shipping.Warehouse, maxWord), Tracking: cut(s.Shipping.Tracking, maxWord),
		},
		Comment: cut(s.Comment, maxComment),
	}
	if env.Tags == nil {
		env.Tags = []string{}
	}
	for _, l := range s.Lines[:min(len(s.Lines), maxItems)] {
		env.SKUs = append(env.SKUs, cut(l.SKU, maxWord))
		env.Lines = append(env.Lines, Line{SKU: cut(l.SKU, maxWord), Name: cut(l.Name, maxWord), Quantity: int(l.Quantity), Price: major(l.UnitPrice), Sum: major(l.Total)})
	}
	if c := s.Cancellation; c != nil {
		env.CancelledBy, env.CancelReason = string(c.By), cut(c.ReasonCode, maxWord)
	}
	env.eventData(e)
	env.times(s, now)
	return env
}

// eventData takes over what an event tells programs.
func (env *Env) eventData(e orderhub.Event) {
	var d struct {
		Hold  string          `json:"hold"`
		On    bool            `json:"on"`
		State json.RawMessage `json:"state"`
	}
	if len(e.Data) == 0 || json.Unmarshal(e.Data, &d) != nil {
		return // an event without details
	}
	env.State = cut(strings.Trim(string(d.State), `"`), maxWord)
	if d.On {
		env.Hold = d.Hold
	}
}

func (env *Env) times(s *orderhub.Snapshot, now time.Time) {
	if !s.PlacedAt.IsZero() {
		env.AgeHours = now.Sub(s.PlacedAt).Hours()
	}
	if env.HasShipBy = !s.ShipBy.IsZero(); env.HasShipBy {
		env.ShipInHours = s.ShipBy.Sub(now).Hours()
	}
	local := now.In(moscow)
	env.Hour, env.Weekday = local.Hour(), (int(local.Weekday())+6)%7+1
}

var moscow = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		panic(err) // the zones are compiled in
	}
	return loc
}()

// major reads an amount in whole units: the float that the same decimal in a
// condition is, so that they compare equal.
func major(m orderhub.Money) float64 {
	f, err := strconv.ParseFloat(m.Decimal(), 64)
	if err != nil {
		return 0
	}
	return f
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
