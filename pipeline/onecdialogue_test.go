package pipeline

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/store"
)

// caller speaks the dialogue by hand.
type caller struct {
	w       *world
	base    *onectest.Base
	cookie  string
	session string
	answer  *http.Response
}

func (w *world) caller(b *onectest.Base) *caller {
	c := &caller{w: w, base: b}
	lines := strings.Split(c.get("type=sale&mode=checkauth"), "\n")
	if len(lines) != 4 || lines[0] != "success" {
		w.t.Fatalf("checkauth: %q", lines)
	}
	c.cookie, c.session = lines[1]+"="+lines[2], strings.TrimPrefix(lines[3], "sessid=")
	return c
}

func (c *caller) get(query string) string { return c.do(http.MethodGet, query, nil) }

// imported asks for a file to be read, and again for as long as it is being read.
func (c *caller) imported(query string) string {
	for {
		if got := c.get(query + "&mode=import"); !strings.HasPrefix(got, "progress") {
			return got
		}
	}
}

func (c *caller) post(query string, body []byte) string {
	return c.do(http.MethodPost, query, bytes.NewReader(body))
}

func (c *caller) do(method, query string, body io.Reader) string {
	c.w.t.Helper()
	r, err := http.NewRequestWithContext(c.w.t.Context(), method, c.base.URL+"?"+query, body)
	c.w.must(err)
	if u, ok := body.(*upload); ok {
		r.ContentLength = u.size
	}
	r.SetBasicAuth(c.base.Login, c.base.Password)
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	c.answer, err = c.base.Client.Do(r)
	c.w.must(err)
	defer func() { _ = c.answer.Body.Close() }()
	text, err := io.ReadAll(c.answer.Body)
	c.w.must(err)
	if len(text) == 0 || c.answer.ContentLength != int64(len(text)) {
		c.w.t.Errorf("%s: empty, or without its length", query)
	}
	return string(text)
}

// want holds the first word of an answer, and a part of the rest.
func (c *caller) want(got, first, part string) {
	c.w.t.Helper()
	head, rest, _ := strings.Cut(got, "\n")
	if head != first || !strings.Contains(rest, part) {
		c.w.t.Errorf("got %q, want %q and %q", got, first, part)
	}
}

// TestOnecDialogue: the answers, to the letter.
func TestOnecDialogue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		c := w.caller(b)
		if got := c.get("type=sale&mode=init"); got != "zip=no\nfile_limit=1000000" {
			t.Errorf("init: %q", got)
		}
		if got := c.get("type=sale&mode=init&version=2.09"); got != "zip=no\nfile_limit=1000000\nsessid="+c.session+"\nversion=2.08" {
			t.Errorf("init with a version: %q", got)
		}
		if got := strings.Split(c.get("type=catalog&mode=checkauth"), "\n"); len(got) != 5 || !strings.HasPrefix(got[4], "timestamp=") {
			t.Errorf("checkauth of the catalogue: %q", got)
		}
		c.want(c.get("type=sale&mode=success"), "success", "") // without query
		c.want(c.get("type=catalog&mode=deactivate&timestamp=1"), "success", "")
		c.want(c.get("type=catalog&mode=complete"), "success", "")
		c.want(c.get("type=crm&mode=query"), "failure", "type=crm")
		c.want(c.get("type=sale&mode=dance"), "failure", "mode=dance")
		c.want(c.get("type=catalog&mode=query"), "failure", "type=sale")
		c.want(c.get("type=catalog&mode=import&filename=import0_1.xml"), "failure", "не загружен") // before file
		c.want(c.get("type=sale&mode=file&filename=a.xml"), "failure", "POST")
		if got := c.get("type=sale&mode=query"); !strings.HasPrefix(got, "<?xml") || strings.Contains(got, "Документ") || strings.Contains(got, "xmlns") ||
			c.answer.Header.Get("Content-Type") != "application/xml; charset=utf-8" {
			t.Errorf("query: %q", got)
		}
		if got := c.get("type=sale&mode=info"); !strings.Contains(got, "<Справочник>") || !strings.Contains(got, "<Название>Отгружен</Название>") {
			t.Errorf("info: %q", got)
		}
		c.want(c.get("type=sale&mode=query&sessid=wrong"), "failure", "sessid")
		good := c.cookie
		c.cookie = "orderhub_1c=nonsense"
		c.want(c.get("type=sale&mode=query"), "failure", "checkauth")
		c.cookie = good
		w.must2(w.demandSessid(n))
		c.want(c.get("type=sale&mode=query"), "failure", "sessid")
		if got := c.get("type=sale&mode=query&sessid=" + c.session); !strings.HasPrefix(got, "<?xml") {
			t.Errorf("with sessid: %q", got)
		}
		w.clock.add(2 * time.Hour)
		c.want(c.get("type=sale&mode=query&sessid="+c.session), "failure", "закончилась")
	})
}

