// Package onectest is a stand-in of a 1C that exchanges with a site: it speaks the
// dialogue as УТ 11 does, is as strict as УТ about the answers, and keeps a book of
// its own. It knows nothing of the hub.
package onectest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/encoding/charmap"
)

// ErrDropped tells that the line was cut, see Base.Drop.
var ErrDropped = errors.New("the line was cut")

// Base is one 1C with its book of orders.
type Base struct {
	// URL is the exchange's address, without a query.
	URL             string
	Login, Password string
	Client          *http.Client
	// Sessid sends the session's id in the address, as a node of УТ can be set to.
	Sessid bool
	// NoImport sends orders without asking for their import, as УНФ does.
	NoImport bool
	// Drop is asked before and after each request, amid each part of a file and
	// between storing and success; where it says yes the line is cut. nil = never.
	Drop func(step string) bool
	// Refuse fails the loading of an order, and with it that of its whole batch.
	Refuse func(number string) bool

	mu    sync.Mutex
	book  map[string]*Order
	files int
	// untold counts orders that were stored while the site did not hear, or may not
	// have heard, that they are.
	untold int
}

// Order is an order in the book, found by its number of 11 characters.
type Order struct {
	Number, Total, Status string
	Cancelled             bool // on the site
	Rows                  []Row
	// Contents are the digests of all contents that were stored, in their order;
	// the same content stored again is a repetition.
	Contents []string
	Repeats  int

	// What happened here.
	Posted, Shipped, Paid, Void bool
	Tracking                    string
	changed                     bool
}

// Row is a row of an order.
type Row struct {
	ID, SKU string
	Units   int64
	Total   string
	Service bool
}

type fileXML struct {
	XMLName   xml.Name      `xml:"КоммерческаяИнформация"`
	Documents []documentXML `xml:"Документ"`
}

type documentXML struct {
	Inner     string `xml:",innerxml"`
	Number    string `xml:"Номер"`
	Operation string `xml:"ХозОперация"`
	Currency  string `xml:"Валюта"`
	Total     string `xml:"Сумма"`
	Buyers    []struct {
		Name string `xml:"Наименование"`
	} `xml:"Контрагенты>Контрагент"`
	Rows []struct {
		ID    string `xml:"Ид"`
		SKU   string `xml:"Артикул"`
		Units int64  `xml:"Количество"`
		Total string `xml:"Сумма"`
		Req   []req  `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
	} `xml:"Товары>Товар"`
	Req []req `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
}

type req struct {
	Name  string `xml:"Наименование"`
	Value string `xml:"Значение"`
}

// talk is one login and what follows.
type talk struct {
	base                  *Base
	kind, cookie, session string
}

// open logs in: each leg of an exchange does so anew.
func (b *Base) open(ctx context.Context, kind string) (*talk, error) {
	t := &talk{base: b, kind: kind}
	body, err := t.call(ctx, http.MethodGet, "checkauth", "", nil)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(body), "\n")
	if len(lines) < 3 || lines[0] != "success" || lines[1] == "" || lines[2] == "" {
		return nil, fmt.Errorf("checkauth: %q", lines[0])
	}
	t.cookie = lines[1] + "=" + lines[2]
	if len(lines) > 3 {
		id, ok := strings.CutPrefix(lines[3], "sessid=")
		if !ok {
			return nil, errors.New("checkauth: line 4 is no sessid")
		}
		if b.Sessid {
			t.session = id
		}
	}
	return t, nil
}

// call makes one request and holds the answer against УТ's rules.
func (t *talk) call(ctx context.Context, method, mode, file string, body []byte) ([]byte, error) {
	b := t.base
	if b.Drop != nil && b.Drop("before "+t.kind+" "+mode) {
		return nil, ErrDropped
	}
	address := b.URL + "?type=" + t.kind + "&mode=" + mode
	if file != "" {
		address += "&filename=" + file
	}
	if t.session != "" {
		address += "&sessid=" + t.session
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && b.Drop != nil && b.Drop("amid "+t.kind+" "+mode) {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), cut{}))
	}
	r.SetBasicAuth(b.Login, b.Password)
	if t.cookie != "" {
		r.Header.Set("Cookie", t.cookie)
	}
	resp, err := b.Client.Do(r)
	if errors.Is(err, ErrDropped) {
		return nil, ErrDropped
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	switch {
	case b.Drop != nil && b.Drop("after "+t.kind+" "+mode):
		return nil, ErrDropped
	case len(out) == 0:
		return nil, fmt.Errorf("%s: Получен пустой ответ сервера", mode)
	case resp.ContentLength != int64(len(out)):
		return nil, fmt.Errorf("%s: the answer came without Content-Length", mode)
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized:
		return nil, fmt.Errorf("%s: HTTP %d", mode, resp.StatusCode)
	}
	return out, nil
}

