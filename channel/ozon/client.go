package ozon

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The methods in use, versions in this one place: Ozon switches versions off
// with a month or two of notice. Documentation of each:
// https://docs.ozon.ru/api/seller/#operation/<name behind the path>.
const (
	pathUnfulfilled  = "/v4/posting/fbs/unfulfilled/list"         // PostingFbsUnfulfilledList
	pathList         = "/v4/posting/fbs/list"                     // PostingFbsList
	pathGet          = "/v3/posting/fbs/get"                      // PostingAPI_GetFbsPostingV3
	pathFBOList      = "/v3/posting/fbo/list"                     // PostingFboList
	pathShip         = "/v4/posting/fbs/ship"                     // PostingAPI_ShipFbsPostingV4
	pathCancel       = "/v2/posting/fbs/cancel"                   // PostingAPI_CancelFbsPosting
	pathCancelReason = "/v1/posting/fbs/cancel-reason"            // PostingAPI_GetPostingFbsCancelReasonV1
	pathDelivering   = "/v2/fbs/posting/delivering"               // PostingAPI_FbsPostingDelivering
	pathLastMile     = "/v2/fbs/posting/last-mile"                // PostingAPI_FbsPostingLastMile
	pathDelivered    = "/v2/fbs/posting/delivered"                // PostingAPI_FbsPostingDelivered
	pathTracking     = "/v2/fbs/posting/tracking-number/set"      // PostingAPI_FbsPostingTrackingNumberSet
	pathRoles        = "/v1/roles"                                // AccessAPI_RolesByToken
	pathSellerInfo   = "/v1/seller/info"                          // SellerAPI_SellerInfo
	pathProductList  = "/v3/product/list"                         // ProductAPI_GetProductList
	pathProductInfo  = "/v3/product/info/list"                    // ProductAPI_GetProductInfoList
	pathStocks       = "/v2/products/stocks"                      // ProductAPI_ProductsStocksV2
	pathStockInfo    = "/v2/product/info/stocks-by-warehouse/fbs" // ProductAPI_GetProductInfoStocksByWarehouseFbsV2
	pathWarehouses   = "/v2/warehouse/list"                       // WarehouseListV2
)

// read calls a method that changes nothing.
func (a *adapter) read(ctx context.Context, path string, body, into any) (rest.Response, error) {
	return a.rest.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, path), Group: cmp.Or(ownGroups[path], groupAll), Body: body,
	}, into)
}

// write calls a method that changes something: its answer lost is uncertain.
func (a *adapter) write(ctx context.Context, path string, body, into any) error {
	_, err := a.rest.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, path), Group: cmp.Or(ownGroups[path], groupAll), Body: body, Write: true,
	}, into)
	return err
}

// period is a range of moments in a filter.
type period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type unfulfilledFilter struct {
	CutoffFrom time.Time `json:"cutoff_from"`
	CutoffTo   time.Time `json:"cutoff_to"`
}

type listFilter struct {
	Since             time.Time `json:"since"`
	To                time.Time `json:"to"`
	LastChangedStatus *period   `json:"last_changed_status_date,omitempty"`
}

type fboFilter struct {
	Since          time.Time `json:"since"`
	To             time.Time `json:"to"`
	PostingNumbers []string  `json:"posting_numbers,omitempty"`
}

type listRequest struct {
	Filter  any         `json:"filter"`
	Limit   int         `json:"limit"`
	Cursor  string      `json:"cursor,omitempty"`
	SortDir string      `json:"sort_dir"`
	With    withRequest `json:"with"`
}

// list reads one page of a posting list: /v4/posting/fbs/unfulfilled/list,
// /v4/posting/fbs/list or /v3/posting/fbo/list, by cursor.
func (a *adapter) list(ctx context.Context, path string, filter any, limit int, cursor string) (postingsPage, time.Time, error) {
	var page postingsPage
	resp, err := a.read(ctx, path, listRequest{Filter: filter, Limit: limit, Cursor: cursor, SortDir: "ASC", With: withAll}, &page)
	if err != nil {
		return postingsPage{}, time.Time{}, err
	}
	at, _ := http.ParseTime(resp.Header.Get("Date"))
	return page, at.UTC(), nil
}

