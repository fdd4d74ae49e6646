package cmlshop

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/onec/cml"
)

// version is the schema that 1C itself names when it writes to a shop.
const version = "2.07"

// PushStatus sends the documents of orders, one file each under one log-in, so
// that a shop's no concerns one order. A document says how the order stands, not
// what to do: sent again it changes nothing.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	t, err := a.checkauth(ctx, typeSale)
	if err != nil {
		return nil, err
	}
	part, err := a.init(ctx, t, typeSale)
	if err != nil {
		return nil, err
	}
	out := make([]channel.PushResult, 0, len(pushes))
	for _, p := range pushes {
		if n := len(out); n > 0 && goneAway(out[n-1].Err) {
			out = append(out, channel.PushResult{Outcome: channel.OutcomeUnsent, Err: out[n-1].Err})
			continue
		}
		out = append(out, a.push(channel.For(ctx, p.Key), t, p, part))
	}
	return out, nil
}

// goneAway tells that the next file would meet the same.
func goneAway(err error) bool {
	switch orderhub.ClassOf(err) {
	case orderhub.ClassRejected:
		return false
	case orderhub.ClassAuth, orderhub.ClassRateLimited, orderhub.ClassRetry, orderhub.ClassUncertain:
		return err != nil
	}
	return false
}

func (a *adapter) push(ctx context.Context, t talk, p channel.Push, part int) channel.PushResult {
	word := a.words.Word(p.To)
	if !says(p.To) && word == "" {
		return channel.PushResult{
			Outcome: channel.OutcomeDone,
			Note:    fmt.Sprintf("the shop was not told: an exchange has no field for %q; name the shop's word in the setting %s", p.To, settingWords),
		}
	}
	file, err := a.document(p, word)
	if err != nil {
		return channel.PushResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, op("file"), err.Error(), nil)}
	}
	if err := a.send(ctx, t, typeSale, "orders-"+fileName(p.Key)+".xml", file, part); err != nil {
		return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
	}
	return channel.PushResult{Outcome: channel.OutcomeDone, Note: "the shop took the document"}
}

// says tells which statuses have requisites of their own.
func says(s orderhub.Status) bool {
	return s == orderhub.StatusConfirmed || s == orderhub.StatusShipped || s == orderhub.StatusDelivered || s == orderhub.StatusCancelled
}

// fileName keeps what a file's name may hold.
func fileName(key string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, key)
}

// document writes an order the way 1C would: as it stands, with its rows.
func (a *adapter) document(p channel.Push, word string) ([]byte, error) {
	s := p.Order.Snapshot
	o := cml.Order{
		ID: s.ExternalID, Number: cmp.Or(s.ExternalNumber, s.ExternalID), At: s.PlacedAt.In(a.zone), Currency: s.Total.Currency,
		Buyer: cml.Buyer{ID: s.ExternalID, Name: cmp.Or(s.Customer.Name, "Покупатель")}, Comment: p.Comment,
	}
	for _, l := range s.Lines {
		o.Currency = cmp.Or(o.Currency, l.Total.Currency)
		if l.Quantity > 0 {
			o.Lines = append(o.Lines, cml.Line{ID: l.ListingKey, SKU: l.SKU, Name: cmp.Or(l.Name, l.SKU), Units: l.Quantity, Total: l.Total})
		}
	}
	if s.Shipping.Price.Minor > 0 {
		o.Lines = append(o.Lines, cml.Line{ID: deliveryID, Name: "Доставка", Service: true, Units: 1, Total: s.Shipping.Price})
	}
	o.Currency = cmp.Or(o.Currency, "RUB")
	o.Requisites = a.requisites(p, word)
	out := bytes.NewBufferString("\ufeff") // as 1C writes it
	err := cml.WriteOrders(out, []cml.Order{o}, a.changedAt(p).In(a.zone), version, cml.UTF8)
	return out.Bytes(), err
}

// requisites are what engines read of a state: by flags and dates, and by the
// shop's own word where the settings name it.
func (a *adapter) requisites(p channel.Push, word string) []cml.Requisite {
	yes := func(name string) cml.Requisite { return cml.Requisite{Name: name, Value: "true"} }
	list := []cml.Requisite{{Name: "Номер по 1С", Value: p.Order.Number()}, yes("Проведен")}
	if p.Order.Snapshot.Payment == orderhub.PaymentPaid {
		list = append(list, yes("Оплачен"))
	}
	switch p.To {
	case orderhub.StatusCancelled:
		list = append(list, yes("Отменен"))
		if p.Reason != "" {
			list = append(list, cml.Requisite{Name: "Причина отмены", Value: p.Reason})
		}
	case orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered:
		list = append(list, yes("Отгружен"), cml.Requisite{Name: "Дата отгрузки по 1С", Value: a.changedAt(p).In(a.zone).Format("2006-01-02T15:04:05")})
	case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned:
	}
	if tracking := cmp.Or(p.Params["tracking"], p.Order.Snapshot.Shipping.Tracking); tracking != "" {
		list = append(list, cml.Requisite{Name: "Идентификатор отправления", Value: tracking})
	}
	if word != "" {
		list = append(list, cml.Requisite{Name: "Статус заказа", Value: word}, cml.Requisite{Name: "Статуса заказа ИД", Value: word})
	}
	return list
}

// changedAt is the same at every attempt where the core tells the time.
func (a *adapter) changedAt(p channel.Push) time.Time {
	if t, err := time.Parse(time.RFC3339, p.Params["at"]); err == nil {
		return t.UTC()
	}
	if !p.Order.UpdatedAt.IsZero() {
		return p.Order.UpdatedAt.UTC()
	}
	return a.now().UTC()
}
