package cml_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim/specs"
	"github.com/orderhub/orderhub/onec/cml"
)

var update = flag.Bool("update", false, "write the goldens again")

// moscow is UTC+3 all year; the tests need no zone database.
var moscow = time.FixedZone("MSK", 3*3600)

func order(id int64, change func(*orderhub.Order)) *orderhub.Order {
	o := &orderhub.Order{
		ID: id, AccountID: "site", Channel: "site", Headline: orderhub.StatusNew,
		Snapshot: orderhub.Snapshot{
			ExternalID: "A-17", Status: orderhub.StatusNew, PlacedAt: time.Date(2026, 3, 2, 8, 59, 1, 0, time.UTC), Payment: orderhub.PaymentPaid,
			Customer: orderhub.Customer{Name: "Иван Петров", Phone: "+79161234567", Email: "ivan@example.com"},
			Shipping: orderhub.Shipping{Address: "Москва, ул. Селезнёвская, 21", Method: "Курьер", Price: orderhub.Roubles(300)},
			Lines: []orderhub.Line{
				{SKU: "CUP-1", Name: "Кружка", Quantity: 2, Total: orderhub.Roubles(1500), VAT: "20", Barcodes: []string{"4600000000017"}},
				{SKU: "T-3", Name: "Чай <зелёный> & «чёрный» ₽", Quantity: 3, Total: orderhub.Roubles(100), VAT: "none"},
			},
		},
	}
	if change != nil {
		change(o)
	}
	return o
}

func terms() cml.Terms {
	return cml.Terms{Zone: moscow, Status: "Новый", Account: "Сайт", GoodsID: func(sku string) string {
		if sku == "CUP-1" {
			return "bd72d8f9-55bc-11d9-848a-00112f43529a"
		}
		return ""
	}}
}

func write(t *testing.T, enc cml.Encoding, orders ...*orderhub.Order) []byte {
	t.Helper()
	return writeAs(t, "2.08", enc, orders...)
}