// cut is where a body breaks off.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, ErrDropped }

// Untold is how many orders were stored without the site knowing for sure: no more
// than so many may come again unchanged.
func (b *Base) Untold() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.untold
}

// Download fetches orders and stores them: all of the answer in one transaction,
// then success. It tells how many came.
func (b *Base) Download(ctx context.Context) (int, error) {
	t, err := b.open(ctx, "sale")
	if err != nil {
		return 0, err
	}
	body, err := t.call(ctx, http.MethodGet, "query", "", nil)
	if err != nil {
		return 0, err
	}
	n, err := b.store(body)
	if err != nil {
		return 0, err
	}
	err = b.tell(ctx, t)
	if err != nil {
		b.mu.Lock()
		b.untold += n
		b.mu.Unlock()
	}
	return n, err
}

// tell says that what was given is stored.
func (b *Base) tell(ctx context.Context, t *talk) error {
	if b.Drop != nil && b.Drop("stored") {
		return ErrDropped
	}
	answer, err := t.call(ctx, http.MethodGet, "success", "", nil)
	if err == nil && !strings.HasPrefix(string(answer), "success") {
		err = fmt.Errorf("success: %q", answer)
	}
	return err
}

// store loads an answer to query as УТ does.
func (b *Base) store(body []byte) (int, error) {
	if !bytes.HasPrefix(body, []byte("<?xml")) {
		return 0, fmt.Errorf("query: the answer begins with %.20q", body)
	}
	var f fileXML
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if !strings.EqualFold(label, "windows-1251") {
			return nil, fmt.Errorf("encoding %s", label)
		}
		return charmap.Windows1251.NewDecoder().Reader(in), nil
	}
	if err := d.Decode(&f); err != nil {
		return 0, fmt.Errorf("query: %w", err)
	}
	if f.XMLName.Space != "" {
		return 0, errors.New("query: the root has a namespace")
	}
	// One transaction: one bad order and nothing is stored.
	for _, doc := range f.Documents {
		if doc.Operation != "Заказ товара" || doc.Currency == "" || len(doc.Buyers) == 0 || doc.Buyers[0].Name == "" {
			return 0, fmt.Errorf("order %s: a field that 1C needs is missing", doc.Number)
		}
		if b.Refuse != nil && b.Refuse(doc.Number) {
			return 0, fmt.Errorf("order %s: cannot be written", doc.Number)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.book == nil {
		b.book = map[string]*Order{}
	}
	for _, doc := range f.Documents {
		key := doc.Number[:min(11, len(doc.Number))]
		o := b.book[key]
		if o == nil {
			o = &Order{Number: doc.Number}
			b.book[key] = o
		}
		sum := sha256.Sum256([]byte(doc.Inner))
		content := hex.EncodeToString(sum[:8])
		if n := len(o.Contents); n > 0 && o.Contents[n-1] == content {
			o.Repeats++
			continue
		}
		o.Contents = append(o.Contents, content)
		o.take(doc)
	}
	return len(f.Documents), nil
}

// take writes what the site says of an order into the book.
func (o *Order) take(doc documentXML) {
	o.Total, o.Rows, o.Status, o.Cancelled = doc.Total, nil, "", false
	for _, r := range doc.Rows {
		row := Row{ID: r.ID, SKU: r.SKU, Units: r.Units, Total: r.Total}
		for _, q := range r.Req {
			row.Service = row.Service || q.Name == "ТипНоменклатуры" && q.Value == "Услуга"
		}
		o.Rows = append(o.Rows, row)
	}
	for _, q := range doc.Req {
		switch q.Name {
		case "Статус заказа":
			o.Status = q.Value
		case "Отменен":
			o.Cancelled = q.Value == "true"
		}
	}
}

// Orders lists the book, by number.
func (b *Base) Orders() []Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Order, 0, len(b.book))
	for _, o := range b.book {
		out = append(out, *o)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Number < out[j].Number })
	return out
}

