package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/orderhub/orderhub"
)

// Problem is an error answer (RFC 9457).
type Problem struct {
	Title  string          `json:"title" doc:"The HTTP status in words."`
	Status int             `json:"status"`
	Detail string          `json:"detail" doc:"What is wrong and what is allowed, in a sentence for people."`
	Code   string          `json:"code,omitempty" doc:"A word for programs: invalid, not_found, conflict, refused, denied, unavailable, too_large, unsupported; totp_required, totp_wrong, setup_needed, csrf; of a channel's refusal (502) auth, rejected, rate_limited, retry, uncertain."`
	Field  string          `json:"field,omitempty" doc:"The input that is wrong."`
	Errors []*ProblemField `json:"errors,omitempty" doc:"Every input that is wrong, when several are."`
}

// ProblemField is one wrong input.
type ProblemField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma send application/problem+json.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

func newProblem(status int, sentence string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: sentence, Code: codeOfStatus(status)}
}

// coded makes a problem with a code of its own.
func coded(status int, code, sentence string) *Problem {
	p := newProblem(status, sentence)
	p.Code = code
	return p
}

// writeProblem answers with a problem before an operation begins.
func writeProblem(ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // the caller has gone
}

// WriteProblem answers with a problem where there is no operation of the API.
func WriteProblem(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(newProblem(status, sentence)) // the caller has gone
}

// huma's refusals (a body that does not fit, an unknown media type) speak like
// the rest of the hub. These are settings of the whole process, set before
// anything reads them.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return refusal(nil, status, msg, errs...)
	}
	huma.NewErrorWithContext = refusal
	huma.ValidateStrictCasing = true // "To" is not "to"
	huma.DefaultArrayNullable = false
	validation.MsgExpectedBoolean = "must be true or false"
	validation.MsgExpectedInteger = "must be a whole number"
	validation.MsgExpectedNumber = "must be a number"
	validation.MsgExpectedString = "must be a text"
	validation.MsgExpectedArray = "must be a list"
	validation.MsgExpectedObject = "must be an object"
	validation.MsgExpectedOneOf = `must be one of "%s"`
	validation.MsgExpectedMinimumNumber = "must be at least %v"
	validation.MsgExpectedMaximumNumber = "must be at most %v"
	validation.MsgExpectedMinLength = "must have at least %d characters"
	validation.MsgExpectedMaxLength = "must have at most %d characters"
	validation.MsgExpectedMinItems = "must have at least %d entries"
	validation.MsgExpectedMaxItems = "must have at most %d entries"
	validation.MsgExpectedRFC3339Date = msgDay
	validation.MsgExpectedRFC3339DateTime = msgTime
}

const (
	msgDay  = "must be a day like 2026-11-23"
	msgTime = "must be a time with a zone like 2026-11-23T09:00:00Z (a + in an address is written %2B)"
)

// refusal is how huma's own refusals become problems. Of their errors only what
// is known to be fit for people is shown.
func refusal(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	if msg == "cannot read request body" {
		return newProblem(http.StatusBadRequest, "the body broke off")
	}
	p := newProblem(status, msg)
	switch status {
	case http.StatusRequestEntityTooLarge:
		p.Detail = "the body is larger than 1 MiB"
		return p
	case http.StatusRequestTimeout:
		p.Detail = "the body took too long to arrive"
		return p
	case http.StatusUnsupportedMediaType:
		p.Detail = msgMediaType
		return p
	}
	if status >= http.StatusInternalServerError {
		return p
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, problemField(ctx, d))
		}
	}
	slices.SortStableFunc(p.Errors, func(x, y *ProblemField) int { return strings.Compare(x.Field, y.Field) })
	if len(p.Errors) > 0 {
		p.Field, p.Detail = p.Errors[0].Field, p.Errors[0].sentence()
	}
	if len(p.Errors) == 1 {
		p.Errors = nil // it is all said
	}
	return p
}

const msgMediaType = "the body must be application/json"

