package ozonsim

import (
	"time"
)

// warehouse is a warehouse with its one delivery method. For FBS the method has
// the id of the warehouse.
type warehouse struct {
	id, methodID, providerID   int64
	name, methodName, provider string
	rfbs                       bool
}

var (
	warehouseFBS = warehouse{
		id: 1020007000101, methodID: 1020007000101, providerID: 24,
		name: "Основной склад", methodName: "Доставка Ozon самостоятельно, Тверь", provider: "Доставка Ozon",
	}
	warehouseRFBS = warehouse{
		id: 1020007000202, methodID: 1020007000303, providerID: 57, rfbs: true,
		name: "Склад доставки продавца", methodName: "Курьер продавца, Тверь", provider: "Курьер продавца",
	}
	// warehouseFBO is Ozon's own and in no list of the seller's warehouses.
	warehouseFBO = warehouse{id: 1020007000909, methodID: 1020007000909, providerID: 24, name: "ТВЕРЬ_РФЦ", provider: "Доставка Ozon"}
)

type role struct {
	Name    string   `json:"name"`
	Methods []string `json:"methods"`
}

type rolesResponse struct {
	ExpiresAt time.Time `json:"expires_at"`
	Roles     []role    `json:"roles"`
}

// roles is /v1/roles.
func (m *Market) roles(now time.Time) (any, *apiError) {
	answer := rolesResponse{ExpiresAt: m.opts.KeyExpiresAt.UTC(), Roles: []role{{Name: "Admin", Methods: m.paths}}}
	if m.opts.KeyExpiresAt.IsZero() {
		answer.ExpiresAt = now.AddDate(0, 0, 90).Truncate(time.Second)
	}
	return answer, nil
}

type sellerInfoResponse struct {
	Company      company      `json:"company"`
	Ratings      []struct{}   `json:"ratings"`
	Subscription subscription `json:"subscription"`
}

type company struct {
	Country       string `json:"country"`
	Currency      string `json:"currency"`
	INN           string `json:"inn"`
	LegalName     string `json:"legal_name"`
	Name          string `json:"name"`
	OGRN          string `json:"ogrn"`
	OwnershipForm string `json:"ownership_form"`
	TaxSystem     string `json:"tax_system"`
}

type subscription struct {
	IsPremium bool   `json:"is_premium"`
	Type      string `json:"type"`
}

// sellerInfo is /v1/seller/info.
func (m *Market) sellerInfo(time.Time) (any, *apiError) {
	return sellerInfoResponse{
		Company: company{
			Country: "RU", Currency: currency, INN: "6900000000", LegalName: "ООО «Пример»", Name: "Лавка примеров",
			OGRN: "1026900000000", OwnershipForm: "ООО", TaxSystem: "USN",
		},
		Ratings: []struct{}{}, Subscription: subscription{Type: "UNSPECIFIED"},
	}, nil
}

type warehousesRequest struct {
	Limit  num    `json:"limit"`
	Cursor string `json:"cursor"`
	IDs    []num  `json:"warehouse_ids"`
}

type warehousesResponse struct {
	Cursor     string          `json:"cursor"`
	HasNext    bool            `json:"has_next"`
	Warehouses []warehouseWire `json:"warehouses"`
}

type warehouseWire struct {
	Address      addressInfo `json:"address_info"`
	Label        string      `json:"carriage_label_type"`
	Phones       []string    `json:"courier_phones"`
	CreatedAt    time.Time   `json:"created_at"`
	FirstMile    firstMile   `json:"first_mile"`
	AutoAssembly bool        `json:"is_auto_assembly"`
	Express      bool        `json:"is_express"`
	KGT          bool        `json:"is_kgt"`
	RFBS         bool        `json:"is_rfbs"`
	Name         string      `json:"name"`
	PauseAt      *time.Time  `json:"pause_at"`
	Limit        int         `json:"postings_limit"`
	Status       string      `json:"status"`
	UpdatedAt    time.Time   `json:"updated_at"`
	ID           int64       `json:"warehouse_id"`
	Days         []string    `json:"working_days"`
}

type addressInfo struct {
	Address   string  `json:"address"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	UTC       string  `json:"utc"`
}

type firstMile struct {
	Type string `json:"type"`
}

// warehouses is /v2/warehouse/list.
func (m *Market) warehouses(_ time.Time, req warehousesRequest) (any, *apiError) {
	if req.Limit < 1 || req.Limit > 200 {
		return nil, invalid("invalid Limit: value must be inside range [1, 200]")
	}
	answer := warehousesResponse{Warehouses: []warehouseWire{}}
	made := time.Date(2025, 3, 11, 9, 0, 0, 0, time.UTC)
	for _, w := range []warehouse{warehouseFBS, warehouseRFBS} {
		if len(req.IDs) > 0 && !contains(req.IDs, w.id) {
			continue
		}
		answer.Warehouses = append(answer.Warehouses, warehouseWire{
			Address: addressInfo{"Россия, Тверь, улица Складская, 1", 56.8, 35.9, "UTC+03:00"}, Label: "BIG", Phones: []string{},
			CreatedAt: made, UpdatedAt: made, FirstMile: firstMile{"DROP_OFF"}, RFBS: w.rfbs, Name: w.name, Limit: -1,
			Status: "created", ID: w.id, Days: []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"},
		})
	}
	return answer, nil
}
