package onec

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
)

// internal is what 1C's user reads of a fault that is the hub's own.
const internal = "Внутренняя ошибка хаба; подробности в его журнале."

// say answers plain text. 1C reads the first word of the first line; there is no
// line end behind the last one, since УТ counts lines.
func (h *Handler) say(q *request, text string) {
	charset, body := "utf-8", []byte(text)
	if q.node.Settings.Encoding == "windows-1251" {
		if b, err := encoding.ReplaceUnsupported(charmap.Windows1251.NewEncoder()).Bytes(body); err == nil {
			charset, body = "windows-1251", b
		}
	}
	h.write(q, http.StatusOK, "text/plain; charset="+charset, body)
}

// refuse answers a bad login: the only answer that is not 200.
func (h *Handler) refuse(q *request, reason string) {
	q.writer.Header().Set("WWW-Authenticate", `Basic realm="orderhub", charset="UTF-8"`)
	h.write(q, http.StatusUnauthorized, "text/plain; charset=utf-8", []byte("failure\n"+reason))
}

// xml answers a document, in the node's encoding already.
func (h *Handler) xml(q *request, body []byte) {
	charset := "utf-8"
	if q.node.Settings.Encoding == "windows-1251" {
		charset = "windows-1251"
	}
	h.write(q, http.StatusOK, "application/xml; charset="+charset, body)
}

// write sends the whole answer at once: some clients cannot take it in parts.
func (h *Handler) write(q *request, status int, kind string, body []byte) {
	q.writer.Header().Set("Content-Type", kind)
	q.writer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	q.writer.WriteHeader(status)
	if _, err := q.writer.Write(body); err != nil {
		h.opts.Log.Debug("1C: the answer broke off", "error", err.Error())
	}
}

// clip shortens a word from outside before it is quoted.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

type wordsXML struct {
	XMLName    xml.Name  `xml:"Справочник"`
	Statuses   wordListX `xml:"Статусы"`
	Payments   wordListX `xml:"ПлатежныеСистемы"`
	Deliveries wordListX `xml:"СлужбыДоставки"`
}

type wordListX struct {
	List []wordXML `xml:"Элемент"`
}

type wordXML struct {
	ID   string `xml:"Ид"`
	Name string `xml:"Название"`
}

// wordsOf lists the words that orders are written with, for the tables of УНФ.
func wordsOf(set orderhub.OnecSettings) ([]byte, error) {
	var x wordsXML
	seen := map[string]bool{}
	for _, s := range orderhub.Statuses() {
		w := set.StatusWord(s)
		if !seen[w] {
			seen[w] = true
			x.Statuses.List = append(x.Statuses.List, wordXML{string(s), w})
		}
	}
	for _, w := range cml.Payments() {
		x.Payments.List = append(x.Payments.List, wordXML{w.ID, w.Name})
	}
	for _, w := range cml.Deliveries() {
		x.Deliveries.List = append(x.Deliveries.List, wordXML{w.ID, w.Name})
	}
	text, err := xml.MarshalIndent(x, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the words: %w", err)
	}
	out := bytes.NewBufferString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	out.Write(text)
	if set.Encoding != "windows-1251" {
		return out.Bytes(), nil
	}
	b, err := encoding.HTMLEscapeUnsupported(charmap.Windows1251.NewEncoder()).Bytes(bytes.Replace(out.Bytes(), []byte("UTF-8"), []byte("windows-1251"), 1))
	if err != nil {
		return nil, fmt.Errorf("write the words: %w", err)
	}
	return b, nil
}
