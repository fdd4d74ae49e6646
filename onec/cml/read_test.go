package cml_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
)

// read collects what a file holds.
type read struct {
	docs      []cml.Document
	products  []cml.Product
	offers    []cml.Offer
	prices    []cml.PriceType
	warehouse []cml.Warehouse
	lists     []cml.List
}

func (r *read) handler() cml.Handler {
	return cml.Handler{
		Document:  func(d cml.Document) error { r.docs = append(r.docs, d); return nil },
		Product:   func(p cml.Product) error { r.products = append(r.products, p); return nil },
		Offer:     func(o cml.Offer) error { r.offers = append(r.offers, o); return nil },
		PriceType: func(p cml.PriceType) error { r.prices = append(r.prices, p); return nil },
		Warehouse: func(w cml.Warehouse) error { r.warehouse = append(r.warehouse, w); return nil },
		List:      func(l cml.List) error { r.lists = append(r.lists, l); return nil },
	}
}

func file(body string) string {
	return "\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" ВерсияСхемы="2.07">` + body + `</КоммерческаяИнформация>`
}

func mustRead(t *testing.T, text string) *read {
	t.Helper()
	r := &read{}
	if err := cml.Read(strings.NewReader(text), r.handler()); err != nil {
		t.Fatal(err)
	}
	return r
}

const orderOf1C = `<Документ><Номер>100123</Номер><Ид>5b1e</Ид><ХозОперация>Заказ товара</ХозОперация><Валюта>руб</Валюта><Сумма/>
<Товары><Товар><Ид>guid</Ид><Артикул>CUP-1</Артикул><Количество>1,000</Количество><Единица>PC</Единица><ЦенаЗаЕдиницу>1 750.00</ЦенаЗаЕдиницу><Сумма>1750</Сумма></Товар></Товары>
<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Номер по 1С</Наименование><Значение>  УТ-00042 </Значение></ЗначениеРеквизита>
<ЗначениеРеквизита><Наименование>Проведен</Наименование><Значение>true</Значение></ЗначениеРеквизита></ЗначенияРеквизитов>%s</Документ>`

func requisite(name, value string) string {
	return "<ЗначениеРеквизита><Наименование>" + name + "</Наименование><Значение>" + value + "</Значение></ЗначениеРеквизита>"
}

// TestReadDocument: rows and state of an order that 1C sends back.
func TestReadDocument(t *testing.T) {
	t.Parallel()
	d := mustRead(t, file(fmt.Sprintf(orderOf1C, ""))).docs[0]
	want := cml.DocumentLine{ID: "guid", SKU: "CUP-1", Units: 1, Price: orderhub.Roubles(1750), Total: orderhub.Roubles(1750)}
	if d.Number != "100123" || !d.IsOrder() || len(d.Lines) != 1 || d.Lines[0] != want || !d.Total.IsZero() {
		t.Errorf("%+v", d)
	}
	for name, c := range map[string]struct {
		requisite string
		want      cml.Facts
	}{
		"posted":      {"", cml.Facts{Posted: true}},
		"cancelled":   {requisite("Отменен", "true"), cml.Facts{Posted: true, Cancelled: true}},
		"shipped":     {requisite("Дата отгрузки по 1С", "2015-06-29T15:39:10"), cml.Facts{Posted: true, Shipped: true, ShippedAt: "2015-06-29T15:39:10"}},
		"no date":     {requisite("Дата отгрузки по 1С", "T"), cml.Facts{Posted: true}},
		"empty date":  {requisite("Дата оплаты по 1С", "0001-01-01T00:00:00"), cml.Facts{Posted: true}},
		"not paid":    {requisite("Оплачен", "false"), cml.Facts{Posted: true}},
		"paid":        {requisite("Дата оплаты по 1С", "2014-05-26"), cml.Facts{Posted: true, Paid: true}},
		"status":      {requisite("Статус заказа", " Собран "), cml.Facts{Posted: true, Status: "Собран"}},
		"a УНФ order": {requisite("Отгружен", "true") + requisite("Идентификатор отправления", "RR1"), cml.Facts{Posted: true, Shipped: true, Tracking: "RR1"}},
	} {
		got := mustRead(t, file(fmt.Sprintf(orderOf1C, c.requisite))).docs[0].Facts()
		c.want.Number1C = "УТ-00042"
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestReadContainers: payments and shipments beside the order, and below it.
func TestReadContainers(t *testing.T) {
	t.Parallel()
	r := mustRead(t, file(`<Контейнер>`+fmt.Sprintf(orderOf1C, "")+`<Документ><Номер>9</Номер><ХозОперация>Отпуск товара</ХозОперация></Документ></Контейнер>`+
		fmt.Sprintf(orderOf1C, `<ПодчиненныеДокументы><ПодчиненныйДокумент><ХозОперация>Эквайринговая операция</ХозОперация><Сумма>10.50</Сумма></ПодчиненныйДокумент></ПодчиненныеДокументы>`)))
	if len(r.docs) != 3 || !r.docs[0].IsOrder() || r.docs[1].IsOrder() || len(r.docs[2].Parts) != 1 || r.docs[2].Parts[0].Total.Minor != 1050 {
		t.Errorf("%+v", r.docs)
	}
}

// TestReadCatalogue: products, whole and changed.
func TestReadCatalogue(t *testing.T) {
	t.Parallel()
	r := mustRead(t, file(`<Классификатор><Ид>1</Ид><Группы><Группа><Ид>g</Ид><Группы><Группа/></Группы></Группа></Группы>
		<ТипыЦен><ТипЦены><Ид>p1</Ид><Наименование>Розничная</Наименование><Валюта>RUB</Валюта></ТипЦены></ТипыЦен></Классификатор>
	<Каталог СодержитТолькоИзменения="false"><Ид>1</Ид><Товары>
	<Товар><Ид>g1</Ид><Штрихкод>4600000000017</Штрихкод><Артикул> 0557722 </Артикул><Наименование>Кружка</Наименование>
		<БазоваяЕдиница Код="796 ">шт<Пересчет><Единица>796</Единица></Пересчет></БазоваяЕдиница>
		<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>0,35</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Товар>
	<Товар Статус="Удален"><Ид>g2</Ид><ИдХарактеристики>c1</ИдХарактеристики></Товар></Товары></Каталог>`))
	want := []cml.Product{
		{ID: "g1", SKU: "0557722", Name: "Кружка", Barcodes: []string{"4600000000017"}, Unit: "шт", WeightG: 350},
		{ID: "g2#c1", Deleted: true},
	}
	if !reflect.DeepEqual(r.products, want) {
		t.Errorf("%+v", r.products)
	}
	if !reflect.DeepEqual(r.lists, []cml.List{{Kind: cml.KindProducts}}) || len(r.prices) != 1 || r.prices[0].Name != "Розничная" {
		t.Errorf("%+v %+v", r.lists, r.prices)
	}
}

// TestReadOffers: every way in which stock is written.
func TestReadOffers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want cml.Offer
	}{
		"total":          {`<Количество>5.000</Количество>`, cml.Offer{Units: 5, HasUnits: true}},
		"nothing":        {``, cml.Offer{}},
		"per warehouse":  {`<Количество>7</Количество><Склад ИдСклада="w1" КоличествоНаСкладе="5"/><Склад ИдСклада="w2" КоличествоНаСкладе="2"/>`, cml.Offer{Units: 7, HasUnits: true, Stock: map[string]int64{"w1": 5, "w2": 2}}},
		"УТ's update":    {`<Склады ИдСклада="w1" КоличествоНаСкладе="5"/><Склады ИдСклада="w2" КоличествоНаСкладе="2"/>`, cml.Offer{Units: 7, HasUnits: true, Stock: map[string]int64{"w1": 5, "w2": 2}}},
		"nested":         {`<Склады><Склад ИдСклада="w1" КоличествоНаСкладе="5"/></Склады>`, cml.Offer{Units: 5, HasUnits: true, Stock: map[string]int64{"w1": 5}}},
		"rests":          {`<Остатки><Остаток><Количество>4</Количество></Остаток></Остатки>`, cml.Offer{Units: 4, HasUnits: true}},
		"rests by room":  {`<Остатки><Остаток><Склад><Ид>w1</Ид><Количество>4</Количество></Склад></Остаток></Остатки>`, cml.Offer{Units: 4, HasUnits: true, Stock: map[string]int64{"w1": 4}}},
		"below zero":     {`<Количество>-3</Количество>`, cml.Offer{HasUnits: true, Negative: true}},
		"a fraction":     {`<Количество>2,75</Количество>`, cml.Offer{Units: 2, HasUnits: true, Fraction: true}},
		"prices":         {`<Цены><Цена><ИдТипаЦены>p1</ИдТипаЦены><ЦенаЗаЕдиницу>1 234,5</ЦенаЗаЕдиницу><Валюта>руб.</Валюта></Цена></Цены>`, cml.Offer{Prices: []cml.Price{{Type: "p1", Price: orderhub.Money{Minor: 123450, Currency: "RUB"}}}}},
		"characteristic": {`<ИдХарактеристики>c</ИдХарактеристики><Количество>1</Количество>`, cml.Offer{ID: "g#c", Units: 1, HasUnits: true}},
	} {
		for _, list := range []string{"ПакетПредложений", "ИзмененияПакетаПредложений"} {
			r := mustRead(t, file("<"+list+` СодержитТолькоИзменения="false"><Предложения><Предложение><Ид>g</Ид>`+c.body+"</Предложение></Предложения></"+list+">"))
			if c.want.ID == "" {
				c.want.ID = "g"
			}
			if !reflect.DeepEqual(r.offers, []cml.Offer{c.want}) {
				t.Errorf("%s: %+v, want %+v", name, r.offers, c.want)
			}
			if r.lists[0].Changes != (list != "ПакетПредложений") {
				t.Errorf("%s: %+v", list, r.lists)
			}
		}
	}
}

// TestReadWindows1251: the files of older configurations.
func TestReadWindows1251(t *testing.T) {
	t.Parallel()
	text, err := charmap.Windows1251.NewEncoder().String(`<?xml version="1.0" encoding="windows-1251"?><КоммерческаяИнформация>` + fmt.Sprintf(orderOf1C, "") + `</КоммерческаяИнформация>`)
	if err != nil {
		t.Fatal(err)
	}
	if r := mustRead(t, text); len(r.docs) != 1 || r.docs[0].Lines[0].SKU != "CUP-1" {
		t.Errorf("%+v", r.docs)
	}
}

// endless is a file that never ends: a head, and then a pattern for ever.
type endless struct {
	head    io.Reader
	pattern string
	read    int
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.pattern[(e.read+n)%len(e.pattern):])
		n += c
	}
	e.read += n
	if e.read > 200<<20 {
		return 0, errors.New("read on and on")
	}
	return n, nil
}

// TestRefusedFiles: each is refused in a sentence, and without reading on.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	head := `<КоммерческаяИнформация>`
	for name, c := range map[string]struct {
		in   io.Reader
		want string
	}{
		"nothing":       {strings.NewReader(""), "не файл CommerceML"},
		"html":          {strings.NewReader("<html></html>"), "не файл CommerceML"},
		"text":          {strings.NewReader("failure"), "не файл CommerceML"},
		"cut":           {strings.NewReader(head + "<Документ><Номер>1"), "оборван"},
		"cut at tag":    {strings.NewReader(head + "<Каталог><Товары>"), "оборван"},
		"crossed":       {strings.NewReader(head + "<Каталог></Документ>"), "ошибка в XML"},
		"entities":      {strings.NewReader(`<!DOCTYPE x [<!ENTITY a "aaaa">]>` + head + "&a;"), "DOCTYPE"},
		"an entity":     {strings.NewReader(head + "<Документ><Номер>&a;</Номер></Документ>"), "ошибка в XML"},
		"encoding":      {strings.NewReader(`<?xml version="1.0" encoding="utf-7"?>` + head), "utf-7"},
		"wrong letters": {strings.NewReader("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + head + "<Документ><Номер>\xcd</Номер></Документ>"), "ошибка в XML"},
		"long text":     {&endless{head: strings.NewReader(head + "<Документ><Номер>"), pattern: "1"}, "больше 16 МБ"},
		"long record":   {&endless{head: strings.NewReader(head + "<Документ>"), pattern: "<Х/>"}, "больше 16 МБ"},
		"long unknown":  {&endless{head: strings.NewReader(head + "<Х>"), pattern: "z"}, "больше 16 МБ"},
		"deep":          {&endless{head: strings.NewReader(head), pattern: "<Х>"}, "вложены глубже"},
		"deep known":    {&endless{head: strings.NewReader(head), pattern: "<Товары>"}, "вложены глубже"},
		"no id":         {strings.NewReader(file("<Каталог><Товары><Товар/></Товары></Каталог>")), "Ид"},
		"quantity":      {strings.NewReader(file("<ПакетПредложений><Предложения><Предложение><Ид>1</Ид><Количество>много</Количество></Предложение></Предложения></ПакетПредложений>")), "Количество"},
	} {
		var r read
		err := cml.Read(c.in, r.handler())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
}

// TestUnknownIsPassedOver: whatever the size of parts that nobody asked for.
func TestUnknownIsPassedOver(t *testing.T) {
	t.Parallel()
	groups := strings.Repeat("<Группа><Ид>g</Ид></Группа>", 400_000) // 17 MB, more than a record may have
	r := mustRead(t, file("<Классификатор><Группы>"+groups+"</Группы></Классификатор>"+fmt.Sprintf(orderOf1C, "")))
	if len(r.docs) != 1 {
		t.Errorf("%d documents", len(r.docs))
	}
}

// FuzzRead: no file makes the reader fail otherwise than by an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(file(fmt.Sprintf(orderOf1C, ""))))
	f.Add([]byte(file("<ПакетПредложений><Предложения><Предложение><Ид>1</Ид><Количество>-1,5</Количество></Предложение></Предложения></ПакетПредложений>")))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r read
		if err := cml.Read(bytes.NewReader(text), r.handler()); err != nil {
			return
		}
		for _, o := range r.offers {
			if o.ID == "" || o.Units < 0 {
				t.Errorf("%+v", o)
			}
		}
		for i := range r.docs {
			_ = r.docs[i].Facts()
		}
	})
}

// BenchmarkReadOffers reads offers with stock and a price.
func BenchmarkReadOffers(b *testing.B) {
	const n = 1000
	text := file("<ПакетПредложений><Предложения>" + strings.Repeat(`<Предложение><Ид>bd72d8f9-55bc-11d9-848a-00112f43529a</Ид><Артикул>CUP-1</Артикул><Наименование>Кружка</Наименование><Цены><Цена><ИдТипаЦены>p1</ИдТипаЦены><ЦенаЗаЕдиницу>100.50</ЦенаЗаЕдиницу></Цена></Цены><Количество>5</Количество></Предложение>`, n) + "</Предложения></ПакетПредложений>")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		read := 0
		if err := cml.Read(strings.NewReader(text), cml.Handler{Offer: func(cml.Offer) error { read++; return nil }}); err != nil || read != n {
			b.Fatal(read, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "offers/s")
}
