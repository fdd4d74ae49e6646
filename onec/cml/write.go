package cml

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
)

// Encoding is how a file is written.
type Encoding string

// The encodings that 1C reads.
const (
	UTF8        Encoding = "UTF-8"
	Windows1251 Encoding = "windows-1251" // what it lacks is written as &#8381;
)

// WriteOrders writes the answer to "query". There is no namespace on the root:
// with one 1C reads some fields otherwise. version is the schema's: 2.08 to 2.10
// have the same order of fields for what is written here.
func WriteOrders(w io.Writer, orders []Order, at time.Time, version string, enc Encoding) error {
	doc := fileXML{Version: version, At: at.Format("2006-01-02T15:04:05"), Documents: make([]documentXML, len(orders))}
	for i := range orders {
		d, err := documentOf(&orders[i])
		if err != nil {
			return fmt.Errorf("order %s: %w", orders[i].Number, err)
		}
		doc.Documents[i] = d
	}
	buffered := bufio.NewWriter(w)
	var out io.Writer = buffered
	switch enc {
	case UTF8:
	case Windows1251:
		out = encoding.HTMLEscapeUnsupported(charmap.Windows1251.NewEncoder()).Writer(buffered)
	default:
		return orderhub.InvalidField("encoding", "%q; allowed: %s, %s", enc, UTF8, Windows1251)
	}
	if _, err := fmt.Fprintf(out, "<?xml version=\"1.0\" encoding=\"%s\"?>\n", enc); err != nil {
		return err
	}
	e := xml.NewEncoder(out)
	e.Indent("", " ")
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	return buffered.Flush()
}

// The elements in the order of the schema. What is empty is left out: 1C reads an
// empty element as something that is there.
type fileXML struct {
	XMLName   xml.Name      `xml:"КоммерческаяИнформация"`
	Version   string        `xml:"ВерсияСхемы,attr"`
	At        string        `xml:"ДатаФормирования,attr"`
	Documents []documentXML `xml:"Документ"`
}

type documentXML struct {
	ID         string       `xml:"Ид"`
	Number     string       `xml:"Номер"`
	Date       string       `xml:"Дата"`
	Operation  string       `xml:"ХозОперация"`
	Role       string       `xml:"Роль"`
	Currency   string       `xml:"Валюта"`
	Rate       string       `xml:"Курс"`
	Total      string       `xml:"Сумма"`
	Parties    []partyXML   `xml:"Контрагенты>Контрагент"`
	Time       string       `xml:"Время"`
	Comment    string       `xml:"Комментарий,omitempty"`
	Taxes      []taxXML     `xml:"Налоги>Налог"`
	Lines      *linesXML    `xml:"Товары"`
	Requisites requisiteXML `xml:"ЗначенияРеквизитов"`
}

type linesXML struct {
	Lines []lineXML `xml:"Товар"`
}

type requisiteXML struct {
	List []Requisite `xml:"ЗначениеРеквизита"`
}

type partyXML struct {
	ID       string       `xml:"Ид"`
	Name     string       `xml:"Наименование"`
	Official string       `xml:"ОфициальноеНаименование,omitempty"` // a legal entity
	INN      string       `xml:"ИНН,omitempty"`
	KPP      string       `xml:"КПП,omitempty"`
	Full     string       `xml:"ПолноеНаименование,omitempty"` // a person
	Address  *addressXML  `xml:"Адрес"`
	Contacts *contactsXML `xml:"Контакты"`
	Role     string       `xml:"Роль"`
}

type addressXML struct {
	Text string `xml:"Представление"`
}

type contactsXML struct {
	List []contactXML `xml:"Контакт"`
}

type contactXML struct {
	Kind  string `xml:"Тип"`
	Value string `xml:"Значение"`
}

type taxXML struct {
	Name     string `xml:"Наименование"`
	Included string `xml:"УчтеноВСумме"`
	Sum      string `xml:"Сумма"`
	Rate     string `xml:"Ставка,omitempty"`
}

type unitXML struct {
	Code string `xml:"Код,attr"`
	Full string `xml:"НаименованиеПолное,attr"`
	Intl string `xml:"МеждународноеСокращение,attr"`
	Text string `xml:",chardata"`
}

type rateXML struct {
	Name string `xml:"Наименование"`
	Rate string `xml:"Ставка"`
}

type lineXML struct {
	ID         string       `xml:"Ид"`
	Barcode    string       `xml:"Штрихкод,omitempty"`
	Article    string       `xml:"Артикул,omitempty"`
	Name       string       `xml:"Наименование"`
	Unit       unitXML      `xml:"БазоваяЕдиница"`
	Rates      *ratesXML    `xml:"СтавкиНалогов"`
	Requisites requisiteXML `xml:"ЗначенияРеквизитов"`
	Price      string       `xml:"ЦенаЗаЕдиницу"`
	Units      int64        `xml:"Количество"`
	Total      string       `xml:"Сумма"`
	Taxes      *taxesXML    `xml:"Налоги"`
}

