package yandexsim

import "time"

// legacyOrder is OrderDTO: the older shape, with dates in Moscow time without an
// offset and prices per unit. PUT status still answers with it.
type legacyOrder struct {
	ID              int64          `json:"id"`
	ExternalOrderID string         `json:"externalOrderId,omitempty"`
	Status          status         `json:"status"`
	Substatus       substatus      `json:"substatus"`
	CreationDate    string         `json:"creationDate"`
	UpdatedAt       string         `json:"updatedAt"`
	Currency        string         `json:"currency"`
	ItemsTotal      kopecks        `json:"itemsTotal"`
	DeliveryTotal   kopecks        `json:"deliveryTotal"`
	BeforeDiscount  kopecks        `json:"buyerItemsTotalBeforeDiscount"`
	PaymentType     string         `json:"paymentType"`
	PaymentMethod   string         `json:"paymentMethod"`
	Fake            bool           `json:"fake"`
	Items           []legacyItem   `json:"items"`
	Subsidies       []subsidyDTO   `json:"subsidies,omitempty"`
	Delivery        legacyDelivery `json:"delivery"`
	Buyer           buyerDTO       `json:"buyer"`
	Notes           string         `json:"notes,omitempty"`
	TaxSystem       string         `json:"taxSystem"`
	CancelRequested *bool          `json:"cancelRequested,omitempty"`
}

type legacyItem struct {
	ID             int64        `json:"id"`
	OfferID        string       `json:"offerId"`
	OfferName      string       `json:"offerName"`
	Price          kopecks      `json:"price"`
	BuyerPrice     kopecks      `json:"buyerPrice"`
	BeforeDiscount kopecks      `json:"buyerPriceBeforeDiscount"`
	Count          int64        `json:"count"`
	VAT            string       `json:"vat"`
	Subsidies      []subsidyDTO `json:"subsidies,omitempty"`
	RequiredTypes  []string     `json:"requiredInstanceTypes,omitempty"`
}

type subsidyDTO struct {
	Type   string  `json:"type"`
	Amount kopecks `json:"amount"`
}

type legacyDelivery struct {
	Type         string           `json:"type"`
	ServiceName  string           `json:"serviceName"`
	PartnerType  string           `json:"deliveryPartnerType"`
	Dates        datesDTO         `json:"dates"`
	Region       regionDTO        `json:"region"`
	Address      *addressDTO      `json:"address,omitempty"`
	ServiceID    int64            `json:"deliveryServiceId"`
	OutletCode   string           `json:"outletCode,omitempty"`
	KeptUntil    string           `json:"outletStorageLimitDate,omitempty"`
	DispatchType string           `json:"dispatchType,omitempty"`
	Tracks       []track          `json:"tracks,omitempty"`
	Shipments    []legacyShipment `json:"shipments"`
}

type legacyShipment struct {
	ID    int64       `json:"id"`
	Date  string      `json:"shipmentDate"`
	Time  string      `json:"shipmentTime,omitempty"`
	Boxes []legacyBox `json:"boxes,omitempty"`
}

type legacyBox struct {
	ID      int64  `json:"id"`
	Barcode string `json:"fulfilmentId"`
}

// buyerDTO is OrderBuyerBasicInfoDTO, with the fields of OrderBuyerInfoDTO.
type buyerDTO struct {
	ID         string `json:"id,omitempty"`
	LastName   string `json:"lastName,omitempty"`
	FirstName  string `json:"firstName,omitempty"`
	MiddleName string `json:"middleName,omitempty"`
	Type       string `json:"type"`
	Phone      string `json:"phone,omitempty"`
	Trusted    *bool  `json:"trusted,omitempty"`
}

const (
	legacyTimeLayout = "02-01-2006 15:04:05"
	legacyDateLayout = "02-01-2006"
)

func legacyTime(t time.Time) string { return t.In(moscow).Format(legacyTimeLayout) }

// legacyDate turns the newer form of a date into the older.
func legacyDate(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return ""
	}
	return t.Format(legacyDateLayout)
}

func renderLegacy(v view) legacyOrder {
	o, s, modern := v.o, v.s, render(v)
	total := s.sums()
	d := legacyOrder{
		ID: o.id, ExternalOrderID: s.externalID, Status: s.status, Substatus: s.sub,
		CreationDate: legacyTime(o.created), UpdatedAt: legacyTime(s.updated), Currency: currency,
		ItemsTotal: kopecks(total.payment), DeliveryTotal: kopecks(o.fee()), BeforeDiscount: kopecks(s.goods()),
		PaymentType: modern.PaymentType, PaymentMethod: modern.PaymentMethod,
		Subsidies: subsidies(total.bounty, total.bonus), Delivery: renderLegacyDelivery(o, s, modern.Delivery),
		Buyer: buyerDTO{Type: "PERSON"}, Notes: o.notes, TaxSystem: "OSN", CancelRequested: modern.CancelRequested,
	}
	if o.shop.program == programDBS {
		d.Buyer = o.buyer.dto()
	}
	for i, it := range modern.Items {
		l := s.lines[i]
		d.Items = append(d.Items, legacyItem{
			ID: l.id, OfferID: l.sku, OfferName: it.OfferName, Count: l.count, VAT: vat,
			Price: kopecks(l.price - l.bonus), BuyerPrice: kopecks(l.price - l.bonus), BeforeDiscount: kopecks(l.price),
			Subsidies: subsidies(l.bounty, l.bonus), RequiredTypes: it.RequiredTypes,
		})
	}
	return d
}

func subsidies(bounty, bonus int64) (out []subsidyDTO) {
	if bounty > 0 {
		out = append(out, subsidyDTO{"SUBSIDY", kopecks(bounty)})
	}
	if bonus > 0 {
		out = append(out, subsidyDTO{"YANDEX_CASHBACK", kopecks(bonus)})
	}
	return out
}

func (b buyer) dto() buyerDTO {
	return buyerDTO{ID: b.id, LastName: b.last, FirstName: b.first, MiddleName: b.middle, Type: "PERSON"}
}

func renderLegacyDelivery(o *order, s *state, modern deliveryDTO) legacyDelivery {
	d := legacyDelivery{
		Type: modern.Type, ServiceName: modern.ServiceName, PartnerType: modern.PartnerType,
		ServiceID: modern.ServiceID, DispatchType: modern.DispatchType, Tracks: s.tracks,
		Dates: datesDTO{
			From: legacyDate(modern.Dates.From), To: legacyDate(modern.Dates.To), Real: legacyDate(modern.Dates.Real),
			FromTime: modern.Dates.FromTime, ToTime: modern.Dates.ToTime,
		},
	}
	place := modern.Pickup
	if o.courier {
		place = modern.Courier
	}
	address := place.Address
	if o.shop.program == programDBS {
		address.Recipient, address.Phone = o.buyer.last+" "+o.buyer.first+" "+o.buyer.middle, o.buyer.phone
	}
	d.Region, d.Address, d.OutletCode, d.KeptUntil = place.Region, &address, place.OutletCode, legacyDate(place.KeptUntil)
	parcel := legacyShipment{ID: modern.Shipment.ID, Date: legacyDate(modern.Shipment.Date), Time: modern.Shipment.Time}
	for _, b := range modern.BoxesLayout {
		parcel.Boxes = append(parcel.Boxes, legacyBox{b.BoxID, b.Barcode})
	}
	d.Shipments = []legacyShipment{parcel}
	return d
}
