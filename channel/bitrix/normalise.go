package bitrix

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// moment is a time with its zone; null and "" are none.
type moment struct{ time.Time }

// UnmarshalJSON takes RFC 3339, null and "".
func (m *moment) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil || *s == "" {
		return err
	}
	t, err := time.Parse(time.RFC3339, *s)
	m.Time = t.UTC()
	return err
}

type wireOrder struct {
	Refused         string         `json:"refused"` // added by the adapter: the shop's reason not to show it
	ID              rest.Text      `json:"id"`
	Number          rest.Text      `json:"accountNumber"`
	Status          string         `json:"statusId"`
	Canceled        string         `json:"canceled"`
	ReasonCanceled  string         `json:"reasonCanceled"`
	Paid            string         `json:"payed"`
	Currency        string         `json:"currency"`
	Price           rest.Text      `json:"price"`
	PriceDelivery   rest.Text      `json:"priceDelivery"`
	Inserted        moment         `json:"dateInsert"`
	Updated         moment         `json:"dateUpdate"`
	UserID          rest.Text      `json:"userId"`
	UserDescription string         `json:"userDescription"`
	Basket          []wireBasket   `json:"basketItems"`
	Shipments       []wireShipment `json:"shipments"`
	Properties      []wireProperty `json:"propertyValues"`
}

type wireBasket struct {
	ID           rest.Text `json:"id"`
	ProductID    rest.Text `json:"productId"`
	ProductXMLID rest.Text `json:"productXmlId"`
	Name         string    `json:"name"`
	Price        rest.Text `json:"price"`
	Quantity     rest.Text `json:"quantity"`
	VATRate      rest.Text `json:"vatRate"`
	VATIncluded  string    `json:"vatIncluded"`
	Barcode      rest.Text `json:"barcode"`
	Properties   []struct {
		Code  string    `json:"code"`
		Value rest.Text `json:"value"`
	} `json:"properties"`
}

type wireShipment struct {
	ID         rest.Text `json:"id"`
	DeliveryID rest.Text `json:"deliveryId"`
	Name       string    `json:"deliveryName"`
	System     string    `json:"system"`
	Canceled   string    `json:"canceled"`
	Deducted   string    `json:"deducted"`
	Tracking   rest.Text `json:"trackingNumber"`
}

type wireProperty struct {
	Code  string          `json:"code"`
	Value json.RawMessage `json:"value"`
}

// Normalise translates sale.order.get.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	switch kind {
	case kindOrder:
	case kindGone:
		return gone(body)
	case kindRefused:
		var why wireError
		_ = rest.Decode(body, &why) // the adapter wrote it
		return orderhub.Snapshot{}, notShown(why.Description)
	default:
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: no such kind of answer: %.40q", kind)
	}
	var in wireOrder
	if err := rest.Decode(body, &in); err != nil {
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "bitrix: %v", err)
	}
	if in.Refused != "" {
		return orderhub.Snapshot{}, notShown(in.Refused)
	}
	s := orderhub.Snapshot{
		ExternalID: in.ID.String(), ExternalNumber: in.Number.String(), Scheme: orderhub.SchemeSite,
		PlacedAt: in.Inserted.Time, ChangedAt: in.Updated.Time, Comment: in.UserDescription,
	}
	if s.ExternalID == "" {
		return s, orderhub.InvalidField("id", "is missing")
	}
	a.readStatus(&in, &s)
	a.readBuyer(&in, &s)
	readShipments(&in, &s)
	return s, a.readGoods(&in, &s)
}

func notShown(why string) error {
	return orderhub.Errorf(orderhub.CodeInvalid, "bitrix: the shop lists the order and does not show it: %s", rest.Clean(why))
}

// gone is an order that the shop has deleted.
func gone(body []byte) (orderhub.Snapshot, error) {
	var key row
	if err := rest.Decode(body, &key); err != nil || key.ID == "" {
		return orderhub.Snapshot{}, orderhub.InvalidField("id", "is missing")
	}
	return orderhub.Snapshot{
		ExternalID: key.ID.String(), Scheme: orderhub.SchemeSite, StatusOnly: true, Status: orderhub.StatusCancelled, Native: wordGone,
		Cancellation: &orderhub.Cancellation{By: orderhub.CancelBySeller},
	}, nil
}

func (a *adapter) readStatus(in *wireOrder, s *orderhub.Snapshot) {
	s.Native = in.Status
	switch {
	case in.Canceled == "Y":
		s.NativeSub = subCanceled
		// Bitrix tells the user who cancelled; whether that is a buyer it does not.
		s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelByChannel, Reason: in.ReasonCanceled}
	case deducted(in.Shipments):
		s.NativeSub = subDeducted
	}
	var known bool
	if s.Status, known = a.translate(s.Native, s.NativeSub); !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "statusId", Word: s.Native})
	}
	switch in.Paid {
	case "Y":
		s.Payment = orderhub.PaymentPaid
	case "N":
		s.Payment = orderhub.PaymentUnpaid
	case "":
	default:
		s.Drift = append(s.Drift, orderhub.Drift{Field: "payed", Word: in.Paid})
	}
}

