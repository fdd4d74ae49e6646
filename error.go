package orderhub

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of refusal a domain error is. The API maps it to an HTTP
// status; people read the sentence.
type Code string

// The codes of domain errors.
const (
	CodeInvalid     Code = "invalid"     // the request itself is wrong; names the field and what is allowed
	CodeNotFound    Code = "not_found"   // no such account, order, effect...
	CodeConflict    Code = "conflict"    // something else happened first
	CodeRefused     Code = "refused"     // the status machine or the channel's table says no; the sentence says why
	CodeDenied      Code = "denied"      // not allowed for this caller
	CodeUnavailable Code = "unavailable" // cannot be done now; try again later
	CodeTooLarge    Code = "too_large"   // a body or a batch over its limit
	CodeUnsupported Code = "unsupported" // the channel has no such ability
)

// Error is a domain error: a code for programs and a sentence for people. Only
// such sentences are ever shown to people; other error texts go to the log.
type Error struct {
	Code     Code
	Sentence string
	// Field names the offending input, if there is one ("lines[0].quantity").
	Field string
	cause error
}

// Errorf makes an Error with a sentence.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

// InvalidField makes a CodeInvalid error that names the field.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Sentence: field + ": " + fmt.Sprintf(format, args...)}
}

// WithCause keeps the technical cause for logs; people never see it.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// Error is the sentence, with the cause behind it for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Sentence + ": " + e.cause.Error()
	}
	return e.Sentence
}

func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of a domain error, "" for any other error.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Class sorts the failures at a border (a marketplace, a shop's webhook) by
// what can be done about them. Policy is one switch, in package jobs.
type Class string

// The classes of border errors.
const (
	ClassAuth        Class = "auth"         // key wrong, expired, without the right: a person must act
	ClassRejected    Class = "rejected"     // the other side understood and said no: repeating is useless
	ClassRateLimited Class = "rate_limited" // come back after RetryAfter
	ClassRetry       Class = "retry"        // passing fault, nothing was done
	ClassUncertain   Class = "uncertain"    // it may have been done: read first, then decide
)

// BorderError is a failure of a call to the outside. Its text holds no secret
// and no buyer's data.
type BorderError struct {
	Class Class
	// Op is what was being done, with the endpoint: "ozon: POST /v4/posting/fbs/list".
	Op string
	// Sentence says in plain words what the other side answered, for people.
	Sentence string
	// HTTPStatus is 0 when there was no answer.
	HTTPStatus int
	// Code is the other side's own error code, if it gave one.
	Code string
	// RetryAfter is how long to wait, for ClassRateLimited; 0 = not told.
	RetryAfter time.Duration
	cause      error
}

// NewBorderError wraps cause (may be nil).
func NewBorderError(class Class, op, sentence string, cause error) *BorderError {
	return &BorderError{Class: class, Op: op, Sentence: sentence, cause: cause}
}

func (e *BorderError) Error() string {
	s := e.Op + ": " + e.Sentence
	if e.HTTPStatus != 0 {
		s = fmt.Sprintf("%s (HTTP %d)", s, e.HTTPStatus)
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *BorderError) Unwrap() error { return e.cause }

// ClassOf returns the class of a border error. Any other error is ClassRetry:
// nothing is known of it but that it failed.
func ClassOf(err error) Class {
	var e *BorderError
	if errors.As(err, &e) {
		return e.Class
	}
	return ClassRetry
}