// get reads one posting, raw: POST /v3/posting/fbs/get. ok is false when Ozon
// does not know the number.
func (a *adapter) get(ctx context.Context, number string) (raw json.RawMessage, ok bool, err error) {
	var answer struct {
		Result json.RawMessage `json:"result"`
	}
	_, err = a.read(ctx, pathGet, struct {
		PostingNumber string      `json:"posting_number"`
		With          withRequest `json:"with"`
	}{number, withAll}, &answer)
	switch {
	case isUnknownPosting(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case len(answer.Result) == 0 || answer.Result[0] != '{':
		return nil, false, a.fail(orderhub.ClassRetry, pathGet, "the answer holds no posting", "")
	}
	return answer.Result, true, nil
}

// cancelReasonsOf asks which reasons a posting takes now:
// POST /v1/posting/fbs/cancel-reason. The ids of the seller's reasons.
func (a *adapter) cancelReasonsOf(ctx context.Context, number string) ([]string, error) {
	var answer struct {
		Result []struct {
			PostingNumber text `json:"posting_number"`
			Reasons       []struct {
				ID     text `json:"id"`
				TypeID text `json:"type_id"`
			} `json:"reasons"`
		} `json:"result"`
	}
	_, err := a.read(ctx, pathCancelReason, map[string]any{"related_posting_numbers": []string{number}}, &answer)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range answer.Result {
		for _, r := range row.Reasons {
			if string(row.PostingNumber) == number && r.TypeID != "buyer" {
				ids = append(ids, string(r.ID))
			}
		}
	}
	return ids, nil
}

// shipPackage is one package of /v4/posting/fbs/ship.
type shipPackage struct {
	Products []shipProduct `json:"products"`
}

// shipProduct: what this method calls product_id is Ozon's SKU.
type shipProduct struct {
	ProductID json.Number `json:"product_id"`
	Quantity  int64       `json:"quantity"`
}

// shipPosting assembles a posting: POST /v4/posting/fbs/ship. 200 only says that the
// assembly has begun; the answer names the postings that it becomes.
func (a *adapter) shipPosting(ctx context.Context, number string, packages []shipPackage) ([]string, error) {
	var answer struct {
		Result texts `json:"result"`
	}
	err := a.write(ctx, pathShip, struct {
		PostingNumber string        `json:"posting_number"`
		Packages      []shipPackage `json:"packages"`
	}{number, packages}, &answer)
	if err == nil && answer.Result == nil {
		err = a.fail(orderhub.ClassUncertain, pathShip, "the answer does not say what the posting became", "")
	}
	return answer.Result.strings(), err
}

// cancelPosting cancels a posting whole: POST /v2/posting/fbs/cancel.
func (a *adapter) cancelPosting(ctx context.Context, number string, reason json.Number, message string) error {
	var answer struct {
		Result *bool `json:"result"`
	}
	err := a.write(ctx, pathCancel, struct {
		PostingNumber string      `json:"posting_number"`
		ReasonID      json.Number `json:"cancel_reason_id"`
		Message       string      `json:"cancel_reason_message,omitempty"`
	}{number, reason, message}, &answer)
	switch {
	case err != nil:
		return err
	case answer.Result == nil:
		return a.fail(orderhub.ClassUncertain, pathCancel, "the answer does not say whether the posting is cancelled", "")
	case !*answer.Result:
		return a.fail(orderhub.ClassRejected, pathCancel, "Ozon refused the cancel without a reason", "")
	}
	return nil
}

// move reports a step of an rFBS delivery: POST /v2/fbs/posting/delivering,
// last-mile or delivered. Asynchronous; each row is answered inside the 200.
func (a *adapter) move(ctx context.Context, path, number string) error {
	var answer struct {
		Result []rowResult `json:"result"`
	}
	err := a.write(ctx, path, map[string][]string{"posting_number": {number}}, &answer)
	if err != nil {
		return err
	}
	return a.rowError(path, number, answer.Result)
}

type trackingNumber struct {
	PostingNumber  string `json:"posting_number"`
	TrackingNumber string `json:"tracking_number"`
}

// setTracking sets up to 20 tracking numbers:
// POST /v2/fbs/posting/tracking-number/set.
func (a *adapter) setTracking(ctx context.Context, numbers []trackingNumber) ([]rowResult, error) {
	var answer struct {
		Result []rowResult `json:"result"`
	}
	err := a.write(ctx, pathTracking, map[string]any{"tracking_numbers": numbers}, &answer)
	return answer.Result, err
}

// productList reads one page of the offers: POST /v3/product/list. The page
// without offers is the end.
func (a *adapter) productList(ctx context.Context, visibility, lastID string) (productsPage, error) {
	var answer struct {
		Result *productsPage `json:"result"`
	}
	_, err := a.read(ctx, pathProductList, struct {
		Filter map[string]string `json:"filter"`
		LastID string            `json:"last_id"`
		Limit  int               `json:"limit"`
	}{map[string]string{"visibility": visibility}, lastID, a.goodsPage}, &answer)
	switch {
	case err != nil:
		return productsPage{}, err
	// An answer about something else must not pass for the end of the list.
	case answer.Result == nil || (answer.Result.Items == nil && answer.Result.LastID == nil):
		return productsPage{}, a.fail(orderhub.ClassRetry, pathProductList, "the answer holds no list of offers", "")
	}
	return *answer.Result, nil
}

// productInfo reads names, barcodes and states by product_id, as many as a page
// of the list has: POST /v3/product/info/list.
func (a *adapter) productInfo(ctx context.Context, ids []string) (map[string]productInfo, error) {
	var answer struct {
		Items *[]productInfo `json:"items"`
	}
	if _, err := a.read(ctx, pathProductInfo, map[string][]string{"product_id": ids}, &answer); err != nil {
		return nil, err
	}
	if answer.Items == nil {
		return nil, a.fail(orderhub.ClassRetry, pathProductInfo, "the answer holds no offers", "")
	}
	out := map[string]productInfo{}
	for _, p := range *answer.Items {
		out[string(p.ID)] = p
	}
	return out, nil
}

// stockPair is one row of /v2/products/stocks. When both ids are sent offer_id
// wins, so one is: an article can be renamed and be another offer's today.
type stockPair struct {
	ProductID   json.Number `json:"product_id,omitempty"`
	OfferID     string      `json:"offer_id,omitempty"`
	Stock       int64       `json:"stock"`
	WarehouseID json.Number `json:"warehouse_id"`
}

// setStocks sets up to 100 figures: POST /v2/products/stocks. The figure is what
// is free for sale, without what Ozon has reserved. Each row is answered inside
// the 200.
func (a *adapter) setStocks(ctx context.Context, pairs []stockPair) ([]stockRow, error) {
	var answer struct {
		Result []stockRow `json:"result"`
	}
	err := a.write(ctx, pathStocks, map[string]any{"stocks": pairs}, &answer)
	return answer.Result, err
}

// stocksOf reads one page of the stock of up to 1000 SKUs in all warehouses:
// POST /v2/product/info/stocks-by-warehouse/fbs.
func (a *adapter) stocksOf(ctx context.Context, skus []string, cursor string) (stockPage, error) {
	var page stockPage
	_, err := a.read(ctx, pathStockInfo, struct {
		Cursor string   `json:"cursor,omitempty"`
		Limit  int      `json:"limit"`
		SKU    []string `json:"sku"`
	}{cursor, maxGoods, skus}, &page)
	if err == nil && page.Products == nil {
		err = a.fail(orderhub.ClassRetry, pathStockInfo, "the answer holds no stock", "")
	}
	return page, err
}

// warehouses reads the first 200 warehouses of the account, FBS and rFBS:
// POST /v2/warehouse/list.
func (a *adapter) warehouses(ctx context.Context) (warehousesPage, error) {
	var page warehousesPage
	_, err := a.read(ctx, pathWarehouses, map[string]int{"limit": 200}, &page)
	return page, err
}

// withRequest asks for the optional parts. The lists and get must ask for the
// same ones: an order would otherwise change with every kind of read.
type withRequest struct {
	AnalyticsData bool `json:"analytics_data"`
	FinancialData bool `json:"financial_data"`
	LegalInfo     bool `json:"legal_info"`
}

var withAll = withRequest{AnalyticsData: true, FinancialData: true, LegalInfo: true}

// The error words of Ozon (Seller API, Errors) that the adapter tells apart.
const (
	wordNotFound         = "POSTING_NOT_FOUND"
	wordAlreadyShipped   = "POSTING_ALREADY_SHIPPED"
	wordAlreadyCancelled = "POSTING_ALREADY_CANCELLED"
	wordTransition       = "TRANSITION_IS_NOT_POSSIBLE"
	wordIncorrectStatus  = "HAS_INCORRECT_STATUS"
)

// sentences explains Ozon's error words to people.
var sentences = map[string]string{
	wordNotFound:                          "Ozon does not know this posting",
	wordAlreadyShipped:                    "the posting is assembled already",
	wordAlreadyCancelled:                  "the posting is cancelled already",
	wordTransition:                        "Ozon does not allow this step from the posting's status now",
	wordIncorrectStatus:                   "the posting's status does not allow this now",
	"HAS_INCORRECT_TPL_INTEGRATION_TYPE":  "the carrier is integrated with Ozon and reports the delivery itself",
	"HAS_INCORRECT_PRODUCT_QUANTITY":      "the packages do not hold exactly the goods of the posting",
	"UNKNOWN_PRODUCT_DEFINED":             "a package holds goods that the posting does not have",
	"UNKNOW_PRODUCT":                      "a package holds goods that the posting does not have",
	"EXEMPLAR_INFO_NOT_FILLED_COMPLETELY": "marking codes or customs data are not filled in completely",
	"MANDATORY_MARK_REDUNDANT":            "a marking code was given for goods that need none",
	"INCORRECT_OVH_FOR_POSTING":           "size or weight of the posting is not right for its delivery method",
	"WEIGHT_IS_REQUIRED":                  "the weight of goods sold by weight is missing",
	"SHIP_FBP_POSTINGS_IS_FORBIDDEN":      "the goods are in a partner's warehouse; the seller cannot assemble them",
	"HAS_INCORRECT_CANCEL_REASON":         "Ozon does not take this cancel reason for the posting",
}

var (
	errorWord = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)
	plainText = regexp.MustCompile(`^[ -~]*$`)
)

