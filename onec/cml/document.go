package cml

import (
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// Document is an order as 1C sends it back.
type Document struct {
	// ID is 1C's own id; Number the shop's, by which the order is found.
	ID, Number string
	// Operation is the kind of document ("Заказ товара"); payments and shipments
	// come as documents of their own from some configurations.
	Operation string
	Currency  string
	Total     orderhub.Money
	Comment   string
	// Base is the order that a payment or a shipment belongs to.
	Base  string
	Lines []DocumentLine
	// Requisites by name; a name that comes twice keeps its last value.
	Requisites map[string]string
	// Parts are payments and shipments below the order (schema 2.10).
	Parts []Document
}

// DocumentLine is a row: its quantity is the new truth.
type DocumentLine struct {
	ID, SKU, Name string
	Units         int64
	Odd           bool // the quantity is no whole number from 0 on; Units says nothing
	Price, Total  orderhub.Money
	Service       bool
}

// Facts is what a document says of an order's state.
type Facts struct {
	// Posted: the order is accepted in 1C.
	Posted, Paid, Shipped, Cancelled bool
	// Status is 1C's own word, where the configuration sends one.
	Status string
	// Number1C and Date1C name 1C's document, for people.
	Number1C, Date1C string
	Tracking         string
	ShippedAt        string
}

// IsOrder tells orders from the payments and shipments sent beside them.
func (d *Document) IsOrder() bool {
	return d.Operation == "" || strings.EqualFold(d.Operation, "Заказ товара")
}

// Facts derives the state: each configuration tells it by other requisites.
func (d *Document) Facts() Facts {
	r := d.Requisites
	yes := func(names ...string) bool {
		for _, n := range names {
			if truth(r[n]) {
				return true
			}
		}
		return false
	}
	dated := func(names ...string) string {
		for _, n := range names {
			if v := strings.TrimSpace(r[n]); isDate(v) {
				return v
			}
		}
		return ""
	}
	f := Facts{
		Posted: yes("Проведен"), Paid: yes("Оплачен", "Заказ оплачен"), Shipped: yes("Отгружен"), Cancelled: yes("Отменен", "ПометкаУдаления"),
		Status: strings.TrimSpace(r["Статус заказа"]), Number1C: strings.TrimSpace(first(r, "Номер по 1С", "Номер1С")),
		Date1C: strings.TrimSpace(first(r, "Дата по 1С", "Дата1С")), Tracking: strings.TrimSpace(first(r, "Идентификатор отправления", "Трек-номер")),
	}
	if f.Status == "" {
		f.Status = strings.TrimSpace(r["Статуса заказа ИД"])
	}
	if dated("Дата оплаты по 1С") != "" {
		f.Paid = true
	}
	if at := dated("Дата отгрузки по 1С"); at != "" {
		f.Shipped, f.ShippedAt = true, at
	}
	return f
}

func first(r map[string]string, names ...string) string {
	for _, n := range names {
		if r[n] != "" {
			return r[n]
		}
	}
	return ""
}

// truth reads 1C's yes.
func truth(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "да", "истина", "y":
		return true
	}
	return false
}

// isDate reports whether 1C wrote a date; a lone "T" is an empty one.
func isDate(s string) bool {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02", "02.01.2006 15:04:05", "02.01.2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Year() > 1
		}
	}
	return false
}

// documentIn is the element as files have it.
type documentIn struct {
	ID         string       `xml:"Ид"`
	Number     string       `xml:"Номер"`
	Number1C   string       `xml:"Номер1С"`
	Date1C     string       `xml:"Дата1С"`
	Operation  string       `xml:"ХозОперация"`
	Currency   string       `xml:"Валюта"`
	Total      string       `xml:"Сумма"`
	Comment    string       `xml:"Комментарий"`
	Deleted    string       `xml:"ПометкаУдаления"`
	Base       string       `xml:"Основание"`
	Lines      []lineIn     `xml:"Товары>Товар"`
	Requisites []Requisite  `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
	Direct     []Requisite  `xml:"ЗначениеРеквизита"`
	Parts      []documentIn `xml:"ПодчиненныеДокументы>ПодчиненныйДокумент"`
}

type lineIn struct {
	ID         string      `xml:"Ид"`
	SKU        string      `xml:"Артикул"`
	Name       string      `xml:"Наименование"`
	Price      string      `xml:"ЦенаЗаЕдиницу"`
	Units      string      `xml:"Количество"`
	Total      string      `xml:"Сумма"`
	Requisites []Requisite `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
}

// maxParts is how many documents may hang below one order.
const maxParts = 1000

func (x *documentIn) document() (Document, error) {
	d := Document{
		ID: strings.TrimSpace(x.ID), Number: strings.TrimSpace(x.Number), Operation: strings.TrimSpace(x.Operation),
		Currency: Currency(x.Currency), Comment: clip(x.Comment, 3000), Base: strings.TrimSpace(x.Base), Requisites: map[string]string{},
	}
	for _, r := range append(x.Requisites, x.Direct...) {
		d.Requisites[strings.TrimSpace(r.Name)] = clip(r.Value, 3000)
	}
	for name, v := range map[string]string{"Номер1С": x.Number1C, "Дата1С": x.Date1C, "ПометкаУдаления": x.Deleted} {
		if d.Requisites[name] == "" && v != "" {
			d.Requisites[name] = clip(v, 255)
		}
	}
	d.Total = amountOrNone(x.Total, d.Currency)
	for i := range x.Lines {
		d.Lines = append(d.Lines, x.Lines[i].line(d.Currency))
	}
	if len(x.Parts) > maxParts {
		return d, orderhub.InvalidField("ПодчиненныеДокументы", "%d; разрешено до %d", len(x.Parts), maxParts)
	}
	for i := range x.Parts {
		part, err := x.Parts[i].document()
		if err != nil {
			return d, err
		}
		d.Parts = append(d.Parts, part)
	}
	return d, nil
}

// amountOrNone reads a sum of 1C's for people: one that cannot be read is no reason
// to refuse the orders of a whole file.
func amountOrNone(text, cur string) orderhub.Money {
	m, err := Amount(text, cur)
	if err != nil {
		return orderhub.Money{}
	}
	return m
}

func (x *lineIn) line(cur string) DocumentLine {
	l := DocumentLine{
		ID: strings.TrimSpace(x.ID), SKU: strings.TrimSpace(x.SKU), Name: clip(x.Name, 1000),
		Price: amountOrNone(x.Price, cur), Total: amountOrNone(x.Total, cur),
	}
	n, fraction, err := Units(x.Units)
	if l.Odd = err != nil || fraction || n < 0; !l.Odd {
		l.Units = n
	}
	for _, r := range x.Requisites {
		if r.Name == "ТипНоменклатуры" && strings.EqualFold(strings.TrimSpace(r.Value), "Услуга") {
			l.Service = true
		}
	}
	l.Service = l.Service || l.ID == deliveryID
	return l
}
