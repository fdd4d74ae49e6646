package cml

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
)

// maxRecord is how many bytes one record of a file may have: an order with its
// rows, a product, an offer. maxDepth is how deep elements may be nested.
const (
	maxRecord = 16 << 20
	maxDepth  = 64
)

// Handler takes what a file holds, record by record, in the file's order. A nil
// function leaves records of its kind out; an error ends the reading.
type Handler struct {
	Document func(Document) error
	// Raw takes the documents as they are, in place of Document.
	Raw       func(Node) error
	Product   func(Product) error
	Offer     func(Offer) error
	PriceType func(PriceType) error
	Warehouse func(Warehouse) error
	// List begins a list of products or offers.
	List func(List) error
	// Bad takes a product or an offer that cannot be read, with its id as far as it
	// has one; without it such a row ends the file.
	Bad func(kind Kind, id, why string) error
}

// Kind is what a list holds.
type Kind string

// The kinds of lists.
const (
	KindProducts Kind = "products"
	KindOffers   Kind = "offers"
)

// List is the head of a list.
type List struct {
	Kind Kind
	// Changes tells that what is not in the list is as it was; else the list is
	// all there is. 1C marks the second and later portions of a whole list as
	// changes, so only a file that says false outright is a whole one.
	Changes bool
}

// ErrNotCommerceML tells that a file is something else.
var ErrNotCommerceML = orderhub.Errorf(orderhub.CodeInvalid, "это не файл CommerceML: нет элемента %s", root)

// Read reads a file of any size in little memory. Documents, products and offers
// may come mixed. A file that ends early gives what is whole and then an error.
func Read(r io.Reader, h Handler) error {
	limited := &recordReader{r: bufio.NewReaderSize(r, 64<<10)}
	d := xml.NewDecoder(limited)
	d.CharsetReader = charset
	d.Entity = nil // none but XML's own five
	p := &reader{d: d, h: h, limited: limited}
	return p.file()
}

// charset knows the encodings that 1C writes.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "utf-8", "utf8", "":
		return in, nil
	case "windows-1251", "cp1251", "win-1251":
		return charmap.Windows1251.NewDecoder().Reader(in), nil
	case "koi8-r":
		return charmap.KOI8R.NewDecoder().Reader(in), nil
	}
	return nil, orderhub.Errorf(orderhub.CodeInvalid, "кодировка %.20q не поддерживается; разрешены UTF-8 и windows-1251", label)
}

// recordReader ends a file in which one record does not end.
type recordReader struct {
	r    *bufio.Reader
	left int
}