func (f *ProblemField) sentence() string {
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

var (
	missingPattern = regexp.MustCompile(`^expected required property (\S+) to be present$`)
	namedPattern   = regexp.MustCompile(`^([\w.\[\]-]+): (.+)$`)
)

// problemField puts one of huma's errors into the hub's words.
func problemField(ctx huma.Context, d *huma.ErrorDetail) *ProblemField {
	where, name, _ := strings.Cut(d.Location, ".")
	f := &ProblemField{Field: name, Message: d.Message}
	if m := missingPattern.FindStringSubmatch(d.Message); m != nil {
		f.Field, f.Message = strings.TrimPrefix(name+"."+m[1], "."), "is missing"
		return f
	}
	switch {
	case where == "body" && name == "":
		if m := namedPattern.FindStringSubmatch(d.Message); m != nil {
			f.Field, f.Message = m[1], m[2] // of our own decoder
		} else if strings.HasPrefix(d.Message, "must ") {
			f.Message = "the body " + d.Message
		}
	case d.Message == validation.MsgUnexpectedProperty:
		f.Message = "is not known here"
		if names := bodyFields(ctx); len(names) > 0 {
			f.Message += "; known: " + strings.Join(names, ", ")
		}
	case d.Message == "invalid integer":
		f.Message = validation.MsgExpectedInteger
	case strings.HasPrefix(d.Message, "invalid date/time"):
		f.Message = msgTime
	}
	return f
}

// bodyFields lists the fields of an operation's body.
func bodyFields(ctx huma.Context) []string {
	if ctx == nil || ctx.Operation() == nil || ctx.Operation().RequestBody == nil {
		return nil
	}
	reg, _ := ctx.Context().Value(schemasKey{}).(huma.Registry)
	media := ctx.Operation().RequestBody.Content["application/json"]
	if media == nil || media.Schema == nil {
		return nil
	}
	s := media.Schema
	if s.Ref != "" && reg != nil {
		s = reg.SchemaFromRef(s.Ref)
	}
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func codeOfStatus(status int) string {
	switch status {
	case http.StatusNotFound:
		return string(orderhub.CodeNotFound)
	case http.StatusUnauthorized, http.StatusForbidden:
		return string(orderhub.CodeDenied)
	case http.StatusRequestEntityTooLarge:
		return string(orderhub.CodeTooLarge)
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return string(orderhub.CodeUnsupported)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError:
		return string(orderhub.CodeUnavailable)
	default:
		return string(orderhub.CodeInvalid)
	}
}

// problem turns an error of the hub into an answer. Only sentences made for
// people are shown; anything else goes to the log.
func (a *API) problem(err error) error {
	if err == nil {
		return nil
	}
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	var e *orderhub.Error
	if errors.As(err, &e) {
		p := newProblem(statusOf(e.Code), e.Sentence)
		p.Code, p.Field = string(e.Code), e.Field
		return p
	}
	var be *orderhub.BorderError
	if errors.As(err, &be) {
		p := newProblem(http.StatusBadGateway, "the channel answered: "+be.Sentence)
		p.Code = string(be.Class)
		return p
	}
	if errors.Is(err, context.Canceled) {
		return newProblem(http.StatusServiceUnavailable, "the request was given up")
	}
	a.log.Error("request failed", "error", err.Error())
	return newProblem(http.StatusInternalServerError, "something went wrong inside the hub; the log has the details")
}

func statusOf(c orderhub.Code) int {
	switch c {
	case orderhub.CodeInvalid:
		return http.StatusUnprocessableEntity
	case orderhub.CodeNotFound:
		return http.StatusNotFound
	case orderhub.CodeConflict, orderhub.CodeRefused:
		return http.StatusConflict
	case orderhub.CodeDenied:
		return http.StatusForbidden
	case orderhub.CodeUnavailable:
		return http.StatusServiceUnavailable
	case orderhub.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case orderhub.CodeUnsupported:
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}
