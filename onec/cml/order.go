package cml

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// maxNumber is how many characters of a document's number 1C looks earlier orders
// up by: a longer one would make a new order of each repetition.
const maxNumber = 11

// deliveryID is the row that 1C takes for the price of delivery.
const deliveryID = "ORDER_DELIVERY"

// Order is one order as 1C is to see it.
type Order struct {
	Number string
	// ID is the document's, "" = the number.
	ID       string
	At       time.Time // in the shop's time zone
	Currency string
	Buyer    Buyer
	Comment  string
	Lines    []Line
	// Requisites in the order in which they are written.
	Requisites []Requisite
}

// Buyer is the counterparty. 1C looks it up by Name and creates it if absent.
type Buyer struct {
	ID, Name     string
	Company      bool // a legal entity
	INN, KPP     string
	Address      string
	Phone, Email string
}

// Line is one row: goods, or a service.
type Line struct {
	// ID is 1C's own id of the article, where it is known, else the SKU.
	ID, SKU, Name, Barcode string
	Service                bool
	Units                  int64
	Total                  orderhub.Money // net of discounts, for all units
	VAT                    string         // per cent or "20/120", "" = none or not known
}

// Terms are what an exchange has agreed on with its 1C.
type Terms struct {
	// Zone is the shop's time zone: 1C knows no other.
	Zone *time.Location
	// GoodsID gives 1C's id of an article, "" when 1C never told one.
	GoodsID func(sku string) string
	// Buyer names the counterparty for all orders of an account; "" takes the
	// order's own buyer. One counterparty per channel keeps 1C's list short.
	Buyer string
	// Status is the order's status in the words that 1C's table matches.
	Status string
	// Account names the account for people.
	Account string
}

