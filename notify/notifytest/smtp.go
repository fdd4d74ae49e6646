package notifytest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// The user and the password that a mail server with TLS wants.
const (
	MailUser     = "hub"
	MailPassword = "stand-in-password"
)

// The faults of the mail server, each of one command; FaultLost is the third: the
// message is taken and the connection ends.
const (
	FaultMailLater Fault = "451"
	FaultMailNever Fault = "550"
)

// SMTP is a mail server. It offers STARTTLS, and after it asks for a password.
type SMTP struct {
	// Roots trust its certificate, whose name is localhost.
	Roots *x509.CertPool

	listener net.Listener
	tls      *tls.Config

	mu     sync.Mutex
	faults map[string][]Fault
	mails  []*mail.Message
	bodies []string
	ids    []string
}

// NewSMTP starts a mail server; Close ends it.
func NewSMTP() (*SMTP, error) {
	s := &SMTP{faults: map[string][]Fault{}}
	if err := s.certify(); err != nil {
		return nil, err
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s, nil
}

// Close ends the server.
func (s *SMTP) Close() error { return s.listener.Close() }

// Port is where it listens on localhost.
func (s *SMTP) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Fail makes the next uses of a command (MAIL, RCPT, DATA, AUTH) fail.
func (s *SMTP) Fail(command string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[command] = append(s.faults[command], faults...)
}

// Mails gives the Message-IDs of what was taken, repeats too, and the texts.
func (s *SMTP) Mails() (ids, texts []string, mails []*mail.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids), slices.Clone(s.bodies), slices.Clone(s.mails)
}

func (s *SMTP) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(parsed)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return nil
}

// session is one connection.
type session struct {
	conn   net.Conn
	text   *textproto.Conn
	secure bool
	known  bool // the password was right
	from   bool
	to     bool
}

func (s *SMTP) talk(conn net.Conn) {
	c := &session{conn: conn, text: textproto.NewConn(conn)}
	defer func() { _ = c.conn.Close() }()
	c.say("220 stand-in")
	for {
		_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
		line, err := c.text.ReadLine()
		if err != nil {
			return
		}
		command, rest, _ := strings.Cut(line, " ")
		if !s.answer(c, strings.ToUpper(command), rest) {
			return
		}
	}
}

func (c *session) say(lines ...string) {
	for _, l := range lines {
		_ = c.text.PrintfLine("%s", l)
	}
}

func (s *SMTP) answer(c *session, command, rest string) (more bool) {
	fault := s.fault(command)
	if fault == FaultMailLater || fault == FaultMailNever {
		c.say(string(fault) + " 4.3.0 the stand-in fails on demand")
		return true
	}
	switch command {
	case "EHLO", "HELO":
		if c.secure {
			c.say("250-stand-in", "250 AUTH PLAIN")
		} else {
			c.say("250-stand-in", "250 STARTTLS")
		}
	case "STARTTLS":
		c.say("220 go on")
		conn := tls.Server(c.conn, s.tls)
		*c = session{conn: conn, text: textproto.NewConn(conn), secure: true}
	case "AUTH":
		_, coded, _ := strings.Cut(rest, " ")
		plain, err := base64.StdEncoding.DecodeString(coded)
		if err != nil || string(plain) != "\x00"+MailUser+"\x00"+MailPassword {
			c.say("535 5.7.8 wrong")
			return true
		}
		c.known = true
		c.say("235 welcome")
	case "MAIL":
		if c.secure && !c.known {
			c.say("530 5.7.0 who are you")
			return true
		}
		c.from = true
		c.say("250 ok")
	case "RCPT":
		c.to = c.from
		c.say("250 ok")
	case "DATA":
		return s.data(c, fault)
	case "RSET", "NOOP":
		c.say("250 ok")
	case "QUIT":
		c.say("221 bye")
		return false
	default:
		c.say("502 what")
	}
	return true
}

func (s *SMTP) data(c *session, fault Fault) (more bool) {
	if !c.to {
		c.say("503 first RCPT")
		return true
	}
	c.say("354 go on")
	body, err := c.text.ReadDotBytes()
	if err != nil {
		return false
	}
	m, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(string(body))))
	if err != nil {
		c.say("554 this is no mail")
		return true
	}
	s.mu.Lock()
	s.mails, s.bodies, s.ids = append(s.mails, m), append(s.bodies, string(body)), append(s.ids, m.Header.Get("Message-Id"))
	s.mu.Unlock()
	if fault == FaultLost {
		return false
	}
	c.say("250 taken")
	return true
}

func (s *SMTP) fault(command string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.faults[command]
	if len(list) == 0 {
		return ""
	}
	s.faults[command] = list[1:]
	return list[0]
}