type ratesXML struct {
	List []rateXML `xml:"СтавкаНалога"`
}

type taxesXML struct {
	List []taxXML `xml:"Налог"`
}

var piece = unitXML{Code: "796", Full: "Штука", Intl: "PCE", Text: "шт"}

func documentOf(o *Order) (documentXML, error) {
	d := documentXML{
		ID: cmp.Or(o.ID, o.Number), Number: o.Number, Date: o.At.Format("2006-01-02"), Time: o.At.Format("15:04:05"),
		Operation: "Заказ товара", Role: "Продавец", Currency: o.Currency, Rate: "1", Comment: clip(o.Comment, 3000),
		Parties: []partyXML{partyOf(o.Buyer)},
	}
	for _, r := range o.Requisites {
		d.Requisites.List = append(d.Requisites.List, Requisite{Name: r.Name, Value: clip(r.Value, 1000)})
	}
	total, tax := orderhub.Money{Currency: o.Currency}, orderhub.Money{Currency: o.Currency}
	lines := make([]lineXML, len(o.Lines))
	for i, l := range o.Lines {
		row, included := rowOf(l, o.Currency)
		lines[i] = row
		var err error
		if total, err = total.Add(orderhub.Money{Minor: l.Total.Minor, Currency: o.Currency}); err != nil {
			return d, err
		}
		tax.Minor += included
	}
	if len(lines) > 0 {
		d.Lines = &linesXML{lines}
	}
	d.Total = total.Decimal()
	// Without this 1C does not know that prices include VAT.
	d.Taxes = []taxXML{{Name: "НДС", Included: "true", Sum: tax.Decimal()}}
	return d, nil
}

// partyOf and rowOf keep to the lengths of the schema, but for the ids of orders and
// goods, by which the other side finds them.
func partyOf(b Buyer) partyXML {
	b.ID, b.Name, b.Address, b.Phone, b.Email = clip(b.ID, 40), clip(b.Name, 250), clip(b.Address, 250), clip(b.Phone, 250), clip(b.Email, 250)
	p := partyXML{ID: b.ID, Name: b.Name, Role: "Покупатель"}
	if b.Company {
		p.Official, p.INN, p.KPP = b.Name, b.INN, b.KPP
	} else {
		p.Full = b.Name
	}
	if b.Address != "" {
		p.Address = &addressXML{b.Address}
	}
	var contacts []contactXML
	if b.Phone != "" {
		contacts = append(contacts, contactXML{"Телефон рабочий", b.Phone})
	}
	if b.Email != "" {
		contacts = append(contacts, contactXML{"Почта", b.Email})
	}
	if len(contacts) > 0 {
		p.Contacts = &contactsXML{contacts}
	}
	return p
}

// rowOf writes a row, and tells the VAT that its sum includes, in minor units.
// 1C goes by the row's sum; the price is what a unit comes to.
func rowOf(l Line, currency string) (row lineXML, included int64) {
	kind := "Товар"
	if l.Service {
		kind = "Услуга"
	}
	sum := orderhub.Money{Minor: l.Total.Minor, Currency: currency}
	row = lineXML{
		ID: l.ID, Barcode: l.Barcode, Article: clip(l.SKU, 255), Name: clip(l.Name, 250), Unit: piece, Units: l.Units, Total: sum.Decimal(),
		Requisites: requisiteXML{[]Requisite{{"ВидНоменклатуры", kind}, {"ТипНоменклатуры", kind}}},
		Price:      orderhub.Money{Minor: ratio(l.Total.Minor, 1, max(1, l.Units)), Currency: currency}.Decimal(),
	}
	if l.VAT == "" {
		return row, 0
	}
	var rate int64
	_, _ = fmt.Sscan(l.VAT, &rate)
	included = ratio(l.Total.Minor, rate, 100+rate)
	row.Rates = &ratesXML{[]rateXML{{"НДС", l.VAT}}}
	row.Taxes = &taxesXML{[]taxXML{{Name: "НДС", Included: "true", Sum: orderhub.Money{Minor: included, Currency: currency}.Decimal(), Rate: l.VAT}}}
	return row, included
}

// ratio is n·a/b, rounded half away from zero.
func ratio(n, a, b int64) int64 {
	x := new(big.Int).Mul(big.NewInt(n), big.NewInt(a))
	x.Mul(x, big.NewInt(2))
	if x.Sign() < 0 {
		x.Sub(x, big.NewInt(b))
	} else {
		x.Add(x, big.NewInt(b))
	}
	return x.Quo(x, big.NewInt(2*b)).Int64()
}
