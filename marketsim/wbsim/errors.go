package wbsim

import (
	"net/http"
	"time"
)

// Wildberries has several shapes of errors, each at its own place: the gateway
// (401, 403, 404 of a path, 429), the v3 methods (code, message), the newer
// methods (title, detail), the cards (errorText), and rows inside a 200 of batch
// methods.

// gatewayBody is the shape of the gateway.
type gatewayBody struct {
	Title      string `json:"title"`
	Detail     string `json:"detail"`
	Code       string `json:"code"`
	RequestID  string `json:"requestId"`
	Origin     string `json:"origin"`
	Status     int    `json:"status"`
	StatusText string `json:"statusText"`
	Timestamp  string `json:"timestamp"`
}

func (m *Market) gatewayError(rt route, status int, title, detail string) *reply {
	contentType := "application/json"
	if rt.problem {
		contentType = "application/problem+json"
	}
	return &reply{status: status, contentType: contentType, body: gatewayBody{
		Title: title, Detail: detail, Code: "51f2ce07-7d13-[SIM]", RequestID: m.requestID(), Origin: "s2s-api-auth-catalog",
		Status: status, StatusText: http.StatusText(status), Timestamp: m.now().Format(time.RFC3339),
	}}
}

func (m *Market) tooMany(rt route) *reply {
	return m.gatewayError(rt, http.StatusTooManyRequests, "too many requests", "limited by 2b7d8e50-93c1-4f55-8d0b-6a1c7e0f9b42")
}

// v3Body is the shape of the v3 methods (schema Error).
type v3Body struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

// v3Messages are the simulator's own words; clients must go by the code.
var v3Messages = map[string]string{
	"AccessDenied":           "Доступ запрещён",
	"BadRequest":             "Запрос не разобран",
	"FailedToAddSupplyOrder": "Сборочное задание не добавлено: проверьте задание и поставку",
	"FailedToUpdateMeta":     "Маркировка не обновлена: задание должно быть на сборке",
	"IncorrectParameter":     "Некорректный параметр",
	"IncorrectRequest":       "Некорректные данные",
	"IncorrectRequestBody":   "Некорректное тело запроса",
	"MetaKeyNotRequired":     "Order doesn't require ID",
	"MetaValidationFail":     "Fix them to dispatch items",
	"NotFound":               "Не найдено",
	"SKUUploadDisabled":      "Key 'sku' is not accepted, use 'chrtId'",
	"StatusChangeNotAllowed": "Задание уже принято, статус сменится после сканирования",
	"StatusMismatch":         "Операция недоступна в этом статусе",
	"SupplyHasOrders":        "За поставкой закреплены сборочные задания",
	"SupplyHasZeroOrders":    "За поставкой не закреплено ни одного задания",
	"SupplyShippingRequired": "Укажите способ отгрузки поставки",
}

func v3Error(status int, code string) *reply { return v3ErrorData(status, code, nil) }

func v3ErrorData(status int, code string, data any) *reply {
	return answer(status, v3Body{Code: code, Message: v3Messages[code], Data: data})
}

func badParameter() *reply { return v3Error(http.StatusBadRequest, "IncorrectParameter") }
func badBody() *reply      { return v3Error(http.StatusBadRequest, "IncorrectRequestBody") }
func badRequest() *reply   { return v3Error(http.StatusBadRequest, "IncorrectRequest") }
func notFound() *reply     { return v3Error(http.StatusNotFound, "NotFound") }
func conflict(code string) *reply {
	return v3Error(http.StatusConflict, code)
}

// titleBody is the shape of the newer methods (schemas v3.APIErrorV2,
// api.BatchError). In DBS detail is an object, elsewhere a text.
type titleBody struct {
	Title     string `json:"title"`
	Detail    any    `json:"detail"`
	Origin    string `json:"origin"`
	RequestID string `json:"requestId"`
}

func (m *Market) titleError(status int, title, detail string) *reply {
	return answer(status, titleBody{Title: title, Detail: detail, Origin: "marketplace-public-api", RequestID: m.requestID()})
}

func (m *Market) batchError(status int, title string) *reply {
	return answer(status, titleBody{Title: title, Detail: struct{}{}, Origin: "dbs-public-api", RequestID: m.requestID()})
}

// contentBody is the shape of the cards (schemas responseBodyContentError400
// and 403). additionalErrors is an object in one and a text in the other.
type contentBody struct {
	Data             any    `json:"data"`
	Error            bool   `json:"error"`
	ErrorText        string `json:"errorText"`
	AdditionalErrors any    `json:"additionalErrors"`
}

func contentError(status int, text string) *reply {
	return answer(status, contentBody{Error: true, ErrorText: text})
}
