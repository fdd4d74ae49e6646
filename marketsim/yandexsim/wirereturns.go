package yandexsim

import "strconv"

// returnDTO is ReturnDTO without the fields that were shut down on 2026-10-12.
type returnDTO struct {
	ID           int64           `json:"id"`
	OrderID      int64           `json:"orderId"`
	CreationDate string          `json:"creationDate"`
	UpdateDate   string          `json:"updateDate"`
	RefundStatus refund          `json:"refundStatus,omitempty"`
	Point        *pointDTO       `json:"logisticPickupPoint,omitempty"`
	PickupTill   string          `json:"pickupTillDate,omitempty"`
	Recipient    string          `json:"shipmentRecipientType,omitempty"`
	Shipment     shipment        `json:"shipmentStatus,omitempty"`
	Amount       *money          `json:"amount,omitempty"`
	Items        []returnItemDTO `json:"items"`
	Type         string          `json:"returnType"`
	Fast         *bool           `json:"fastReturn,omitempty"`
}

// pointDTO is LogisticPickupPointDTO.
type pointDTO struct {
	ID          int64           `json:"id"`
	Name        string          `json:"name"`
	Address     pointAddressDTO `json:"address"`
	Instruction string          `json:"instruction,omitempty"`
	Type        string          `json:"type"`
}

type pointAddressDTO struct {
	Country  string `json:"country"`
	City     string `json:"city"`
	Street   string `json:"street"`
	House    string `json:"house"`
	Postcode string `json:"postcode"`
}

type returnItemDTO struct {
	MarketSKU int64               `json:"marketSku"`
	ShopSKU   string              `json:"shopSku"`
	Count     int64               `json:"count"`
	Decisions []returnDecisionDTO `json:"decisions,omitempty"`
	Instances []returnUnitDTO     `json:"instances,omitempty"`
}

type returnDecisionDTO struct {
	ItemID       int64    `json:"returnItemId"`
	Count        int64    `json:"count"`
	Comment      string   `json:"comment,omitempty"`
	Reason       string   `json:"reasonType"`
	Subreason    string   `json:"subreasonType"`
	Decision     decision `json:"decisionType,omitempty"`
	Amount       *money   `json:"amount,omitempty"`
	Compensation *money   `json:"partnerCompensationAmount,omitempty"`
	Images       []string `json:"images,omitempty"`
}

type returnUnitDTO struct {
	StockType string `json:"stockType"`
	Status    string `json:"status"`
}

// backFee is what the Market gives the shop for the buyer's way back, in kopecks.
const backFee = 15000

func (b *giveback) returnType() string {
	if b.refused {
		return "UNREDEEMED"
	}
	return "RETURN"
}

// renderReturn is a return as of a state.
func renderReturn(b *giveback, s *backState) returnDTO {
	d := returnDTO{
		ID: b.id, OrderID: b.o.id, CreationDate: wireTime(b.created), UpdateDate: wireTime(s.updated),
		RefundStatus: s.refund, Shipment: s.shipment, Type: b.returnType(),
	}
	if !b.refused {
		sum := roubles(b.money(s))
		d.Amount, d.Fast = &sum, &b.fast
	}
	if s.shipment != shNone {
		d.Recipient = "SHOP"
		if b.o.shop.program != programDBS {
			d.Recipient = "DELIVERY_SERVICE"
			d.Point = &pointDTO{
				ID: 20_000_202, Name: "Пункт вывоза Полка", Type: "PICKUP_POINT", Instruction: "Вход со двора",
				Address: pointAddressDTO{"Россия", b.o.city.name, "Складская", "4", b.o.city.postcode},
			}
		}
	}
	if s.shipment == shReady {
		d.PickupTill = wireTime(s.till)
	}
	for i := range b.items {
		d.Items = append(d.Items, b.renderItem(&b.items[i], s))
	}
	return d
}

func (b *giveback) renderItem(it *backItem, s *backState) returnItemDTO {
	d := returnItemDTO{MarketSKU: marketSKU(it.sku), ShopSKU: it.sku, Count: it.count}
	stock := "FIT"
	if !b.refused {
		sum := roubles(s.money(it))
		dec := returnDecisionDTO{
			ItemID: it.id, Count: it.count, Comment: it.comment, Reason: it.reason, Subreason: it.subreason,
			Decision: s.verdicts[it.id].decision, Amount: &sum,
		}
		if dec.Decision == deShipping {
			fee := roubles(backFee)
			dec.Compensation = &fee
		}
		if it.reason != "DOES_NOT_FIT" {
			stock = "DEFECT"
			dec.Images = []string{strconv.FormatInt(it.id, 16) + "a", strconv.FormatInt(it.id, 16) + "b"}
		}
		d.Decisions = []returnDecisionDTO{dec}
	}
	status := string(s.shipment)
	switch s.shipment {
	case shNone:
		return d
	case shWarehouse:
		status = "RECEIVED_ON_FULFILLMENT"
	case shCreated, shReceived, shTransit, shReady, shPicked, shLost, shCancelled, shToUtilize, shUtilized:
	}
	for range it.count {
		d.Instances = append(d.Instances, returnUnitDTO{stock, status})
	}
	return d
}
