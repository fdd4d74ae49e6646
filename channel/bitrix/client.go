package bitrix

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// answer is the envelope of every call.
type answer struct {
	Result json.RawMessage `json:"result"`
	Next   rest.Text       `json:"next"`
}

// call makes one call of a method.
func (a *adapter) call(ctx context.Context, method string, body any, write bool) (answer, error) {
	var out answer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, "/"+method+".json"), Group: group, Body: body, Write: write,
	}, &out)
	if err == nil && (len(out.Result) == 0 || string(out.Result) == "null") {
		err = border(classAfter(write), method, "the answer has no result")
	}
	return out, err
}

func classAfter(write bool) orderhub.Class {
	if write {
		return orderhub.ClassUncertain
	}
	return orderhub.ClassRetry
}

func border(class orderhub.Class, method, sentence string) *orderhub.BorderError {
	return orderhub.NewBorderError(class, string(Name)+": "+method, sentence, nil)
}

// command is one call inside a batch.
type command struct {
	key, method string
	query       url.Values
}

// outcome is what became of a command: neither means that it was not done.
type outcome struct {
	result json.RawMessage
	err    *orderhub.BorderError
}

// batch makes up to 50 calls in one. A failed one does not stop the others.
func (a *adapter) batch(ctx context.Context, commands []command, write bool) (map[string]outcome, error) {
	cmd := make(map[string]string, len(commands))
	for _, c := range commands {
		cmd[c.key] = c.method + "?" + c.query.Encode()
	}
	reply, err := a.call(ctx, "batch", map[string]any{"halt": 0, "cmd": cmd}, write)
	if err != nil {
		return nil, err
	}
	var in struct {
		Result flexible `json:"result"`
		Errors flexible `json:"result_error"`
	}
	if err := rest.Decode(reply.Result, &in); err != nil {
		return nil, border(classAfter(write), "batch", "the answer is not that of a batch")
	}
	out := map[string]outcome{}
	for _, c := range commands {
		o := outcome{result: in.Result[c.key]}
		if raw := in.Errors[c.key]; raw != nil {
			var e wireError
			_ = rest.Decode(raw, &e)
			o.err = e.border(c.method, http.StatusBadRequest)
		}
		out[c.key] = o
	}
	return out, nil
}

// flexible is a map that PHP writes as [] when it is empty.
type flexible map[string]json.RawMessage

// UnmarshalJSON takes an object, or a list that stands for one.
func (f *flexible) UnmarshalJSON(b []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(b)), "[") {
		var list []json.RawMessage
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		*f = flexible{}
		for i, v := range list {
			(*f)[fmt.Sprint(i)] = v
		}
		return nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*f = m
	return nil
}

// wireError is a failure in Bitrix' words.
type wireError struct {
	Code        rest.Text `json:"error"`
	Description string    `json:"error_description"`
}

// noOrder are the codes by which sale.order.get says that there is no such order.
var noOrder = map[string]bool{"200540400001": true, "201240400001": true}

// denied are the codes of sale and catalog for a right that lacks: to read, to change.
var denied = map[string]bool{"200040300010": true, "200040300020": true}

func (e wireError) border(method string, status int) *orderhub.BorderError {
	class := orderhub.ClassRejected
	switch strings.ToUpper(string(e.Code)) {
	case "QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT":
		class = orderhub.ClassRateLimited
	case "EXPIRED_TOKEN", "INVALID_TOKEN", "INVALID_CREDENTIALS", "NO_AUTH_FOUND", "INSUFFICIENT_SCOPE", "ACCESS_DENIED", "ERROR_METHOD_NOT_FOUND", "AUTHORIZATION_ERROR", "PAYMENT_REQUIRED":
		class = orderhub.ClassAuth
	case "INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER", "ERROR_CORE":
		class = orderhub.ClassRetry
	}
	if denied[string(e.Code)] {
		class = orderhub.ClassAuth
	}
	sentence := rest.Clean(e.Description)
	if sentence == "" {
		sentence = "the shop gives no reason"
	}
	b := border(class, method, sentence)
	b.Code, b.HTTPStatus = rest.Clean(string(e.Code)), status
	return b
}

// explain reads the failure of a whole call.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	var in wireError
	if rest.Decode(body, &in) != nil || in.Code == "" {
		return nil
	}
	b := in.border("", resp.StatusCode)
	e.Sentence, e.Code = b.Sentence, b.Code
	if b.Class == orderhub.ClassRateLimited || b.Class == orderhub.ClassAuth {
		e.Class = b.Class
	}
	return e
}