// FromOrder writes an order of the ledger in 1C's terms. skus are the products
// of its lines, "" where a line has none. The error tells what 1C could not take;
// it fails its whole batch over one bad order, so such an order must not be sent.
func FromOrder(o *orderhub.Order, skus []string, t Terms) (Order, error) {
	s := &o.Snapshot
	out := Order{Number: o.Number(), At: s.PlacedAt.In(t.Zone), Comment: clip(s.Comment, 3000)}
	if s.PlacedAt.IsZero() {
		out.At = o.CreatedAt.In(t.Zone)
	}
	if len(out.Number) > maxNumber {
		return out, orderhub.InvalidField("number", "%s has more than %d digits: 1C would not find the order again", out.Number, maxNumber)
	}
	memory := ""
	for i, l := range s.Lines {
		if l.Quantity == 0 {
			memory = cmp.Or(memory, l.Total.Currency, l.UnitPrice.Currency)
			continue // 1C drops such a row, and the ledger keeps it only as a memory
		}
		line, err := lineOf(l, at(skus, i), t)
		if err != nil {
			return out, fmt.Errorf("line %d: %w", i+1, err)
		}
		out.Lines = append(out.Lines, line)
		if out.Currency == "" {
			out.Currency = line.Total.Currency
		}
	}
	if p := s.Shipping.Price; p.Minor > 0 {
		out.Lines = append(out.Lines, Line{ID: deliveryID, Name: "Доставка", Service: true, Units: 1, Total: p})
	}
	out.Currency = cmp.Or(out.Currency, s.Total.Currency, memory)
	if out.Currency == "" {
		return out, orderhub.InvalidField("currency", "the channel gave no amount; 1C takes no order without a currency")
	}
	for i, l := range out.Lines {
		if l.Total.Currency != "" && l.Total.Currency != out.Currency {
			return out, orderhub.InvalidField("lines", "row %d is in %s, the order in %s", i+1, l.Total.Currency, out.Currency)
		}
	}
	out.Buyer = buyerOf(o, t)
	out.Requisites = requisitesOf(o, t)
	return out, nil
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func lineOf(l orderhub.Line, sku string, t Terms) (Line, error) {
	if sku == "" {
		sku = l.SKU
	}
	out := Line{SKU: clip(sku, 255), Name: clip(l.Name, 250), Units: l.Quantity, Total: l.Total, VAT: vat(l.VAT)}
	if out.Total.IsZero() && !l.UnitPrice.IsZero() {
		var err error
		if out.Total, err = l.UnitPrice.Times(l.Quantity); err != nil {
			return out, err
		}
	}
	if t.GoodsID != nil {
		out.ID = t.GoodsID(sku)
	}
	if out.ID == "" {
		out.ID = sku
	}
	if out.ID == "" {
		out.ID = l.ListingKey
	}
	if out.ID = clip(out.ID, 80); out.ID == "" {
		return out, orderhub.InvalidField("sku", "the line has no article")
	}
	if out.Name == "" {
		out.Name = out.ID
	}
	for _, b := range l.Barcodes {
		if n := len(b); n >= 8 && n <= 14 && strings.Trim(b, "0123456789") == "" {
			out.Barcode = b
			break
		}
	}
	return out, nil
}

// vat keeps a rate in per cent, and "20/120" as 1C knows it; "none" and words of a
// channel are none.
func vat(word string) string {
	word = strings.TrimSuffix(strings.TrimSpace(word), "%")
	rate, of, share := strings.Cut(word, "/")
	n, err := strconv.Atoi(rate)
	switch {
	case err != nil || n < 0 || n >= 100:
		return ""
	case !share:
		return strconv.Itoa(n)
	case n > 0 && of == strconv.Itoa(100+n):
		return fmt.Sprintf("%d/%d", n, 100+n)
	}
	return ""
}

// buyerOf is the counterparty. A marketplace's substitute number is nobody's.
func buyerOf(o *orderhub.Order, t Terms) Buyer {
	c, s := o.Snapshot.Customer, o.Snapshot.Shipping
	b := Buyer{Address: clip(s.Address, 250)}
	if b.Address == "" {
		b.Address = clip(s.City, 250)
	}
	if t.Buyer != "" {
		b.ID, b.Name = clip(o.AccountID, 40), clip(t.Buyer, 250)
		return b
	}
	b.Name, b.Company = clip(c.Name, 250), c.Company != ""
	if b.Company {
		b.Name = clip(c.Company, 250)
		b.INN, b.KPP = digits(c.INN, 10, 12), digits(c.KPP, 9, 9)
	}
	if b.Name == "" {
		b.Name = clip("Покупатель "+t.Account, 250)
	}
	if !c.ProxyPhone {
		b.Phone = clip(c.Phone, 250)
	}
	b.Email = clip(c.Email, 250)
	switch {
	case b.INN != "":
		b.ID = b.INN
	case b.Phone != "":
		b.ID = clip(b.Phone, 40)
	case b.Email != "":
		b.ID = clip(b.Email, 40)
	default:
		b.ID = clip(o.AccountID, 40)
	}
	return b
}

// digits keeps a number of an allowed length, else nothing: 1C reads an empty or
// broken element as something else.
func digits(s string, least, most int) string {
	s = strings.TrimSpace(s)
	if len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// requisitesOf lists what 1C reads by name, see the fact sheet's rule 12, and
// what people look for: whose order it is and under which number it runs there.
func requisitesOf(o *orderhub.Order, t Terms) []Requisite {
	s := &o.Snapshot
	var out []Requisite
	add := func(name, value string) {
		if value = clip(value, 1000); value != "" {
			out = append(out, Requisite{Name: name, Value: value})
		}
	}
	add("Статус заказа", t.Status)
	if o.Headline == orderhub.StatusCancelled {
		add("Отменен", "true")
	}
	if s.Payment != orderhub.PaymentUnknown {
		add("Заказ оплачен", strconv.FormatBool(s.Payment == orderhub.PaymentPaid))
	}
	if !s.ShipBy.IsZero() {
		add("Дата отгрузки", s.ShipBy.In(t.Zone).Format("2006-01-02T15:04:05"))
	}
	add("Комментарии покупателя", s.Comment)
	if w := paymentOf(s.Payment); w.ID != "" {
		add("Метод оплаты", w.Name)
		add("Метод оплаты ИД", w.ID)
	}
	add("Способ доставки", s.Shipping.Method)
	add("Способ доставки ИД", deliveryOf(s.Scheme).ID)
	add("Трек-номер", s.Shipping.Tracking)
	add("Канал", string(o.Channel))
	add("Кабинет", t.Account)
	add("Номер отправления", s.ExternalID)
	add("Номер на площадке", s.ExternalNumber)
	add("Группа заказа", s.GroupKey)
	return out
}