func writeAs(t *testing.T, version string, enc cml.Encoding, orders ...*orderhub.Order) []byte {
	t.Helper()
	list := make([]cml.Order, len(orders))
	for i, o := range orders {
		var err error
		if list[i], err = cml.FromOrder(o, []string{"CUP-1", "T-3"}, terms()); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := cml.WriteOrders(&b, list, time.Date(2026, 3, 2, 12, 0, 0, 0, moscow), version, enc); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func samples() map[string][]*orderhub.Order {
	return map[string][]*orderhub.Order{
		"site": {order(100123, nil)},
		"none": nil,
		"company": {order(100124, func(o *orderhub.Order) {
			o.Snapshot.Customer = orderhub.Customer{Company: "ООО «Ромашка»", INN: "7707083893", KPP: "770701001"}
			o.Headline = orderhub.StatusCancelled
		})},
		"bare": {order(100125, func(o *orderhub.Order) {
			o.Snapshot.Customer, o.Snapshot.Shipping = orderhub.Customer{}, orderhub.Shipping{}
			o.Snapshot.Lines = o.Snapshot.Lines[:1]
			o.Snapshot.Lines[0].VAT, o.Snapshot.Lines[0].Barcodes, o.Snapshot.Lines[0].Name = "", []string{"x"}, ""
		})},
		"odd":      {order(100126, odd)},
		"no_units": {order(100127, func(o *orderhub.Order) { o.Snapshot.Lines[0].Quantity, o.Snapshot.Lines[1].Quantity = 0, 0 })},
	}
}

// odd makes everything in an order too long, strange or at its edge.
func odd(o *orderhub.Order) {
	long := strings.Repeat("Щ<&\"'>\x01\u00a0😀 ", 500)
	s := &o.Snapshot
	s.ExternalID, s.ExternalNumber, s.GroupKey, s.Comment = long, long, long, long
	s.Customer = orderhub.Customer{Name: long, Phone: long, Email: long}
	s.Shipping = orderhub.Shipping{Address: long, Method: long, Tracking: long, Price: orderhub.Money{Minor: 1, Currency: "RUB"}}
	s.ShipBy, s.Payment = time.Date(2026, 12, 31, 21, 0, 0, 0, time.UTC), orderhub.PaymentOnReceipt
	rub := func(minor int64) orderhub.Money { return orderhub.Money{Minor: minor, Currency: "RUB"} }
	s.Lines = []orderhub.Line{
		{SKU: long, Name: long, Quantity: 3, UnitPrice: rub(3334), Discount: rub(2), Total: rub(10000), VAT: "22", Barcodes: []string{long, "1234567"}},
		{ListingKey: long, Quantity: 1_000_000, Total: rub(999_999_999_999), VAT: "20/120"},
		{SKU: "ПОДАРОК", Name: "\ufffe", Quantity: 1, UnitPrice: rub(5000), Discount: rub(5000), Total: rub(0), VAT: "0"},
	}
}

// TestWriteOrders compares whole files.
func TestWriteOrders(t *testing.T) {
	t.Parallel()
	for name, orders := range samples() {
		got := write(t, cml.UTF8, orders...)
		path := filepath.Join("testdata", name+".xml")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// TestAgainstTheOfficialSchemas validates what is written.
func TestAgainstTheOfficialSchemas(t *testing.T) {
	t.Parallel()
	for _, version := range specs.CommerceMLVersions {
		for sample, orders := range samples() {
			if sample == "none" {
				continue // the schemas want a document; 1C wants none
			}
			for _, enc := range []cml.Encoding{cml.UTF8, cml.Windows1251} {
				if err := specs.CommerceML(t, version, writeAs(t, version, enc, orders...)); err != nil {
					t.Errorf("%s, %s: %v", sample, enc, err)
				}
			}
		}
	}
}

func stockFile(t *testing.T, shape cml.StockShape) []byte {
	t.Helper()
	long := strings.Repeat("Щ<&\"'>\x01😀", 200)
	var b bytes.Buffer
	if err := cml.WriteStock(&b, cml.StockFile{
		Shape: shape, Catalogue: "a5f0c9d0-1f0e-4d2c-8c7c-2f3a1b9d7e10", At: time.Date(2026, 3, 2, 12, 0, 0, 0, moscow), Version: "2.07",
		Offers: []cml.StockOffer{
			{ID: "bd72d8f9-55bc-11d9-848a-00112f43529a", SKU: "CUP-1", Units: 3},
			{ID: "bd72d8f9-55bc-11d9-848a-00112f43529a#dee6e1d0-55bc-11d9-848a-00112f43529a", Units: 0},
			{ID: long, SKU: long, Units: -5}, {ID: "17", SKU: "#", Units: 1_000_000_000}, {ID: "#x", Units: 1},
		},
	}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestStockAgainstTheOfficialSchemas: changed figures alone have a shape of their own in
// the schemas. The older one that some engines want is outside of them, and only by
// what must not be sent: should that ever change, the default can.
func TestStockAgainstTheOfficialSchemas(t *testing.T) {
	t.Parallel()
	for _, version := range specs.CommerceMLVersions {
		if err := specs.CommerceML(t, version, stockFile(t, cml.StockChanges)); err != nil {
			t.Error(err)
		}
		err := specs.CommerceML(t, version, stockFile(t, cml.StockOffers))
		if err == nil {
			t.Errorf("%s takes a package of offers without prices: docs and settings say otherwise", version)
			continue
		}
		if !strings.Contains(err.Error(), "Владелец ).") {
			t.Errorf("it lacks something else than is documented: %v", err)
		}
	}
}

// TestStockIsRead: both shapes tell a reader the same.
func TestStockIsRead(t *testing.T) {
	t.Parallel()
	for _, shape := range []cml.StockShape{cml.StockChanges, cml.StockOffers} {
		got := map[string]int64{}
		if err := cml.Read(bytes.NewReader(stockFile(t, shape)), cml.Handler{Offer: func(o cml.Offer) error {
			got[o.ID] = o.Units
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 5 || got["bd72d8f9-55bc-11d9-848a-00112f43529a"] != 3 || got["17"] != 1_000_000_000 {
			t.Errorf("%s: %v", shape, got)
		}
	}
}

// elementTree reads an answer with Python's XML reader, which shares nothing with
// Go's, and prints what a 1C would look for.
const elementTree = `
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
print(root.tag, root.get("ВерсияСхемы"))
for d in root.findall("Документ"):
    t = d.findtext
    req = {r.findtext("Наименование"): r.findtext("Значение") for r in d.find("ЗначенияРеквизитов")}
    print(t("Номер"), t("ХозОперация"), t("Валюта"), t("Сумма"), t("Дата"), t("Время"), d.find("Контрагенты/Контрагент").findtext("Наименование"), req["Статус заказа"], req["Номер отправления"], sep="|")
    for g in d.findall("Товары/Товар"):
        print(g.findtext("Ид"), g.findtext("Артикул"), g.findtext("Штрихкод"), g.findtext("Наименование"), g.findtext("Количество"), g.findtext("ЦенаЗаЕдиницу"), g.findtext("Сумма"), g.findtext("Налоги/Налог/Ставка"), g.findtext("Налоги/Налог/Сумма"), sep="|")
`

// TestAnotherReaderAgrees: a reader of other make finds the same in what is written.
func TestAnotherReaderAgrees(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3")
	}
	want := `КоммерческаяИнформация 2.10
100123|Заказ товара|RUB|1900.00|2026-03-02|11:59:01|Иван Петров|Новый|A-17
bd72d8f9-55bc-11d9-848a-00112f43529a|CUP-1|4600000000017|Кружка|2|750.00|1500.00|20|250.00
T-3|T-3|None|Чай <зелёный> & «чёрный» ₽|3|33.33|100.00|None|None
ORDER_DELIVERY|None|None|Доставка|1|300.00|300.00|None|None
`
	for _, enc := range []cml.Encoding{cml.UTF8, cml.Windows1251} {
		file := filepath.Join(t.TempDir(), "orders.xml")
		if err := os.WriteFile(file, writeAs(t, "2.10", enc, samples()["site"]...), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), python, "-c", elementTree, file)
		c.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "PYTHONUTF8=1")
		if out, err := c.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %v, got\n%s", enc, err, out)
		}
	}
}

// TestWrittenIsRead: what is written comes back through the reader, in both encodings.
func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, enc := range []cml.Encoding{cml.UTF8, cml.Windows1251} {
		var got []cml.Document
		if err := cml.Read(bytes.NewReader(write(t, enc, samples()["site"]...)), cml.Handler{Document: func(d cml.Document) error {
			got = append(got, d)
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Number != "100123" || len(got[0].Lines) != 3 || got[0].Total != orderhub.Roubles(1900) || got[0].Requisites["Номер отправления"] != "A-17" {
			t.Errorf("%s: %+v", enc, got)
		}
		if l := got[0].Lines[1]; l.Name != "Чай <зелёный> & «чёрный» ₽" || l.Units != 3 || l.Price.Minor != 3333 || l.Total.Minor != 10000 {
			t.Errorf("%s: %+v", enc, l)
		}
	}
}

// TestNothingEmpty: 1C reads an empty element as something that is there.
func TestNothingEmpty(t *testing.T) {
	t.Parallel()
	for name, orders := range samples() {
		if text := string(write(t, cml.UTF8, orders...)); name != "none" && (strings.Contains(text, "></") || strings.Contains(text, "/>")) {
			t.Errorf("%s has an empty element:\n%s", name, text)
		}
	}
}

// TestPaymentAndDelivery: they are told by the ids that УНФ has fetched with info,
// and only as far as the hub knows them.
func TestPaymentAndDelivery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payment  orderhub.Payment
		scheme   orderhub.Scheme
		pay, way string
	}{
		"cash to the seller's courier": {orderhub.PaymentOnReceipt, orderhub.SchemeDBS, "on_receipt", "own"},
		"paid, a marketplace delivers": {orderhub.PaymentPaid, orderhub.SchemeFBS, "online", "channel"},
		"given back":                   {orderhub.PaymentRefunded, orderhub.SchemeSite, "online", "own"},
		"nobody knows":                 {orderhub.PaymentUnpaid, "", "", ""},
	} {
		o, err := cml.FromOrder(order(1, func(o *orderhub.Order) { o.Snapshot.Payment, o.Snapshot.Scheme = c.payment, c.scheme }), nil, terms())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range o.Requisites {
			got[r.Name] = r.Value
		}
		if got["Метод оплаты ИД"] != c.pay || got["Способ доставки ИД"] != c.way || (got["Метод оплаты"] == "") != (c.pay == "") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRefusedOrders: an order that 1C could not take is refused alone, by field.
func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*orderhub.Order)
		field  string
	}{
		"number": {func(o *orderhub.Order) { o.ID = 123456789012 }, "number"},
		"money": {func(o *orderhub.Order) {
			o.Snapshot.Lines, o.Snapshot.Shipping.Price = []orderhub.Line{{SKU: "A", Quantity: 1}}, orderhub.Money{}
		}, "currency"},
		"mixed": {func(o *orderhub.Order) { o.Snapshot.Lines[1].Total.Currency = "KZT" }, "lines"},
	} {
		_, err := cml.FromOrder(order(1, c.change), nil, terms())
		if err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s: %v, want it to name %s", name, err, c.field)
		}
	}
}
