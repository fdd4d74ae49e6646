package ozonsim

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// currency is the account's.
const currency = "RUB"

// money is an amount in the newer shape.
type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func roubles(minor int64) money { return money{decimal(minor), currency} }

func decimal(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

// number writes an amount as a JSON number with exact digits.
func number(minor int64) json.Number { return json.Number(decimal(minor)) }

// when is a moment that may be null.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type deliveryMethod struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	TPLProvider string `json:"tpl_provider"`
	TPLID       int64  `json:"tpl_provider_id"`
	Warehouse   string `json:"warehouse"`
	WarehouseID int64  `json:"warehouse_id"`
}

func (w warehouse) method() deliveryMethod {
	return deliveryMethod{w.methodID, w.methodName, w.provider, w.providerID, w.name, w.id}
}

type cancellationWire struct {
	AffectRating bool   `json:"affect_cancellation_rating"`
	Reason       string `json:"cancel_reason"`
	ReasonID     int64  `json:"cancel_reason_id"`
	Initiator    string `json:"cancellation_initiator"`
	Type         string `json:"cancellation_type"`
	AfterShip    bool   `json:"cancelled_after_ship"`
}

func (s state) cancellationWire() cancellationWire {
	c := s.cancellation
	return cancellationWire{c.againstRating, c.reason, c.reasonID, c.initiator, c.kind, s.cancelledAfterShip}
}

type barcodes struct {
	Lower string `json:"lower_barcode"`
	Upper string `json:"upper_barcode"`
}

func (p *posting) barcodes(wanted bool) *barcodes {
	if !wanted {
		return nil
	}
	n := hash(0, p.number) % 100_000_000_000
	return &barcodes{Lower: fmt.Sprintf("2%011d000", n), Upper: fmt.Sprintf("%%101%%%011d", n)}
}

type externalOrder struct {
	IsExternal   bool   `json:"is_external"`
	PlatformName string `json:"platform_name"`
}

// The wire has no field for the site's own order number; it is written as the
// platform's name, so that a test can see which order it was.
func (p *posting) externalOrder() externalOrder {
	return externalOrder{IsExternal: p.external != "", PlatformName: p.external}
}

type legalInfo struct {
	CompanyName string `json:"company_name"`
	INN         string `json:"inn"`
	KPP         string `json:"kpp"`
}

type optional struct {
	PossibleMark []string `json:"products_with_possible_mandatory_mark"`
}

// requirements are all empty: no article of the simulator needs anything.
type requirements struct {
	ChangeCountry []string `json:"products_requiring_change_country"`
	Country       []string `json:"products_requiring_country"`
	GTD           []string `json:"products_requiring_gtd"`
	IMEI          []string `json:"products_requiring_imei"`
	JwUIN         []string `json:"products_requiring_jw_uin"`
	Mark          []string `json:"products_requiring_mandatory_mark"`
	RNPT          []string `json:"products_requiring_rnpt"`
	Weight        []string `json:"products_requiring_weight"`
}

func noRequirements() requirements {
	none := []string{}
	return requirements{none, none, none, none, none, none, none, none}
}

// buyer is an invented person, the same for a posting in every answer. FBS
// sellers are told nothing of the buyer.
type buyer struct {
	id                 int64
	name, phone, pin   string
	city, region, tail string
}

func (p *posting) buyer() *buyer {
	if p.scheme != orderhub.SchemeRFBS {
		return nil
	}
	names := []string{"Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар"}
	cities := []string{"Тверь", "Казань", "Пермь", "Псков"}
	n := hash(0, "buyer", p.order.number)
	city := cities[n>>8%uint64(len(cities))]
	return &buyer{
		id: int64(n >> 16 % 100_000_000), name: names[n%uint64(len(names))],
		phone: fmt.Sprintf("+7900%07d", n>>20%10_000_000), pin: fmt.Sprintf("%04d", n>>12%10_000),
		city: city, region: "Регион", tail: fmt.Sprintf("%s, улица Образцовая, дом %d", city, 1+n>>24%200),
	}
}

type address struct {
	Tail            string  `json:"address_tail"`
	City            string  `json:"city"`
	Comment         string  `json:"comment"`
	Country         string  `json:"country"`
	District        string  `json:"district"`
	Latitude        float64 `json:"latitude"`
	Longitude       float64 `json:"longitude"`
	ProviderPVZCode string  `json:"provider_pvz_code"`
	PVZCode         int64   `json:"pvz_code"`
	Region          string  `json:"region"`
	ZipCode         string  `json:"zip_code"`
}

func (p *posting) address(b *buyer) address {
	return address{
		Tail: b.tail, City: b.city, Comment: p.comment, Country: "Россия", Region: b.region,
		Latitude: 56.8, Longitude: 35.9, ZipCode: "170000",
	}
}

type analytics struct {
	City          string     `json:"city"`
	ClientBegin   *time.Time `json:"client_delivery_date_begin"`
	ClientEnd     *time.Time `json:"client_delivery_date_end"`
	Begin         *time.Time `json:"delivery_date_begin"`
	End           *time.Time `json:"delivery_date_end"`
	DeliveryType  string     `json:"delivery_type"`
	IsLegal       bool       `json:"is_legal"`
	IsPremium     bool       `json:"is_premium"`
	PaymentType   string     `json:"payment_type_group_name"`
	Region        string     `json:"region"`
	TPLProvider   string     `json:"tpl_provider"`
	TPLProviderID int64      `json:"tpl_provider_id"`
	Warehouse     string     `json:"warehouse"`
	WarehouseID   int64      `json:"warehouse_id"`
}

func (p *posting) analytics(st state, wanted bool) *analytics {
	if !wanted {
		return nil
	}
	w := p.warehouse()
	a := &analytics{
		Begin: when(st.deliverFrom), End: when(st.deliverTo), DeliveryType: "PVZ", PaymentType: "картой онлайн",
		TPLProvider: w.provider, TPLProviderID: w.providerID, Warehouse: w.name, WarehouseID: w.id,
	}
	if b := p.buyer(); b != nil {
		a.City, a.Region, a.DeliveryType = b.city, b.region, "Courier"
	}
	return a
}

// fee is Ozon's commission on a line: 10 %, known after the delivery.
func fee(st state, l line) (feeMinor, payoutMinor, percent int64) {
	if st.status != delivered {
		return 0, 0, 0
	}
	sum := l.quantity * l.priceMinor
	return sum / 10, sum - sum/10, 10
}
