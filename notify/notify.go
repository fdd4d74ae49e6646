// Package notify brings messages to people and programs: Telegram, e-mail,
// signed webhooks; and it writes their texts. It knows no database and nothing
// of what happens to an order; who is told of what is decided in package pipeline.
package notify

import (
	"context"
	"errors"
	"net"

	"github.com/orderhub/orderhub"
)

// Message is one message to one recipient.
type Message struct {
	// Key is the same at every attempt.
	Key string
	To  orderhub.RecipientAddress
	// Text is plain; its first line is the subject.
	Text    string
	Buttons []Button
	// Payload is the JSON for webhooks.
	Payload []byte
}

// Button is a link, or something that the bot is told when it is pressed.
type Button struct {
	Text string
	URL  string
	Data string
}

// Sender sends by one kind. A failure is an *orderhub.BorderError whose class
// says what is known: after ClassUncertain the message may have arrived. Its
// text holds no address and no secret.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// fail makes the error of a sending. The cause is left out on purpose: the
// libraries' texts quote addresses.
func fail(class orderhub.Class, op, sentence string) *orderhub.BorderError {
	return orderhub.NewBorderError(class, op, sentence, nil)
}

// neverLeft reports whether a request failed before the other side could have
// seen it: no connection was made.
func neverLeft(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || (errors.As(err, &op) && op.Op == "dial")
}
