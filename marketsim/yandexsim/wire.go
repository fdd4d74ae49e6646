package yandexsim

import (
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// kopecks is an amount that is written as a JSON number of roubles.
type kopecks int64

// MarshalJSON writes 298050 as 2980.5.
func (k kopecks) MarshalJSON() ([]byte, error) {
	text := orderhub.Money{Minor: int64(k), Currency: "RUB"}.Decimal()
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// jsonKopecks reads such an amount; fractions of a kopeck are refused.
type jsonKopecks int64

// UnmarshalJSON reads 2980.5 as 298050.
func (k *jsonKopecks) UnmarshalJSON(b []byte) error {
	m, err := orderhub.ParseMoney(string(b), "RUB")
	*k = jsonKopecks(m.Minor)
	return err
}

// currency is roubles in the word that the Market still uses.
const currency = "RUR"

type money struct {
	Value    kopecks `json:"value"`
	Currency string  `json:"currencyId"`
}

func roubles(minor int64) money { return money{kopecks(minor), currency} }

// orderDTO is BusinessOrderDTO.
type orderDTO struct {
	OrderID         int64       `json:"orderId"`
	CampaignID      int64       `json:"campaignId"`
	ProgramType     program     `json:"programType"`
	ExternalOrderID string      `json:"externalOrderId,omitempty"`
	Status          status      `json:"status"`
	Substatus       substatus   `json:"substatus"`
	CreationDate    string      `json:"creationDate"`
	UpdateDate      string      `json:"updateDate"`
	PaymentType     string      `json:"paymentType"`
	PaymentMethod   string      `json:"paymentMethod"`
	Fake            bool        `json:"fake"`
	Items           []itemDTO   `json:"items"`
	Prices          pricesDTO   `json:"prices"`
	Delivery        deliveryDTO `json:"delivery"`
	BuyerType       string      `json:"buyerType,omitempty"`
	Notes           string      `json:"notes,omitempty"`
	CancelRequested *bool       `json:"cancelRequested,omitempty"`
	SourcePlatform  string      `json:"sourcePlatform"`
}

type itemDTO struct {
	ID            int64           `json:"id"`
	OfferID       string          `json:"offerId"`
	OfferName     string          `json:"offerName"`
	Count         int64           `json:"count"`
	Prices        itemPricesDTO   `json:"prices"`
	RequiredTypes []string        `json:"requiredInstanceTypes,omitempty"`
	ItemStatuses  []itemStatusDTO `json:"itemStatuses,omitempty"`
}

type itemPricesDTO struct {
	Payment money  `json:"payment"`
	Subsidy *money `json:"subsidy,omitempty"`
	Bonus   *money `json:"cashback,omitempty"`
	VAT     string `json:"vat"`
}

type pricesDTO struct {
	Payment  money             `json:"payment"`
	Subsidy  *money            `json:"subsidy,omitempty"`
	Bonus    *money            `json:"cashback,omitempty"`
	Delivery *deliveryPriceDTO `json:"delivery,omitempty"`
}

type deliveryPriceDTO struct {
	Payment money  `json:"payment"`
	VAT     string `json:"vat"`
}

type itemStatusDTO struct {
	Status string `json:"status"`
	Count  int64  `json:"count"`
}

type deliveryDTO struct {
	Type         string       `json:"type"`
	ServiceName  string       `json:"serviceName"`
	ServiceID    int64        `json:"deliveryServiceId"`
	WarehouseID  string       `json:"warehouseId,omitempty"`
	PartnerType  string       `json:"deliveryPartnerType"`
	DispatchType string       `json:"dispatchType,omitempty"`
	Dates        datesDTO     `json:"dates"`
	Shipment     *shipmentDTO `json:"shipment,omitempty"`
	Courier      *placeDTO    `json:"courier,omitempty"`
	Pickup       *placeDTO    `json:"pickup,omitempty"`
	BoxesLayout  []boxDTO     `json:"boxesLayout,omitempty"`
	Tracks       []track      `json:"tracks,omitempty"`
	Estimated    bool         `json:"estimated"`
}

type datesDTO struct {
	From     string `json:"fromDate"`
	To       string `json:"toDate,omitempty"`
	FromTime string `json:"fromTime,omitempty"`
	ToTime   string `json:"toTime,omitempty"`
	Real     string `json:"realDeliveryDate,omitempty"`
}

type shipmentDTO struct {
	ID   int64  `json:"id"`
	Date string `json:"shipmentDate"`
	Time string `json:"shipmentTime,omitempty"`
}

type placeDTO struct {
	Address    addressDTO `json:"address"`
	Region     regionDTO  `json:"region"`
	PointID    int64      `json:"logisticPointId,omitempty"`
	OutletCode string     `json:"outletCode,omitempty"`
	KeptUntil  string     `json:"outletStorageLimitDate,omitempty"`
}

type addressDTO struct {
	Country   string `json:"country"`
	Postcode  string `json:"postcode"`
	City      string `json:"city"`
	Street    string `json:"street"`
	House     string `json:"house"`
	Apartment string `json:"apartment,omitempty"`
	// Only the older shape tells the recipient.
	Recipient string `json:"recipient,omitempty"`
	Phone     string `json:"phone,omitempty"`
}

type regionDTO struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// wireTime has seconds and Moscow's offset.
func wireTime(t time.Time) string { return t.In(moscow).Format("2006-01-02T15:04:05-07:00") }

func wireDate(t time.Time) string { return t.In(moscow).Format(time.DateOnly) }

const vat = "VAT_22"

// deliveryFee is what a DBS buyer pays the shop for delivery, in kopecks.
const deliveryFee = 24900

func (o *order) fee() int64 {
	if o.shop.program == programDBS {
		return deliveryFee
	}
	return 0
}

// sums are the amounts of an order or a line in kopecks.
type sums struct{ payment, bounty, bonus int64 }

func (l *line) sums() sums {
	return sums{(l.price - l.bonus) * l.count, l.bounty * l.count, l.bonus * l.count}
}

func (s *state) sums() (out sums) {
	for i := range s.lines {
		x := s.lines[i].sums()
		out.payment, out.bounty, out.bonus = out.payment+x.payment, out.bounty+x.bounty, out.bonus+x.bonus
	}
	return out
}

// optional leaves zero amounts out, as the Market does.
func optional(minor int64) *money {
	if minor == 0 {
		return nil
	}
	v := roubles(minor)
	return &v
}

func render(v view) orderDTO {
	o, s := v.o, v.s
	total := s.sums()
	d := orderDTO{
		OrderID: o.id, CampaignID: o.shop.id, ProgramType: o.shop.program, ExternalOrderID: s.externalID,
		Status: s.status, Substatus: s.sub, CreationDate: wireTime(o.created), UpdateDate: wireTime(s.updated),
		PaymentType: "PREPAID", PaymentMethod: "YANDEX",
		Prices: pricesDTO{
			Payment: roubles(total.payment), Subsidy: optional(total.bounty), Bonus: optional(total.bonus),
			Delivery: &deliveryPriceDTO{roubles(o.fee()), vat},
		},
		Delivery: renderDelivery(o, s), BuyerType: "PERSON", Notes: o.notes, SourcePlatform: "MARKET",
	}
	for i := range s.lines {
		d.Items = append(d.Items, renderItem(&s.lines[i], s.status, s.sub))
	}
	if o.shop.program == programDBS {
		asked := s.waitsForCancelAnswer()
		d.CancelRequested = &asked
	}
	return d
}

func renderItem(l *line, st status, sub substatus) itemDTO {
	x := l.sums()
	d := itemDTO{
		ID: l.id, OfferID: l.sku, OfferName: "Товар " + l.sku, Count: l.count,
		Prices:       itemPricesDTO{Payment: roubles(x.payment), Subsidy: optional(x.bounty), Bonus: optional(x.bonus), VAT: vat},
		ItemStatuses: itemStatuses(l, st, sub),
	}
	if l.marked {
		d.RequiredTypes = []string{"CIS"}
	}
	return d
}

func itemStatuses(l *line, st status, sub substatus) []itemStatusDTO {
	word := ""
	switch st {
	case stPlacing, stReserved, stUnpaid, stPending, stUnknown:
		return nil
	case stProcess:
		word = "CREATED"
		if sub == subShipped {
			word = "SHIPPED"
		}
	case stDelivery, stPickup:
		word = "SHIPPED"
	case stCancelled:
		word = "CANCELLED"
	case stDelivered, stPartly, stReturned:
		word = "DELIVERED_TO_BUYER"
	}
	var out []itemStatusDTO
	if n := l.count - l.back; n > 0 {
		out = append(out, itemStatusDTO{word, n})
	}
	if l.back > 0 {
		out = append(out, itemStatusDTO{"RETURNED", l.back})
	}
	return out
}

func renderDelivery(o *order, s *state) deliveryDTO {
	d := deliveryDTO{
		Type: "PICKUP", ServiceName: "Доставка Маркета", ServiceID: 1005001, PartnerType: "YANDEX_MARKET",
		DispatchType: "MARKET_BRANDED_OUTLET", WarehouseID: "WH-" + strconv.FormatInt(o.shop.warehouse, 10),
		Dates:    datesDTO{From: wireDate(s.shipDate.AddDate(0, 0, 1)), To: wireDate(s.shipDate.AddDate(0, 0, 3)), Real: s.realDelivery},
		Shipment: &shipmentDTO{ID: o.id - firstOrder + 5_550_000, Date: wireDate(s.shipDate)},
		Tracks:   s.tracks, BoxesLayout: s.boxDTOs(o.id),
	}
	place := &placeDTO{
		Address: addressDTO{Country: "Россия", Postcode: o.city.postcode, City: o.city.name, Street: o.city.street, House: o.city.house},
		Region:  regionDTO{o.city.region, o.city.name, "CITY"},
	}
	switch o.shop.program {
	case programDBS:
		d.ServiceName, d.ServiceID, d.PartnerType, d.DispatchType = "Собственная служба", 99, "SHOP", "SHOP_OUTLET"
		place.OutletCode = "POINT-1"
	case programExpress:
		d.Shipment.Time = o.created.In(moscow).Add(30 * time.Minute).Format("15:04")
	case programFBS, programFBY:
		place.PointID = 10_000_101
	}
	if o.courier {
		d.Type, d.DispatchType, d.Courier = "DELIVERY", "BUYER", place
		d.Dates.FromTime, d.Dates.ToTime = "10:00", "18:00"
		place.OutletCode, place.Address.Apartment = "", "15"
		return d
	}
	d.Pickup = place
	if s.status == stPickup {
		place.KeptUntil = wireDate(s.updated.AddDate(0, 0, 7))
	}
	return d
}
