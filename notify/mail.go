package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/orderhub/orderhub"
)

// TLSMode is how a connection to a mail server is protected.
type TLSMode string

// The modes.
const (
	TLSStart TLSMode = "starttls" // refused where the server has it not
	TLSOnly  TLSMode = "tls"      // from the first byte, port 465
	TLSNone  TLSMode = "none"     // a server on this machine, and stand-ins
)

// SMTP says which server takes mail.
type SMTP struct {
	Host     string
	Port     int
	User     string
	Password string
	From     string
	TLS      TLSMode
	// Roots are trusted instead of the system's; nil = the system's.
	Roots *x509.CertPool
}

// Mail sends e-mail. Each message has a fixed Message-ID, so that mail programs
// show a repeat once.
type Mail struct{ smtp SMTP }

var _ Sender = (*Mail)(nil)

// NewMail makes a sender.
func NewMail(s SMTP) (*Mail, error) {
	if err := CheckEmail(s.From); err != nil {
		return nil, orderhub.InvalidField("smtp-from", "%s", err)
	}
	switch s.TLS {
	case TLSStart, TLSOnly, TLSNone:
	default:
		return nil, orderhub.InvalidField("smtp-tls", "%q is not known; allowed: starttls, tls, none", s.TLS)
	}
	m := &Mail{smtp: s}
	if _, err := m.client(); err != nil {
		return nil, orderhub.InvalidField("smtp", "the mail server's settings cannot be used").WithCause(err)
	}
	return m, nil
}

// CheckEmail tells whether a text is a plain e-mail address.
func CheckEmail(address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 254 {
		return errors.New("want an e-mail address like anna@example.org")
	}
	return nil
}

func (s *Mail) client() (*gomail.Client, error) {
	opts := []gomail.Option{gomail.WithPort(s.smtp.Port), gomail.WithTimeout(15 * time.Second), gomail.WithoutNoop()}
	if s.smtp.Roots != nil {
		opts = append(opts, gomail.WithTLSConfig(&tls.Config{ServerName: s.smtp.Host, RootCAs: s.smtp.Roots, MinVersion: tls.VersionTLS12}))
	}
	switch s.smtp.TLS {
	case TLSStart:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case TLSOnly:
		opts = append(opts, gomail.WithSSL())
	case TLSNone:
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.smtp.User != "" {
		auth := gomail.SMTPAuthAutoDiscover
		if s.smtp.TLS == TLSNone {
			auth = gomail.SMTPAuthPlainNoEnc
		}
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.smtp.User), gomail.WithPassword(s.smtp.Password))
	}
	return gomail.NewClient(s.smtp.Host, opts...)
}

// Send delivers a message to the server.
func (s *Mail) Send(ctx context.Context, m Message) error {
	const op = "e-mail: send"
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(s.smtp.From), msg.To(m.To.Address)); err != nil {
		return fail(orderhub.ClassRejected, op, "the address cannot be used")
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(m.Text), "\n")
	_, host, _ := strings.Cut(s.smtp.From, "@")
	msg.Subject(subject)
	msg.SetMessageIDWithValue("orderhub-" + m.Key + "@" + host)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	body := strings.TrimSpace(m.Text)
	for _, b := range m.Buttons {
		if b.URL != "" {
			body += "\n\n" + b.Text + ": " + b.URL
		}
	}
	msg.SetBodyString(gomail.TypeTextPlain, body+"\n")
	client, err := s.client()
	if err != nil {
		return fail(orderhub.ClassRejected, op, "the mail server's settings cannot be used")
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil && !msg.IsDelivered() {
		return mailFault(op, err)
	}
	return nil
}

// mailFault sorts by the server's code. What may have been taken is sent again
// with the same Message-ID.
func mailFault(op string, err error) error {
	code := 0
	var send *gomail.SendError
	var reply *textproto.Error
	switch {
	case errors.As(err, &send) && send.ErrorCode() != 0:
		code = send.ErrorCode()
	case errors.As(err, &reply):
		code = reply.Code
	}
	switch {
	case code == 530 || code == 534 || code == 535 || code == 538:
		return fail(orderhub.ClassAuth, op, "the mail server does not take the user and the password")
	case code >= 500:
		return fail(orderhub.ClassRejected, op, "the mail server refused the message")
	case code >= 400:
		return fail(orderhub.ClassRetry, op, "the mail server cannot take the message now")
	default:
		return fail(orderhub.ClassRetry, op, "the mail server cannot be reached, or broke off")
	}
}