// deducted tells that every shipment with goods has left.
func deducted(shipments []wireShipment) bool {
	left := false
	for _, sh := range shipments {
		if sh.System == "Y" || sh.Canceled == "Y" {
			continue
		}
		if sh.Deducted != "Y" {
			return false
		}
		left = true
	}
	return left
}

// readBuyer reads the order's properties, whose codes each shop makes up.
func (a *adapter) readBuyer(in *wireOrder, s *orderhub.Snapshot) {
	values := map[string]string{}
	for _, p := range in.Properties {
		if v := propertyText(p.Value); v != "" && values[p.Code] == "" {
			values[p.Code] = v
		}
	}
	of := func(field string) string { return values[a.properties[field]] }
	s.Customer = orderhub.Customer{
		Name: of("name"), Phone: of("phone"), Email: of("email"), Company: of("company"), INN: of("inn"), KPP: of("kpp"),
	}
	if id := in.UserID.String(); id != "" && id != "0" && id != a.guest {
		s.Customer.ID = id
	}
	s.Shipping.Address, s.Shipping.City = of("address"), of("city")
}

// propertyText is the text of a property: a value, or a list of them.
func propertyText(raw json.RawMessage) string {
	var one rest.Text
	if json.Unmarshal(raw, &one) == nil {
		return strings.TrimSpace(one.String())
	}
	var list []rest.Text
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	parts := make([]string, 0, len(list))
	for _, p := range list {
		parts = append(parts, p.String())
	}
	return strings.TrimSpace(strings.Join(parts, ", "))
}

// readShipments keeps what a push needs: "182:1,183:1", shipment and delivery.
func readShipments(in *wireOrder, s *orderhub.Snapshot) {
	var pairs []string
	for _, sh := range in.Shipments {
		if sh.System == "Y" || sh.Canceled == "Y" {
			continue
		}
		pairs = append(pairs, sh.ID.String()+":"+sh.DeliveryID.String())
		if s.Shipping.Method == "" {
			s.Shipping.Method = sh.Name
		}
		if s.Shipping.Tracking == "" {
			s.Shipping.Tracking = sh.Tracking.String()
		}
	}
	s.Attrs = map[string]string{attrShipments: strings.Join(pairs, ",")}
}

// attrShipments is the key under which shipments are kept with the order.
const attrShipments = "shipments"

func (a *adapter) readGoods(in *wireOrder, s *orderhub.Snapshot) error {
	cur, err := orderhub.ParseCurrency(in.Currency)
	if err != nil {
		return orderhub.InvalidField("currency", "is not a currency; allowed: ISO 4217, like RUB")
	}
	sum := orderhub.Money{Currency: cur}
	for i, b := range in.Basket {
		l, err := a.readLine(b, cur, fmt.Sprintf("basketItems[%d]", i), s)
		if err != nil {
			return err
		}
		if sum, err = sum.Add(l.Total); err != nil {
			return orderhub.InvalidField("basketItems", "cost more together than can be counted")
		}
		s.Lines = append(s.Lines, l)
	}
	delivery, err := orderhub.RoundMoney(orZero(in.PriceDelivery), cur)
	if err != nil {
		return orderhub.InvalidField("priceDelivery", "is no amount")
	}
	total, err := orderhub.RoundMoney(orZero(in.Price), cur)
	if err != nil {
		return orderhub.InvalidField("price", "is no amount")
	}
	if delivery.Minor != 0 {
		s.Shipping.Price = delivery
	}
	if sum.Minor != 0 {
		s.Total = sum
	}
	if total.Minor != 0 && total.Minor != sum.Minor+delivery.Minor {
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("price: lines %s and delivery %s are not %s", sum.Decimal(), delivery.Decimal(), total.Decimal()))
	}
	return nil
}

func orZero(t rest.Text) string {
	if t == "" {
		return "0"
	}
	return t.String()
}

func (a *adapter) readLine(b wireBasket, cur, at string, s *orderhub.Snapshot) (orderhub.Line, error) {
	l := orderhub.Line{ID: b.ID.String(), ListingKey: b.ProductID.String(), Name: b.Name, SKU: b.ProductXMLID.String()}
	for _, p := range b.Properties {
		if (p.Code == "CML2_ARTICLE" || p.Code == "ARTNUMBER") && p.Value != "" {
			l.SKU = p.Value.String()
		}
	}
	if l.SKU == "" {
		l.SKU = l.ListingKey
	}
	if b.Barcode != "" {
		l.Barcodes = []string{b.Barcode.String()}
	}
	var whole bool
	var err error
	if l.Quantity, whole, err = units(b.Quantity.String()); err != nil {
		return l, orderhub.InvalidField(at+".quantity", "is no quantity; allowed: numbers from 0 to 1000000")
	}
	if !whole {
		s.Discrepancies = append(s.Discrepancies, at+": a part of a unit counts as a whole one")
	}
	if l.UnitPrice, l.Total, err = b.amounts(cur); err != nil {
		return l, orderhub.InvalidField(at+".price", "%s", err)
	}
	l.VAT = vat(b.VATRate.String())
	return l, nil
}