func (l *recordReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, orderhub.Errorf(orderhub.CodeInvalid, "запись в файле больше %d МБ", maxRecord>>20)
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// ReadByte lets the decoder do without a buffer of its own.
func (l *recordReader) ReadByte() (byte, error) {
	if l.left <= 0 {
		return 0, orderhub.Errorf(orderhub.CodeInvalid, "запись в файле больше %d МБ", maxRecord>>20)
	}
	l.left--
	return l.r.ReadByte()
}

type reader struct {
	d       *xml.Decoder
	h       Handler
	limited *recordReader
	path    []string
}

func (p *reader) file() error {
	p.limited.left = maxRecord
	for {
		tok, err := p.d.Token()
		if errors.Is(err, io.EOF) && len(p.path) == 0 {
			return ErrNotCommerceML
		}
		if err != nil {
			return broken(err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			// A document type is of no use here, and its entities are a known trick.
			return orderhub.Errorf(orderhub.CodeInvalid, "в файле есть DOCTYPE; такие файлы не принимаются")
		case xml.StartElement:
			if len(p.path) == 0 && t.Name.Local != root {
				return ErrNotCommerceML
			}
			if err := p.element(t); err != nil {
				return err
			}
		case xml.EndElement:
			if p.path = p.path[:len(p.path)-1]; len(p.path) == 0 {
				return nil
			}
		}
		p.limited.left = maxRecord
	}
}

// element takes one element: a record as a whole, a container by its parts.
func (p *reader) element(t xml.StartElement) error {
	switch t.Name.Local {
	case root, "Контейнер", "Классификатор", "Товары", "Предложения", "ТипыЦен", "Склады":
		return p.enter(t.Name.Local)
	case "Каталог":
		return p.list(t, KindProducts)
	case "ПакетПредложений", "ИзмененияПакетаПредложений":
		return p.list(t, KindOffers)
	case "Документ":
		if p.h.Raw != nil {
			return record(p, t, p.h.Raw, func(n *Node) (Node, error) { return *n, nil }, nil)
		}
		return record(p, t, p.h.Document, (*documentIn).document, nil)
	case "Товар":
		return record(p, t, p.h.Product, (*productIn).product, func(x Product, why string) error { return p.h.Bad(KindProducts, x.ID, why) })
	case "Предложение":
		return record(p, t, p.h.Offer, (*offerIn).offer, func(x Offer, why string) error { return p.h.Bad(KindOffers, x.ID, why) })
	case "ТипЦены":
		return record(p, t, p.h.PriceType, func(x *PriceType) (PriceType, error) { return *x, nil }, nil)
	case "Склад":
		return record(p, t, p.h.Warehouse, func(x *Warehouse) (Warehouse, error) { return *x, nil }, nil)
	}
	return p.skip()
}

// skip passes over an element of any length, token by token.
func (p *reader) skip() error {
	for depth := 1; depth > 0; p.limited.left = maxRecord {
		tok, err := p.d.Token()
		if err != nil {
			return broken(err)
		}
		switch tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errDepth
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

var errDepth = orderhub.Errorf(orderhub.CodeInvalid, "элементы вложены глубже %d", maxDepth)

func (p *reader) enter(name string) error {
	if len(p.path) >= maxDepth {
		return errDepth
	}
	p.path = append(p.path, name)
	return nil
}

func (p *reader) list(t xml.StartElement, kind Kind) error {
	l := List{Kind: kind, Changes: true}
	for _, a := range t.Attr {
		if a.Name.Local == "СодержитТолькоИзменения" && strings.EqualFold(strings.TrimSpace(a.Value), "false") {
			l.Changes = false
		}
	}
	if t.Name.Local == "ИзмененияПакетаПредложений" {
		l.Changes = true
	}
	if p.h.List != nil {
		if err := p.h.List(l); err != nil {
			return err
		}
	}
	return p.enter(t.Name.Local)
}

// record reads one record into X and hands it over as Y, or to bad.
func record[X, Y any](p *reader, t xml.StartElement, take func(Y) error, turn func(*X) (Y, error), bad func(Y, string) error) error {
	if take == nil {
		return p.skip()
	}
	x := new(X)
	if err := p.d.DecodeElement(x, &t); err != nil {
		return broken(err)
	}
	y, err := turn(x)
	if err != nil {
		line, _ := p.d.InputPos()
		var told *orderhub.Error
		if errors.As(err, &told) {
			at := *told
			at.Sentence = fmt.Sprintf("строка %d: %s", line, told.Sentence)
			if p.h.Bad != nil && bad != nil {
				return bad(y, at.Sentence)
			}
			return &at
		}
		return fmt.Errorf("строка %d: %w", line, err)
	}
	return take(y)
}

// broken tells a person what is wrong with a file, in words that hold nothing of
// what it says.
func broken(err error) error {
	var syntax *xml.SyntaxError
	var told *orderhub.Error
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return ErrTruncated
	case errors.As(err, &syntax):
		return orderhub.Errorf(orderhub.CodeInvalid, "строка %d: ошибка в XML", syntax.Line)
	}
	return fmt.Errorf("read CommerceML: %w", err)
}

// ErrTruncated tells that a file ends before it is over: parts of it may still come.
var ErrTruncated = orderhub.Errorf(orderhub.CodeInvalid, "файл оборван: он кончается раньше, чем закрыт")
