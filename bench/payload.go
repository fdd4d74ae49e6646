package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/store"
)

// The people and goods of the bench are invented.
var (
	givenNames = []string{"Анна", "Мария", "Иван", "Олег", "Вера", "Пётр", "Нина", "Егор", "Алла", "Яков", "Дарья", "Фёдор", "Зоя",
		"Тимур", "Лидия", "Семён", "Раиса", "Глеб", "Ульяна", "Марк", "Инна", "Роман", "Софья", "Артём", "Жанна", "Юрий", "Кира", "Лев"}
	surnameRoots = []string{"Берёз", "Вихр", "Горев", "Дубр", "Ежов", "Журав", "Зимин", "Игнат", "Калин", "Лапт", "Мороз", "Назар",
		"Орех", "Печор", "Рощин", "Сухар", "Тихон", "Уткин", "Фомич", "Хвойн", "Цветк", "Черём", "Шубин", "Щукин", "Юрьев", "Ясен"}
	surnameEnds = []string{"ов", "овский", "ин", "енко", "ых", "аев", "ник", "чук", "цев", "ский"}
	cities      = []string{"Тверь", "Казань", "Пермь", "Томск", "Вологда", "Калуга", "Псков", "Сочи"}
	goods       = []string{"Чайник", "Фильтр", "Термокружка", "Плед", "Лампа", "Рюкзак", "Кормушка", "Сковорода", "Полка", "Зонт"}
)

// skus is how many articles the invented shop has.
const skus = 5000

// maker invents orders. The same seed gives the same orders.
type maker struct {
	rnd   *rand.Rand
	zipf  *rand.Zipf
	start time.Time
	n     int
	goods int // if set, articles are this few, equally often
}

func newMaker(seed uint64, start time.Time) *maker {
	rnd := rand.New(rand.NewPCG(seed, 7))
	return &maker{rnd: rnd, zipf: rand.NewZipf(rnd, 1.15, 8, skus-1), start: start.UTC().Truncate(time.Second)}
}

// article picks an article; a few sell often and most seldom.
func (m *maker) article() int {
	if m.goods > 0 {
		return m.rnd.IntN(m.goods)
	}
	return int(m.zipf.Uint64())
}

func skuOf(article int) string { return fmt.Sprintf("ART-%05d", article) }

func (m *maker) person() (name, phone, mail string) {
	// Surnames are unevenly common, like in life.
	root := surnameRoots[min(m.rnd.IntN(len(surnameRoots)), m.rnd.IntN(len(surnameRoots)))]
	surname := root + surnameEnds[m.rnd.IntN(len(surnameEnds))]
	name = surname + " " + givenNames[min(m.rnd.IntN(len(givenNames)), m.rnd.IntN(len(givenNames)))]
	n := m.rnd.IntN(1_000_000_000)
	return name, fmt.Sprintf("+79%09d", n), fmt.Sprintf("buyer%d@example.org", n)
}

// payload is one kind of raw order.
type payload struct {
	name, channel, kind string
	settings            map[string]string
	make                func(m *maker) (externalID, body string)
	// goods is of how many products the orders are, all of them kept in the hub;
	// 0 = the hub keeps none.
	goods int
}

// sitePayload is an order of the shop's own site; ozonPayload a posting of
// Ozon's list. Both have two lines.
var (
	sitePayload = payload{
		name: "site order", channel: "site", kind: "site_order",
		settings: map[string]string{"secret": hookSecret}, make: siteOrder,
	}
	// flashPayload is a site order in a sale of 100 articles that the hub keeps:
	// accepting it links the lines and reserves the goods too.
	flashPayload = payload{
		name: "flash sale", channel: "site", kind: "site_order", goods: 100,
		settings: map[string]string{"secret": hookSecret}, make: siteOrder,
	}
	ozonPayload = payload{
		name: "Ozon posting", channel: "ozon", kind: "fbs_v4",
		settings: map[string]string{"client_id": "100500", "api_key": "00000000-0000-4000-8000-000000000000"}, make: ozonPosting,
	}
)

// raws makes n raw answers.
func (p payload) raws(m *maker, n int) []store.Raw {
	m.goods = p.goods
	out := make([]store.Raw, n)
	for i := range out {
		id, body := p.make(m)
		out[i] = store.Raw{Kind: p.kind, ExternalID: id, Body: []byte(body)}
	}
	return out
}