// The gRPC codes that Ozon's error bodies carry.
const (
	grpcNotFound     = "5"
	grpcNoPermission = "7"
	grpcRateLimit    = "8"
	grpcNoIdentity   = "16"
)

// explain reads {"code":3,"message":"…","details":[]} of a failed answer.
func (a *adapter) explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	var status struct {
		Code    text `json:"code"`
		Message text `json:"message"`
	}
	if json.Unmarshal(body, &status) != nil || (status.Code == "" && status.Message == "") {
		return nil
	}
	message := string(status.Message)
	e.Code = string(status.Code)
	if word := errorWord.FindString(message); word != "" {
		e.Code = word
	}
	e.Sentence = sentence(message, e.Sentence)
	lower := strings.ToLower(message)
	switch {
	case strings.Contains(lower, "obsolete method"):
		e.Class = orderhub.ClassRejected
		e.Sentence = "Ozon has switched this method off (obsolete method): the hub needs a version that calls its successor"
		a.log.Error("ozon has switched a method off; update the hub", "call", e.Op)
	case strings.Contains(lower, "circle is open"):
		e.Class = orderhub.ClassRetry
		e.Sentence = "Ozon has closed this method for some minutes (circle is open)"
		e.RetryAfter = time.Minute
	case resp.StatusCode >= 500:
	case status.Code == grpcRateLimit:
		e.Class = orderhub.ClassRateLimited
	// A wrong key is answered with 404 and the code of "not found".
	case status.Code == grpcNoPermission || status.Code == grpcNoIdentity ||
		strings.Contains(lower, "api-key") || strings.Contains(lower, "client-id"):
		e.Class = orderhub.ClassAuth
	case strings.Contains(lower, "method is not allowed"):
		e.Class = orderhub.ClassRejected
		e.Sentence = "Ozon does not have this method, or not for keys of this kind (method is not allowed)"
	// Only words about a posting say that a posting is unknown: 404 has many causes.
	case status.Code == grpcNotFound && strings.Contains(lower, "posting") && strings.Contains(lower, "not found"):
		e.Code = wordNotFound
	}
	return e
}

