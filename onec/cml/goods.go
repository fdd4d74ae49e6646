package cml

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

// Product is a «Товар» of a catalogue.
type Product struct {
	// ID is 1C's own: a GUID, or "guid#guid" with a characteristic.
	ID, SKU, Name string
	Barcodes      []string
	Unit          string
	WeightG       int64 // 0 = not told
	Service       bool
	Deleted       bool
}

// Offer is a «Предложение»: prices and stock of an article.
type Offer struct {
	ID, SKU, Name string
	Barcodes      []string
	Prices        []Price
	// Units are what all warehouses of the file have together; HasUnits tells
	// whether the file says so. A negative figure of 1C counts as 0.
	Units    int64
	HasUnits bool
	// Stock is per warehouse, where the file tells.
	Stock map[string]int64
	// Fraction tells that a quantity was no whole number and was rounded down,
	// Negative that one was below zero.
	Fraction, Negative bool
}

// Price is a price of one kind.
type Price struct {
	Type  string
	Price orderhub.Money
}

// PriceType is a kind of price ("Розничная").
type PriceType struct {
	ID       string `xml:"Ид"`
	Name     string `xml:"Наименование"`
	Currency string `xml:"Валюта"`
}

// Warehouse is a store room of 1C.
type Warehouse struct {
	ID   string `xml:"Ид"`
	Name string `xml:"Наименование"`
}