// Work lets somebody in 1C work on an order; it goes back with the next Upload.
func (b *Base) Work(number string, change func(o *Order)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.book[number]
	if o == nil {
		return false
	}
	change(o)
	o.changed = true
	return true
}

// Upload sends the orders back that were worked on since they were sent last.
func (b *Base) Upload(ctx context.Context) (int, error) {
	text, sent := b.changes()
	if len(sent) == 0 {
		return 0, nil
	}
	t, err := b.open(ctx, "sale")
	if err != nil {
		return 0, err
	}
	limit, err := t.init(ctx)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	b.files++
	name := fmt.Sprintf("orders-0f6a2b7c-0000-4000-8000-000000000001_%d.xml", b.files)
	b.mu.Unlock()
	if err := t.send(ctx, name, text, limit); err != nil {
		return 0, err
	}
	if !b.NoImport {
		if err := t.importFile(ctx, name); err != nil {
			return 0, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for number, state := range sent {
		if o := b.book[number]; o.state() == state {
			o.changed = false
		}
	}
	return len(sent), nil
}

// state tells apart what an order says to the site.
func (o *Order) state() string {
	return fmt.Sprint(o.Posted, o.Shipped, o.Paid, o.Void, o.Tracking, o.Rows)
}

func (b *Base) changes() (text []byte, sent map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent = map[string]string{}
	var w bytes.Buffer
	w.WriteString("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<КоммерческаяИнформация xmlns=\"urn:1C.ru:commerceml_2\" ВерсияСхемы=\"2.07\">\r\n")
	numbers := make([]string, 0, len(b.book))
	for number, o := range b.book {
		if o.changed {
			numbers = append(numbers, number)
		}
	}
	sort.Strings(numbers)
	for _, number := range numbers {
		sent[number] = b.book[number].state()
		b.book[number].write(&w)
	}
	w.WriteString("</КоммерческаяИнформация>\r\n")
	return w.Bytes(), sent
}

// write writes an order as УТ sends it: no status, dates of payment and shipment
// only when all is paid and shipped.
func (o *Order) write(w *bytes.Buffer) {
	esc := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	fmt.Fprintf(w, "<Документ><Номер>%s</Номер><Ид>0f6a2b7c-0000-4000-8000-%012s</Ид><ХозОперация>Заказ товара</ХозОперация><Валюта>руб.</Валюта><Сумма>%s</Сумма><Товары>", esc(o.Number), o.Number, o.Total)
	for _, r := range o.Rows {
		kind := "Товар"
		if r.Service {
			kind = "Услуга"
		}
		fmt.Fprintf(w, "<Товар><Ид>%s</Ид><Артикул>%s</Артикул><Количество>%d,000</Количество><Сумма>%s</Сумма><ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>ТипНоменклатуры</Наименование><Значение>%s</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Товар>",
			esc(r.ID), esc(r.SKU), r.Units, r.Total, kind)
	}
	w.WriteString("</Товары><ЗначенияРеквизитов>")
	add := func(name, value string) {
		fmt.Fprintf(w, "<ЗначениеРеквизита><Наименование>%s</Наименование><Значение>%s</Значение></ЗначениеРеквизита>", name, esc(value))
	}
	add("Номер по 1С", " УТ-"+o.Number+" ")
	add("Проведен", strconv.FormatBool(o.Posted))
	add("ПометкаУдаления", strconv.FormatBool(o.Void))
	if o.Shipped {
		add("Дата отгрузки по 1С", "2026-11-23T12:00:00")
	}
	if o.Paid {
		add("Дата оплаты по 1С", "2026-11-23")
	}
	if o.Tracking != "" {
		add("Идентификатор отправления", o.Tracking)
	}
	w.WriteString("</ЗначенияРеквизитов></Документ>\r\n")
}