func siteOrder(m *maker) (string, string) {
	m.n++
	id := "S-" + strconv.Itoa(1_000_000+m.n)
	name, phone, mail := m.person()
	a, b := m.article(), m.article()
	at := m.start.Add(time.Duration(m.n) * time.Millisecond).Format(time.RFC3339Nano)
	return id, fmt.Sprintf(`{"id":%q,"number":%q,"version":1,"created_at":%q,"updated_at":%q,"status":"new","currency":"RUB","total":"1500.00","paid":true,`+
		`"customer":{"name":%q,"phone":%q,"email":%q},`+
		`"delivery":{"type":"courier","address":"ул. Вымышленная, %d","city":%q,"price":"300.00"},"comment":"Позвонить за час",`+
		`"lines":[{"id":"1","sku":%q,"name":%q,"qty":2,"price":"450.00","total":"900.00","vat":"20","barcode":"46%011d"},`+
		`{"id":"2","sku":%q,"name":%q,"qty":1,"price":"300.00","vat":"20","barcode":"46%011d"}]}`,
		id, "A"+id, at, at, name, phone, mail, m.rnd.IntN(200), cities[m.rnd.IntN(len(cities))],
		skuOf(a), goods[a%len(goods)], a, skuOf(b), goods[b%len(goods)], b)
}

func ozonPosting(m *maker) (string, string) {
	m.n++
	order := fmt.Sprintf("%08d-%04d", 41_000_000+m.n/9000, 1000+m.n%9000)
	a, b := m.article(), m.article()
	at := m.start.Add(time.Duration(m.n) * time.Millisecond)
	return order + "-1", fmt.Sprintf(`{"posting_number":"%s-1","order_id":%d,"order_number":%q,"status":"awaiting_packaging","substatus":"posting_created",`+
		`"in_process_at":%q,"shipment_date":%q,"delivering_date":null,`+
		`"delivery_method":{"id":1020009000123,"name":"Ozon самостоятельно, Тверь","warehouse_id":1020009000456,"warehouse":"Склад","tpl_provider_id":24,"tpl_provider":"Доставка Ozon"},`+
		`"delivery_schema":"fbs","tpl_integration_type":"ozon","integration_type_flow":"ozon","is_express":false,"tracking_number":"","parent_posting_number":"",`+
		`"available_actions":["cancel","has_barcode_for_printing","product_cancel","ship","ship_async"],`+
		`"products":[{"offer_id":%q,"sku":%d,"name":%q,"quantity":2,"price":{"amount":"450.00","currency":"RUB"},"imei":[],"weight":0.9},`+
		`{"offer_id":%q,"sku":%d,"name":%q,"quantity":1,"price":{"amount":"300.00","currency":"RUB"},"imei":[],"weight":0.1}],`+
		`"requirements":{"products_requiring_gtd":[],"products_requiring_country":[],"products_requiring_mandatory_mark":["%d"],"products_requiring_rnpt":[]},`+
		`"cancellation":{"cancel_reason_id":0,"cancel_reason":"","cancellation_type":"","cancellation_initiator":"","cancelled_after_ship":false},`+
		`"customer":null,"addressee":null,"analytics_data":{"city":"","delivery_date_begin":%q,"delivery_date_end":%q,"warehouse":"Склад"},`+
		`"financial_data":{"cluster_from":"Тверь","cluster_to":"Казань","products":[{"product_id":%d,"quantity":2,"price":450,"customer_price":{"amount":"440.00","currency":"RUB"}},`+
		`{"product_id":%d,"quantity":1,"price":300,"customer_price":{"amount":"290.00","currency":"RUB"}}]},"legal_info":null,"external_order":{"is_external":false}}`,
		order, 31_000_000_000+m.n, order, at.Format(time.RFC3339Nano), at.Add(24*time.Hour).Format(time.RFC3339),
		skuOf(a), 1_550_000_000+a, goods[a%len(goods)], skuOf(b), 1_550_000_000+b, goods[b%len(goods)], 1_550_000_000+a,
		at.AddDate(0, 0, 5).Format(time.RFC3339), at.AddDate(0, 0, 5).Add(8*time.Hour).Format(time.RFC3339), 1_550_000_000+a, 1_550_000_000+b)
}
