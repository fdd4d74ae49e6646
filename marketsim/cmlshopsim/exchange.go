package cmlshopsim

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// session is one log-in: what it was given, and the files it sends.
type session struct {
	kind  string
	given map[string]int64 // order to the change that was given
	last  map[string]int64 // by the last query alone
	files map[string][]byte
}

// fileLimit is small, so that files come in parts.
const fileLimit = 4096

// serve answers one request of the dialogue.
func (m *Market) serve(w http.ResponseWriter, r *http.Request) {
	if login, password, ok := r.BasicAuth(); !ok || login != Login || password != Password {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "failure\nНеверный логин или пароль", http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	body, err := io.ReadAll(io.LimitReader(r.Body, fileLimit+1))
	if err != nil {
		http.Error(w, "failure", http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Get("mode") == "checkauth" {
		m.last++
		id := fmt.Sprintf("s%d", m.last)
		m.sessions[id] = &session{kind: q.Get("type"), given: map[string]int64{}, files: map[string][]byte{}}
		_, _ = fmt.Fprintf(w, "success\nSHOPSESSID\n%s\nsessid=t%s", id, id)
		return
	}
	s := m.session(r)
	if s == nil || s.kind != q.Get("type") {
		_, _ = io.WriteString(w, "failure\nСессия не найдена")
		return
	}
	_, _ = io.WriteString(w, m.answer(s, q.Get("mode"), q.Get("filename"), body))
}

func (m *Market) session(r *http.Request) *session {
	c, err := r.Cookie("SHOPSESSID")
	if err != nil || r.URL.Query().Get("sessid") != "t"+c.Value {
		return nil
	}
	return m.sessions[c.Value]
}

func (m *Market) answer(s *session, mode, file string, body []byte) string {
	switch mode {
	case "init":
		clear(s.files)
		return fmt.Sprintf("zip=no\nfile_limit=%d", fileLimit)
	case "query":
		return m.query(s)
	case "success":
		for id, seq := range s.last {
			m.orders[id].taken = max(m.orders[id].taken, seq)
		}
		s.last = nil
		return "success\nСпасибо"
	case "file":
		if len(body) > fileLimit {
			return "failure\nЧасть файла больше разрешённой"
		}
		s.files[file] = append(s.files[file], body...)
		return "success"
	case "import":
		content, ok := s.files[file]
		if !ok {
			return "failure\nФайл не найден"
		}
		if s.kind == "catalog" {
			return m.takeOffers(content)
		}
		return m.takeDocuments(content)
	}
	return "failure\nНеизвестный режим"
}

// query gives the oldest changes that this log-in has not been given yet.
func (m *Market) query(s *session) string {
	var open []*order
	for _, id := range m.ids {
		if o := m.orders[id]; o.seq > o.taken && s.given[id] != o.seq {
			open = append(open, o)
		}
	}
	slices.SortFunc(open, func(a, b *order) int { return int(a.seq - b.seq) })
	s.last = map[string]int64{}
	var out strings.Builder
	fmt.Fprintf(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<КоммерческаяИнформация ВерсияСхемы=\"2.08\" ДатаФормирования=\"%s\">\n",
		time.Now().In(zone).Format("2006-01-02T15:04:05"))
	for _, o := range open[:min(len(open), m.opts.Portion)] {
		s.given[o.ID], s.last[o.ID] = o.seq, o.seq
		writeOrder(&out, o)
	}
	out.WriteString("</КоммерческаяИнформация>\n")
	return out.String()
}

func writeOrder(w io.Writer, o *order) {
	at := o.PlacedAt.In(zone)
	fmt.Fprintf(w, "<Документ><Ид>%s</Ид><Номер>A-%s</Номер><Дата>%s</Дата><ХозОперация>Заказ товара</ХозОперация><Роль>Продавец</Роль><Валюта>руб</Валюта><Курс>1</Курс><Сумма>%s</Сумма>",
		o.ID, o.ID, at.Format("2006-01-02"), roubles(o.TotalMinor))
	fmt.Fprintf(w, "<Контрагенты><Контрагент><Ид>b%s</Ид><Наименование>Нина Образцова</Наименование><ПолноеНаименование>Нина Образцова</ПолноеНаименование>"+
		"<Адрес><Представление>Выдуманск, ул. Примерная, 7</Представление></Адрес><Контакты><Контакт><Тип>Телефон рабочий</Тип><Значение>+7 900 555-01-77</Значение></Контакт></Контакты>"+
		"<Роль>Покупатель</Роль></Контрагент></Контрагенты><Время>%s</Время>", o.ID, at.Format("15:04:05"))
	if o.spec.Comment != "" {
		_, _ = io.WriteString(w, "<Комментарий>")
		_ = xml.EscapeText(w, []byte(o.spec.Comment))
		_, _ = io.WriteString(w, "</Комментарий>")
	}
	_, _ = io.WriteString(w, "<Товары>")
	for _, l := range o.spec.Lines {
		_, _ = io.WriteString(w, "<Товар><Ид>g-")
		_ = xml.EscapeText(w, []byte(l.SKU))
		_, _ = io.WriteString(w, "</Ид><Артикул>")
		_ = xml.EscapeText(w, []byte(l.SKU))
		fmt.Fprintf(w, "</Артикул><Наименование>Товар</Наименование><ЦенаЗаЕдиницу>%s</ЦенаЗаЕдиницу><Количество>%d</Количество><Сумма>%s</Сумма></Товар>",
			roubles(l.PriceMinor), l.Quantity, roubles(l.PriceMinor*l.Quantity))
	}
	status := o.Native
	fmt.Fprintf(w, "</Товары><ЗначенияРеквизитов>%s%s%s</ЗначенияРеквизитов></Документ>\n",
		requisite("Статус заказа", status), requisite("Заказ оплачен", fmt.Sprint(o.paid)), requisite("Отменен", fmt.Sprint(o.Native == wordCancelled)))
}

func requisite(name, value string) string {
	return "<ЗначениеРеквизита><Наименование>" + name + "</Наименование><Значение>" + value + "</Значение></ЗначениеРеквизита>"
}

func roubles(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

type documentsXML struct {
	Documents []struct {
		ID         string `xml:"Ид"`
		Requisites []struct {
			Name  string `xml:"Наименование"`
			Value string `xml:"Значение"`
		} `xml:"ЗначенияРеквизитов>ЗначениеРеквизита"`
	} `xml:"Документ"`
}

// takeDocuments does what 1C's documents say.
func (m *Market) takeDocuments(content []byte) string {
	var in documentsXML
	if err := xml.Unmarshal([]byte(strings.TrimPrefix(string(content), "\ufeff")), &in); err != nil {
		return "failure\nФайл не читается"
	}
	for _, d := range in.Documents {
		o := m.orders[d.ID]
		if o == nil {
			return "failure\nЗаказ не найден"
		}
		r := map[string]string{}
		for _, x := range d.Requisites {
			r[x.Name] = x.Value
		}
		if why := m.take(o, r); why != "" {
			return "failure\n" + why
		}
	}
	return "success"
}

func (m *Market) take(o *order, r map[string]string) (refused string) {
	word := r["Статус заказа"]
	if r["Отменен"] == "true" {
		word = wordCancelled
	}
	if t := r["Идентификатор отправления"]; t != "" {
		o.tracking = t
	}
	switch {
	case word == o.Native || word == "":
		return "" // heard before
	case headlines[word] == "":
		return "Неизвестный статус"
	case o.Headline.IsEnd() || headlines[word] != orderhub.StatusCancelled && headlines[word].Rank() < o.Headline.Rank():
		return "Статус заказа изменить нельзя"
	}
	m.set(o, word)
	o.Calls = append(o.Calls, marketsim.Call{At: time.Now().UTC(), To: o.Headline, What: "document"})
	return ""
}

type offersXML struct {
	Offers  []offerXML `xml:"ПакетПредложений>Предложения>Предложение"`
	Changes []offerXML `xml:"ИзмененияПакетаПредложений>Предложения>Предложение"`
}

type offerXML struct {
	ID    string `xml:"Ид"`
	Char  string `xml:"ИдХарактеристики"`
	Units int64  `xml:"Количество"`
}

// takeOffers writes figures; an article that the shop does not have is passed over,
// as engines do.
func (m *Market) takeOffers(content []byte) string {
	var in offersXML
	if err := xml.Unmarshal([]byte(strings.TrimPrefix(string(content), "\ufeff")), &in); err != nil {
		return "failure\nФайл не читается"
	}
	list := in.Offers
	if !m.opts.OldOffers {
		for _, o := range in.Changes {
			if o.Char != "" {
				o.ID += "#" + o.Char
			}
			list = append(list, o)
		}
	}
	for _, o := range list {
		sku, ok := strings.CutPrefix(o.ID, "g-")
		if _, known := m.shelves[sku]; ok && known {
			m.shelves[sku] = o.Units
		}
	}
	return "success"
}
