package wildberries

import "encoding/json"

// The shapes of the official documents, as far as they are used. Ids are int64:
// chrtId left the range of int32 in 2026. Amounts are integers × 100, kept as
// text until the border is passed.

// orderPage is a list of orders or of statuses, each kept as it came.
type orderPage struct {
	Next   int64                 `json:"next"`
	Orders list[json.RawMessage] `json:"orders"`
}

// list tells a list that is null or empty (not nil) from one that is missing
// (nil): only the latter is a broken answer.
type list[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	var plain []T
	if err := json.Unmarshal(raw, &plain); err != nil {
		return err
	}
	if plain == nil {
		plain = []T{}
	}
	*l = plain
	return nil
}

// wireOrder is an order of every list: orders/new, orders, dbs/orders/new,
// dbs/orders. MAPPINGS.md tells which list carries which field.
type wireOrder struct {
	ID                    int64        `json:"id"`
	RID                   string       `json:"rid"`
	OrderUID              string       `json:"orderUid"`
	GroupID               string       `json:"groupId"`
	CreatedAt             string       `json:"createdAt"`
	DeliveryType          string       `json:"deliveryType"`
	SupplyID              string       `json:"supplyId"`
	WarehouseID           int64        `json:"warehouseId"`
	Offices               []string     `json:"offices"`
	NmID                  int64        `json:"nmId"`
	ChrtID                int64        `json:"chrtId"`
	Article               string       `json:"article"`
	SKUs                  []string     `json:"skus"`
	Price                 *json.Number `json:"price"`
	CurrencyCode          int64        `json:"currencyCode"`
	ConvertedPrice        *json.Number `json:"convertedPrice"`
	ConvertedCurrencyCode int64        `json:"convertedCurrencyCode"`
	CargoType             int64        `json:"cargoType"`
	CrossBorderType       int64        `json:"crossBorderType"`
	Comment               string       `json:"comment"`
	IsZeroOrder           bool         `json:"isZeroOrder"`
	RequiredMeta          []string     `json:"requiredMeta"`
	DDate                 string       `json:"ddate"`
	SellerDate            string       `json:"sellerDate"`
	Address               *struct {
		FullAddress string `json:"fullAddress"`
	} `json:"address"`
	// encoding/json matches names without regard to case, so this is isB2B of
	// FBS as well as isB2b of DBS.
	Options struct {
		IsB2B bool `json:"isB2B"`
	} `json:"options"`
}

// wireStatus is an element of orders/status (id) and of dbs status/info (orderId).
type wireStatus struct {
	ID             int64       `json:"id"`
	OrderID        int64       `json:"orderId"`
	SupplierStatus string      `json:"supplierStatus"`
	WBStatus       string      `json:"wbStatus"`
	IsCancellable  *bool       `json:"isCancellable"`
	Errors         []moveError `json:"errors"`
}

func (s wireStatus) key() int64 {
	if s.ID != 0 {
		return s.ID
	}
	return s.OrderID
}

type ordersBody struct {
	Orders []int64 `json:"orders"`
}

// dbsOrdersBody is spelled the way DBS spells it: ordersIds.
type dbsOrdersBody struct {
	OrdersIDs []int64 `json:"ordersIds"`
}

// dbsCodesBody hands over orders with the code that the buyer shows.
type dbsCodesBody struct {
	Orders []dbsCode `json:"orders"`
}

type dbsCode struct {
	OrderID int64  `json:"orderId"`
	Code    string `json:"code"`
}

type supplyPage struct {
	Next     int64        `json:"next"`
	Supplies list[supply] `json:"supplies"`
}

// supply is a delivery to Wildberries. The three flags take the values of the
// first order; null or 0 before.
type supply struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	Done            bool    `json:"done"`
	CreatedAt       string  `json:"createdAt"`
	CargoType       int64   `json:"cargoType"`
	CrossBorderType *int64  `json:"crossBorderType"`
	IsB2B           *bool   `json:"isB2b"`
	ShippingDt      *string `json:"shippingDt"`
	ShippingPointID *int64  `json:"shippingPointId"`
}

type shippingMethod struct {
	SupplyID string `json:"supplyId"`
	Type     string `json:"shippingType"`
	Date     string `json:"shippingDt"`
	PointID  int64  `json:"shippingPointId"`
}

type shippingResult struct {
	SupplyID string     `json:"supplyId"`
	Success  bool       `json:"success"`
	Error    *moveError `json:"error"`
}

// moveResult is the answer to one order of a DBS batch.
type moveResult struct {
	OrderID int64       `json:"orderId"`
	IsError bool        `json:"isError"`
	Errors  []moveError `json:"errors"`
}

type moveError struct {
	Code        int          `json:"code"`
	Detail      string       `json:"detail"`
	MetaDetails []metaDetail `json:"metaDetails"`
}

// metaDetail is the verdict on one marking code. The code itself is left out.
type metaDetail struct {
	Key      string `json:"key"`
	Decision string `json:"decision"`
}

type sellerInfo struct {
	Name      string `json:"name"`
	TradeMark string `json:"tradeMark"`
}

// cardCursor is a place in the list of cards: behind the card of this number and
// this change. The time goes back as it came.
type cardCursor struct {
	UpdatedAt string `json:"updatedAt,omitempty"`
	NmID      int64  `json:"nmID,omitempty"`
}

type cardsBody struct {
	Settings cardSettings `json:"settings"`
}

type cardSettings struct {
	Sort struct {
		Ascending bool `json:"ascending"`
	} `json:"sort"`
	Filter struct {
		WithPhoto int `json:"withPhoto"`
	} `json:"filter"`
	Cursor struct {
		Limit int `json:"limit"`
		cardCursor
	} `json:"cursor"`
}

type cardPage struct {
	Cards  list[json.RawMessage] `json:"cards"`
	Cursor struct {
		cardCursor
		Total int `json:"total"`
	} `json:"cursor"`
}

// wireCard is a card of goods. The content service spells nmID and chrtID, the
// orders nmId and chrtId.
type wireCard struct {
	NmID       int64      `json:"nmID"`
	VendorCode string     `json:"vendorCode"`
	Title      string     `json:"title"`
	Photos     []wireShot `json:"photos"`
	Sizes      []wireSize `json:"sizes"`
}

// wireShot is a picture of a card in several sizes; c516x688 has enough pixels for a
// small one.
type wireShot struct {
	Medium string `json:"c516x688"`
	Small  string `json:"c246x328"`
	Big    string `json:"big"`
}

type wireSize struct {
	ChrtID   int64    `json:"chrtID"`
	TechSize string   `json:"techSize"`
	WBSize   string   `json:"wbSize"`
	SKUs     []string `json:"skus"`
}

// stockRow is a figure to set. Wildberries does not check the names of fields: a
// wrong one is answered with 204 and changes nothing.
type stockRow struct {
	ChrtID int64 `json:"chrtId"`
	Amount int64 `json:"amount"`
}

// stockShown is a figure that was read.
type stockShown struct {
	ChrtID int64  `json:"chrtId"`
	Amount *int64 `json:"amount"`
}

// stockRefusal is an element of the 409 of the stock call.
type stockRefusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    []struct {
		ChrtID int64  `json:"chrtId"`
		SKU    string `json:"sku"`
	} `json:"data"`
}

// warehouse is one of the seller's.
type warehouse struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	DeliveryType int    `json:"deliveryType"`
	IsDeleting   bool   `json:"isDeleting"`
}