// sentence makes a sentence for people from Ozon's words. Its technical messages
// are ASCII; anything else may quote a buyer and is dropped.
func sentence(message, fallback string) string {
	if s, ok := sentences[errorWord.FindString(message)]; ok {
		return s
	}
	if message == "" || !plainText.MatchString(message) {
		return fallback
	}
	return "Ozon answered: " + message
}

// fail makes a border error about a call that was answered.
func (a *adapter) fail(class orderhub.Class, path, words, code string) *orderhub.BorderError {
	e := orderhub.NewBorderError(class, string(descriptor.Name)+": POST "+path, words, nil)
	e.Code = code
	return e
}

// rowError finds a posting's row in the answer of a batch call; nil = success.
func (a *adapter) rowError(path, number string, rows []rowResult) error {
	for _, row := range rows {
		if string(row.PostingNumber) != number {
			continue
		}
		if row.Result {
			return nil
		}
		message := string(row.Error)
		word := errorWord.FindString(message)
		// A refusal that the documents name is final; any other failed row may
		// be tried again: these calls set a state, repeating them adds nothing.
		class := orderhub.ClassRetry
		if _, known := sentences[word]; known {
			class = orderhub.ClassRejected
		}
		words := rest.Clean(sentence(message, "Ozon refused the posting without a reason"), a.apiKey)
		return a.fail(class, path, words, word)
	}
	return a.fail(orderhub.ClassUncertain, path, "the answer does not mention the posting", "")
}