type productIn struct {
	ID      string   `xml:"Ид"`
	Char    string   `xml:"ИдХарактеристики"`
	SKU     string   `xml:"Артикул"`
	Name    string   `xml:"Наименование"`
	Barcode []string `xml:"Штрихкод"`
	Unit    struct {
		Short string `xml:"НаименованиеКраткое,attr"`
		Text  string `xml:",chardata"`
	} `xml:"БазоваяЕдиница"`
	Status     string      `xml:"Статус,attr"`
	Deleted    string      `xml:"ПометкаУдаления"`
	Weight     string      `xml:"Вес"`
	Requisites []Requisite `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
}

func (x *productIn) product() (Product, error) {
	p := Product{
		ID: goodsID(x.ID, x.Char), SKU: strings.TrimSpace(x.SKU), Name: clip(x.Name, 1000), Barcodes: barcodes(x.Barcode),
		Unit: clip(x.Unit.Text, 20), Deleted: strings.EqualFold(strings.TrimSpace(x.Status), "Удален") || truth(x.Deleted),
	}
	if p.Unit == "" {
		p.Unit = clip(x.Unit.Short, 20)
	}
	weight := x.Weight
	for _, r := range x.Requisites {
		switch strings.TrimSpace(r.Name) {
		case "Вес":
			weight = r.Value
		case "ТипНоменклатуры":
			p.Service = strings.EqualFold(strings.TrimSpace(r.Value), "Услуга")
		case "Полное наименование":
			if p.Name == "" {
				p.Name = clip(r.Value, 1000)
			}
		}
	}
	if p.ID == "" {
		return p, orderhub.InvalidField("Ид", "у товара нет Ид")
	}
	if kg, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(weight), ",", "."), 64); err == nil && kg > 0 && kg < 10_000 {
		p.WeightG = int64(math.Round(kg * 1000))
	}
	return p, nil
}

// goodsID joins an article and its characteristic the way offers name it.
func goodsID(id, characteristic string) string {
	id, characteristic = strings.TrimSpace(id), strings.TrimSpace(characteristic)
	if characteristic == "" || strings.Contains(id, "#") || strings.Trim(characteristic, "0-") == "" {
		return id
	}
	return id + "#" + characteristic
}

func barcodes(list []string) []string {
	var out []string
	for _, b := range list {
		if b = strings.TrimSpace(b); b != "" && len(b) <= 64 && !strings.ContainsAny(b, " \t\r\n") {
			out = append(out, b)
		}
	}
	return out
}

type offerIn struct {
	ID      string    `xml:"Ид"`
	Char    string    `xml:"ИдХарактеристики"`
	SKU     string    `xml:"Артикул"`
	Name    string    `xml:"Наименование"`
	Barcode []string  `xml:"Штрихкод"`
	Units   *string   `xml:"Количество"`
	Prices  []priceIn `xml:"Цены>Цена"`
	Stock   []stockIn `xml:"Склад"`  // schema 2.08: one per warehouse
	Stocks  []stockIn `xml:"Склады"` // УТ's updates
	Rests   []restIn  `xml:"Остатки>Остаток"`
}

type priceIn struct {
	Type     string `xml:"ИдТипаЦены"`
	Price    string `xml:"ЦенаЗаЕдиницу"`
	Currency string `xml:"Валюта"`
}

type stockIn struct {
	ID    string    `xml:"ИдСклада,attr"`
	Units string    `xml:"КоличествоНаСкладе,attr"`
	Inner []stockIn `xml:"Склад"`
}

// restIn is how the module of 1C-Bitrix writes stock.
type restIn struct {
	Units *string `xml:"Количество"`
	Rooms []struct {
		ID    string `xml:"Ид"`
		Units string `xml:"Количество"`
	} `xml:"Склад"`
}

func (x *offerIn) offer() (Offer, error) {
	o := Offer{ID: goodsID(x.ID, x.Char), SKU: strings.TrimSpace(x.SKU), Name: clip(x.Name, 1000), Barcodes: barcodes(x.Barcode)}
	if o.ID == "" {
		return o, orderhub.InvalidField("Ид", "у предложения нет Ид")
	}
	if err := x.stock(&o); err != nil {
		return o, orderhub.InvalidField("Количество", "%v", err)
	}
	for _, p := range x.Prices {
		m, err := Amount(p.Price, Currency(p.Currency))
		if err != nil {
			return o, orderhub.InvalidField("ЦенаЗаЕдиницу", "%v", err)
		}
		if !m.IsZero() {
			o.Prices = append(o.Prices, Price{Type: strings.TrimSpace(p.Type), Price: m})
		}
	}
	return o, nil
}

// stock reads the quantity, wherever the file has it.
func (x *offerIn) stock(o *Offer) error {
	add := func(room, text string) error {
		n, err := o.count(text)
		if err != nil {
			return err
		}
		if o.Stock == nil {
			o.Stock = map[string]int64{}
		}
		o.Stock[strings.TrimSpace(room)] += n
		return nil
	}
	rooms := append(append([]stockIn{}, x.Stock...), x.Stocks...)
	for _, s := range x.Stocks {
		rooms = append(rooms, s.Inner...)
	}
	for _, s := range rooms {
		if s.ID == "" && s.Units == "" {
			continue
		}
		if err := add(s.ID, s.Units); err != nil {
			return err
		}
	}
	for _, r := range x.Rests {
		if r.Units != nil {
			x.Units = r.Units
		}
		for _, room := range r.Rooms {
			if err := add(room.ID, room.Units); err != nil {
				return err
			}
		}
	}
	switch {
	case x.Units != nil && number(*x.Units) != "":
		n, err := o.count(*x.Units)
		o.Units, o.HasUnits = n, err == nil
		return err
	case o.Stock != nil:
		o.HasUnits = true
		for _, n := range o.Stock {
			o.Units += n
		}
	}
	return nil
}

// count reads a quantity and notes what had to be changed about it.
func (o *Offer) count(text string) (int64, error) {
	n, fraction, err := Units(text)
	o.Fraction = o.Fraction || fraction
	if n < 0 {
		o.Negative, n = true, 0
	}
	return n, err
}

// Units reads a quantity, rounded down; 1C writes "5", "5.000" and "5,5".
func Units(text string) (n int64, fraction bool, err error) {
	text = number(text)
	if text == "" {
		return 0, false, nil
	}
	whole, part, _ := strings.Cut(text, ".")
	if whole == "" || whole == "-" {
		whole += "0"
	}
	n, err = strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(part, "0123456789") != "" || n > math.MaxInt32 || n < math.MinInt32 {
		return 0, false, fmt.Errorf("%.40q — не количество; разрешены числа до %d", text, math.MaxInt32)
	}
	if strings.Trim(part, "0") == "" {
		return n, false, nil
	}
	if strings.HasPrefix(text, "-") {
		n--
	}
	return n, true, nil
}

// Amount reads a sum; finer than the minor unit is rounded.
func Amount(text, cur string) (orderhub.Money, error) {
	m, err := orderhub.RoundMoney(number(text), cur)
	if err != nil {
		return m, fmt.Errorf("%.40q — не сумма", text)
	}
	return m, nil
}

// number takes the spaces out of a number, and its comma.
func number(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\u00a0', '\u202f', '\t', '\n', '\r':
			return -1
		case ',':
			return '.'
		}
		return r
	}, text)
}

// Currency spells 1C's currency: it writes "руб" and "643" as well.
func Currency(text string) string {
	switch c := strings.ToUpper(strings.TrimSpace(text)); c {
	case "", "РУБ", "РУБ.", "RUR", "643", "810":
		return "RUB"
	default:
		return c
	}
}