func (w *world) demandSessid(n orderhub.OnecNode) (orderhub.OnecNode, error) {
	n, _, err := w.hub.ChangeOnecNode(w.t.Context(), n.ID, false, func(n *orderhub.OnecNode) { n.Settings.DemandSession = true })
	return n, err
}

// TestOnecLogin: wrong passwords are refused, and tried no faster than allowed.
func TestOnecLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		c := w.caller(b)
		good := b.Password
		b.Password = "wrong"
		for range 5 {
			c.want(c.get("type=sale&mode=checkauth"), "failure", "Неверное")
			if c.answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(c.answer.Header.Get("WWW-Authenticate"), "Basic") {
				t.Errorf("status %d", c.answer.StatusCode)
			}
		}
		b.Password = good
		c.want(c.get("type=sale&mode=checkauth"), "failure", "Слишком много")
		w.clock.add(2 * time.Minute)
		c = w.caller(b)
		// Sessions of others go on; a new password ends them all.
		other := w.caller(b)
		c.want(c.get("type=sale&mode=success"), "success", "")
		_, fresh, err := w.hub.ChangeOnecNode(t.Context(), n.ID, true, nil)
		w.must(err)
		other.want(other.get("type=sale&mode=success"), "failure", "checkauth")
		b.Password = fresh
		w.caller(b)
		w.must(w.hub.RemoveOnecNode(t.Context(), n.ID))
		c.want(c.get("type=sale&mode=checkauth"), "failure", "Неверное")
	})
}

// TestOnecInWindows1251: query and reasons in the node's encoding.
func TestOnecInWindows1251(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(func(s *orderhub.OnecSettings) { s.Encoding, s.Version = "windows-1251", "2.05" })
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Lines[0].Name = "Кружка ₽" }))
		c := w.caller(b)
		text, err := charmap.Windows1251.NewDecoder().String(c.get("type=sale&mode=query"))
		w.must(err)
		if !strings.Contains(text, "Кружка &#8381;") || !strings.Contains(text, `ВерсияСхемы="2.05"`) || c.answer.Header.Get("Content-Type") != "application/xml; charset=windows-1251" {
			t.Errorf("%s", text)
		}
		reason, err := charmap.Windows1251.NewDecoder().String(c.get("type=sale&mode=dance"))
		w.must(err)
		c.want(reason, "failure", "Неизвестный режим")
		w.download(b, 1)
	})
}

// backFile is a file with one order that 1C has approved.
func backFile(number string) []byte {
	return []byte("\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_210" ВерсияСхемы="2.10"><Документ><Ид>x</Ид><Номер>` + number +
		`</Номер><ХозОперация>Заказ товара</ХозОперация><ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Проведен</Наименование><Значение>true</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Документ></КоммерческаяИнформация>`)
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, body := range files {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestOnecFiles: parts, archives, files that nobody asks to import.
func TestOnecFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew), snap("3", orderhub.StatusNew))
		w.download(b, 3)
		requested := func(id string) bool { return w.order(id).Requested == orderhub.StatusConfirmed }
		c := w.caller(b)
		// Three parts of one name, a path of the client, no import.
		text := backFile(w.number("1"))
		const file = `type=sale&mode=file&filename=C:\Temp\orders-1_1.xml`
		for i, part := range [][]byte{text[:100], text[100:300], text[300:]} {
			if requested("1") {
				t.Errorf("read before it was whole (part %d)", i)
			}
			c.want(c.post(file, part), "success", "")
		}
		if !requested("1") {
			t.Error("a whole file of orders was not read")
		}
		c.want(c.imported("type=sale&filename=orders-1_1.xml"), "success", "")
		// An archive in parts.
		c = w.caller(b)
		c.want(c.get("type=sale&mode=init"), "zip=no", "")
		packed := zipped(t, map[string][]byte{"orders-1_2.xml": backFile(w.number("2"))})
		c.want(c.post("type=sale&mode=file&filename=v8_1.zip", packed[:50]), "success", "")
		c.want(c.post("type=sale&mode=file&filename=v8_1.zip", packed[50:]), "success", "")
		if !requested("2") {
			t.Error("a whole archive of orders was not read")
		}
		c.want(c.imported("type=sale&filename=orders-1_2.xml"), "success", "")
		// A part that is missing.
		c = w.caller(b)
		text = backFile(w.number("3"))
		c.want(c.post("type=sale&mode=file&filename=o.xml", text[:300]), "success", "")
		c.want(c.imported("type=sale&filename=o.xml"), "failure", "оборван")
		c.want(c.post("type=catalog&mode=file&filename=import_files/ab/x.jpg", []byte("picture")), "success", "")
		if state, err := w.hub.OnecNodeState(t.Context(), n.ID); err != nil || len(state.Files) == 0 || requested("3") {
			t.Errorf("%+v, %v", state, err)
		}
	})
}

// TestHostileOnecFiles: the dialogue's own failure, and a sentence that people
// understand; nothing of the files in errors and log.
func TestHostileOnecFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		zeros := make([]byte, 8<<20)
		for name, c := range map[string]struct {
			file string
			body []byte
			part string
		}{
			"bomb of entities": {"o.xml", []byte(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><КоммерческаяИнформация>&b;</КоммерческаяИнформация>`), "DOCTYPE"},
			"not CommerceML":   {"o.xml", []byte(`<html>Иванов Иван</html>`), "не файл CommerceML"},
			"broken":           {"o.xml", []byte(`<КоммерческаяИнформация><Документ></Иванов></КоммерческаяИнформация>`), "ошибка в XML"},
			"wrong encoding":   {"o.xml", []byte(`<?xml version="1.0" encoding="KOI8-U"?><КоммерческаяИнформация></КоммерческаяИнформация>`), "кодировка"},
			"not UTF-8":        {"o.xml", append([]byte(`<?xml version="1.0" encoding="UTF-8"?><`), 0xea, 0xee, '>'), "ошибка в XML"},
			"deep":             {"o.xml", []byte("<КоммерческаяИнформация>" + strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000) + "</КоммерческаяИнформация>"), "вложены"},
			"path up":          {"../../etc/passwd", []byte("x"), "имя файла"},
			"path up 1C":       {`..\..\o.xml`, []byte("x"), "имя файла"},
			"zero byte":        {"a%00.xml", []byte("x"), "имя файла"},
			"zip bomb":         {"o.zip", zipped(t, map[string][]byte{"o.xml": zeros}), "распаковывается"},
			"zip path":         {"o.zip", zipped(t, map[string][]byte{"../../o.xml": backFile("1")}), "имя файла"},
			"zip of twins":     {"o.zip", zipped(t, map[string][]byte{"a/o.xml": backFile("1"), "b/o.xml": backFile("1")}), "одним именем"},
		} {
			t.Run(name, func(t *testing.T) {
				call := w.caller(b)
				got := call.post("type=sale&mode=file&filename="+c.file, c.body)
				call.want(got, "failure", c.part)
				if strings.Contains(got, "Иванов") {
					t.Errorf("the answer repeats the file: %q", got)
				}
			})
		}
		node, err := w.store.OnecNode(t.Context(), n.ID)
		if err != nil || node.Error == "" || strings.Contains(node.Error, "Иванов") {
			t.Errorf("the node shows %q, %v", node.Error, err)
		}
	})
}

// TestUploadsOfGigabytes: one that says its size is refused before it is read, one that
// does not at the cap; both are answered, and the session goes on.
func TestUploadsOfGigabytes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, b := w.exchange(nil)
		c := w.caller(b)
		for name, u := range map[string]struct{ says, sends int64 }{
			"two gigabytes":            {2 << 30, 1 << 16},
			"a part that says no size": {-1, 256<<20 + 1},
		} {
			answered := make(chan struct{})
			body := &upload{size: u.says, left: u.sends, answered: answered}
			got := c.do(http.MethodPost, "type=catalog&mode=file&filename=import0_1.xml", body)
			close(answered)
			c.want(got, "failure", "больше 256 МБ")
			if body.left > 0 && u.says < 0 {
				t.Errorf("%s: %d bytes were not even sent", name, body.left)
			}
		}
		c.want(c.post("type=catalog&mode=file&filename=import0_1.xml", onectest.Catalogue(onectest.SomeGoods(1), true).Body), "success", "")
		c.want(c.imported("type=catalog&filename=import0_1.xml"), "success", "Прочитано строк: 1")
	})
}

// upload sends zeros, and then waits for the answer instead of going on.
type upload struct {
	size, left int64
	answered   chan struct{}
}

func (u *upload) Read(p []byte) (int, error) {
	if u.left <= 0 {
		<-u.answered
		return 0, io.EOF
	}
	n := int(min(u.left, int64(len(p))))
	clear(p[:n])
	u.left -= int64(n)
	return n, nil
}

// TestOnecReadsOnWhileOneWaits: a long import says progress until it is done.
func TestOnecReadsOnWhileOneWaits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(func(s *orderhub.OnecSettings) { s.Products = orderhub.MasterOnec })
		unlock := w.hub.onec.alone("goods", n.ID) // somebody else's import runs
		c := w.caller(b)
		goods := []onectest.Goods{{ID: "g1", SKU: "CUP", Name: "Кружка", Barcode: "4600000000017"}}
		c.want(c.post("type=catalog&mode=file&filename=import0_1.xml", onectest.Catalogue(goods, true).Body), "success", "")
		for range 3 {
			c.want(c.get("type=catalog&mode=import&filename=import0_1.xml"), "progress", "Прочитано строк")
		}
		unlock()
		c.want(c.imported("type=catalog&filename=import0_1.xml"), "success", "Прочитано строк: 1")
		c.want(c.get("type=catalog&mode=import&filename=import0_1.xml"), "success", "")
		if list, err := w.store.ListProducts(t.Context(), store.ProductFilter{Limit: 10}); err != nil || len(list) != 1 || list[0].Name != "Кружка" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
