package cmlshop

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/onec/cml"
)

// kindOrder is the kind of the items: one «Документ», element by element.
const kindOrder = "cml_order"

// maxDocuments caps one file.
const maxDocuments = 20_000

// deliveryID is the row that engines use for the price of delivery.
const deliveryID = "ORDER_DELIVERY"

// readFile takes the orders out of a file. Payments and shipments that come as
// documents of their own are left out: the order's document says paid and shipped.
func readFile(file []byte) ([]channel.Item, error) {
	r, err := opened(file)
	if err != nil {
		return nil, err
	}
	var out []channel.Item
	err = cml.Read(r, cml.Handler{Raw: func(n cml.Node) error {
		if kind := n.Text("ХозОперация"); kind != "" && !strings.EqualFold(kind, "Заказ товара") {
			return nil
		}
		if len(out) >= maxDocuments {
			return orderhub.Errorf(orderhub.CodeInvalid, "more than %d orders in one file", maxDocuments)
		}
		body, err := json.Marshal(n)
		if err != nil {
			return orderhub.Errorf(orderhub.CodeInvalid, "an order cannot be kept")
		}
		out = append(out, channel.Item{Kind: kindOrder, ExternalID: externalID(n), Body: body})
		return nil
	}})
	return out, err
}

// opened looks into an archive: a shop may answer with a zip of exactly one file.
func opened(file []byte) (io.Reader, error) {
	if !bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		return bytes.NewReader(file), nil
	}
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(z.File) != 1 {
		return nil, orderhub.Errorf(orderhub.CodeInvalid, "the archive is not one file of orders")
	}
	f, err := z.File[0].Open()
	if err != nil {
		return nil, orderhub.Errorf(orderhub.CodeInvalid, "the archive cannot be read")
	}
	return io.LimitReader(f, maxFile), nil
}

// externalID is the shop's id of an order; modules that give none give a number.
func externalID(n cml.Node) string {
	if id := n.Text("Ид"); id != "" {
		return id
	}
	return n.Text("Номер")
}

// Normalise translates one document.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	if kind != kindOrder {
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "cml_shop: no such kind of answer: %.40q", kind)
	}
	n, err := cml.ParseNode(body)
	if err != nil {
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeInvalid, "cml_shop: the document cannot be read")
	}
	s := orderhub.Snapshot{
		ExternalID: externalID(n), ExternalNumber: n.Text("Номер"), Scheme: orderhub.SchemeSite, Comment: n.Text("Комментарий"),
	}
	if s.ExternalID == "" {
		return s, orderhub.InvalidField("Ид", "is missing, and so is Номер; an order needs one of them")
	}
	r := n.Requisites()
	a.readStatus(r, n, &s)
	readBuyer(n, r, &s)
	a.readTimes(n, r, &s)
	return s, readLines(n, &s)
}

// The requisites in the spellings of engines and modules.
func requisite(r map[string]string, names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(r[name]); v != "" {
			return v
		}
	}
	return ""
}

func isTrue(v string) bool {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "true", "1", "y", "да", "истина":
		return true
	}
	return false
}

// readStatus: the flag «Отменен» stands above the status, and the status's id
// above its name.
func (a *adapter) readStatus(r map[string]string, n cml.Node, s *orderhub.Snapshot) {
	word := requisite(r, "Статуса заказа ИД", "Статус заказа ИД", "Статус заказа", "Статус")
	if id, name, ok := strings.Cut(strings.TrimPrefix(word, "["), "] "); ok && strings.HasPrefix(word, "[") {
		word = id // 1C-Bitrix writes "[N] Принят"
		if _, known := a.translate(id); !known {
			word = name
		}
	}
	if name := requisite(r, "Статус заказа"); word != name && name != "" {
		s.NativeSub = name
	}
	switch {
	case isTrue(r["Отменен"]) || isTrue(n.Text("ПометкаУдаления")):
		s.Native, s.NativeSub = wordCancelled, word
	case word == "":
		s.Native = wordNone
	default:
		s.Native = word
	}
	status, known := a.translate(s.Native)
	s.Status = status
	if !known {
		s.Drift = append(s.Drift, orderhub.Drift{Field: "Статус заказа", Word: s.Native})
	}
	if s.Status == orderhub.StatusCancelled {
		// Engines do not tell who it was.
		s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelByChannel, Reason: requisite(r, "Причина отмены")}
	}
	if v, told := r["Заказ оплачен"]; told || requisite(r, "Дата оплаты", "Оплачен") != "" {
		s.Payment = orderhub.PaymentUnpaid
		if isTrue(v) || isTrue(r["Оплачен"]) || requisite(r, "Дата оплаты") != "" {
			s.Payment = orderhub.PaymentPaid
		}
	}
}

// readBuyer reads the first counterparty and what the engines put into requisites.
func readBuyer(n cml.Node, r map[string]string, s *orderhub.Snapshot) {
	s.Shipping.Method = requisite(r, "Способ доставки", "Метод доставки")
	s.Shipping.Tracking = requisite(r, "Трек-номер", "Идентификатор отправления")
	s.Shipping.Address = requisite(r, "Адрес доставки")
	parties := n.All("Контрагенты", "Контрагент")
	if len(parties) == 0 {
		return
	}
	p := parties[0]
	c := &s.Customer
	c.Name = firstOf(p.Text("ПолноеНаименование"), strings.TrimSpace(p.Text("Имя")+" "+p.Text("Фамилия")), p.Text("Наименование"))
	if official := p.Text("ОфициальноеНаименование"); official != "" {
		c.Company, c.INN, c.KPP = official, p.Text("ИНН"), p.Text("КПП")
		c.Name = p.Text("Наименование")
	}
	contacts := p.All("Контакты", "Контакт")
	for _, rep := range p.All("Представители", "Представитель", "Контрагент") {
		contacts = append(contacts, rep.All("Контакты", "Контакт")...)
	}
	for _, x := range contacts {
		value := x.Text("Значение")
		kind := strings.ToLower(firstOf(x.Text("Тип"), x.Text("КонтактВид")))
		switch {
		case c.Email == "" && (strings.Contains(kind, "почта") || strings.Contains(value, "@")):
			c.Email = value
		case c.Phone == "" && (strings.Contains(kind, "телефон")):
			c.Phone = value
		}
	}
	for _, where := range []string{"Адрес", "АдресРегистрации"} {
		address := n.All("Контрагенты", "Контрагент", where)
		if len(address) == 0 {
			continue
		}
		if s.Shipping.Address == "" {
			s.Shipping.Address = address[0].Text("Представление")
		}
		for _, part := range address[0].All("АдресноеПоле") {
			if t := part.Text("Тип"); s.Shipping.City == "" && (t == "Город" || t == "Населенный пункт") {
				s.Shipping.City = part.Text("Значение")
			}
		}
	}
}

func firstOf(list ...string) string {
	for _, v := range list {
		if v != "" {
			return v
		}
	}
	return ""
}

// readTimes: files carry the shop's local time. Of a change only some engines tell.
func (a *adapter) readTimes(n cml.Node, r map[string]string, s *orderhub.Snapshot) {
	s.PlacedAt = a.moment(strings.TrimSpace(n.Text("Дата") + " " + n.Text("Время")))
	s.ChangedAt = a.moment(requisite(r, "Дата изменения", "Дата изменения заказа"))
	s.ShipBy = a.moment(requisite(r, "Дата отгрузки"))
}

func (a *adapter) moment(text string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "02.01.2006 15:04:05", "2006-01-02", "02.01.2006"} {
		if t, err := time.ParseInLocation(layout, text, a.zone); err == nil && t.Year() > 1999 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// readLines reads the rows. The sum of a row is its truth, as it is 1C's.
func readLines(n cml.Node, s *orderhub.Snapshot) error {
	cur := cml.Currency(n.Text("Валюта"))
	if _, err := orderhub.ParseCurrency(cur); err != nil {
		return orderhub.InvalidField("Валюта", "is not a currency; allowed: руб or ISO 4217, like RUB")
	}
	sum := orderhub.Money{Currency: cur}
	for i, row := range n.All("Товары", "Товар") {
		l, service, err := readLine(row, cur, i, s)
		if err != nil {
			return err
		}
		if service && (l.ListingKey == deliveryID || strings.EqualFold(l.Name, "Доставка")) {
			s.Shipping.Price = l.Total
			continue
		}
		if sum, err = sum.Add(l.Total); err != nil {
			return orderhub.InvalidField("Товары", "cost more together than can be counted")
		}
		s.Lines = append(s.Lines, l)
	}
	if sum.Minor != 0 {
		s.Total = sum
	}
	return checkTotal(n, sum, s)
}

func checkTotal(n cml.Node, sum orderhub.Money, s *orderhub.Snapshot) error {
	total, err := cml.Amount(n.Text("Сумма"), sum.Currency)
	switch {
	case err != nil:
		return orderhub.InvalidField("Сумма", "is no amount")
	case total.Minor != 0 && total.Minor != sum.Minor && total.Minor != sum.Minor+s.Shipping.Price.Minor:
		s.Discrepancies = append(s.Discrepancies, fmt.Sprintf("total: rows %s and delivery %s are not %s",
			sum.Decimal(), orderhub.Money{Minor: s.Shipping.Price.Minor, Currency: sum.Currency}.Decimal(), total.Decimal()))
	}
	return nil
}

func readLine(row cml.Node, cur string, i int, s *orderhub.Snapshot) (l orderhub.Line, service bool, err error) {
	at := fmt.Sprintf("Товар[%d]", i+1)
	l = orderhub.Line{ListingKey: row.Text("Ид"), SKU: row.Text("Артикул"), Name: row.Text("Наименование")}
	if l.SKU == "" {
		l.SKU = l.ListingKey
	}
	if b := row.Text("Штрихкод"); b != "" {
		l.Barcodes = []string{b}
	}
	var fraction bool
	if l.Quantity, fraction, err = cml.Units(row.Text("Количество")); err != nil || l.Quantity < 0 {
		return l, false, orderhub.InvalidField(at+".Количество", "is no quantity; allowed: numbers from 0 to 1000000")
	}
	if fraction {
		l.Quantity++ // goods must be there for a part of a unit too
		s.Discrepancies = append(s.Discrepancies, at+": a part of a unit counts as a whole one")
	}
	if l.UnitPrice, err = cml.Amount(row.Text("ЦенаЗаЕдиницу"), cur); err != nil {
		return l, false, orderhub.InvalidField(at+".ЦенаЗаЕдиницу", "is no amount")
	}
	if l.Total, err = cml.Amount(row.Text("Сумма"), cur); err != nil {
		return l, false, orderhub.InvalidField(at+".Сумма", "is no amount")
	}
	if err = beside(row, &l, at); err != nil {
		return l, false, err
	}
	derive(&l)
	for _, rate := range append(row.All("СтавкиНалогов", "СтавкаНалога"), row.All("Налоги", "Налог")...) {
		if l.VAT == "" && strings.EqualFold(rate.Text("Наименование"), "НДС") {
			l.VAT, _, _ = strings.Cut(rate.Text("Ставка"), ".")
		}
	}
	kind := row.Requisites()["ТипНоменклатуры"]
	return l, strings.EqualFold(kind, "Услуга") || l.ListingKey == deliveryID, nil
}

// beside lays discounts and taxes over the sum of a row that say that it is without
// them («УчтеноВСумме» false).
func beside(row cml.Node, l *orderhub.Line, at string) error {
	add := func(list []cml.Node, field string, sign int64) error {
		for _, x := range list {
			if v := strings.TrimSpace(x.Text("УчтеноВСумме")); !strings.EqualFold(v, "false") && v != "0" || l.Total.IsZero() {
				continue
			}
			m, err := cml.Amount(x.Text("Сумма"), l.Total.Currency)
			if err != nil || m.Minor < 0 {
				return orderhub.InvalidField(at+"."+field, "is no amount")
			}
			if l.Total, err = l.Total.Add(orderhub.Money{Minor: sign * m.Minor, Currency: l.Total.Currency}); err != nil || l.Total.Minor < 0 {
				return orderhub.InvalidField(at+"."+field, "is more than the row comes to")
			}
		}
		return nil
	}
	if err := add(row.All("Скидки", "Скидка"), "Скидки", -1); err != nil {
		return err
	}
	return add(row.All("Налоги", "Налог"), "Налоги", 1)
}

// derive fills in the one of price and sum that is missing. They may differ by a
// discount: the sum is what counts.
func derive(l *orderhub.Line) {
	switch {
	case l.Total.IsZero() && !l.UnitPrice.IsZero():
		if total, err := l.UnitPrice.Times(l.Quantity); err == nil {
			l.Total = total
		}
	case l.UnitPrice.IsZero() && !l.Total.IsZero() && l.Quantity > 0:
		l.UnitPrice = orderhub.Money{Minor: (l.Total.Minor + l.Quantity/2) / l.Quantity, Currency: l.Total.Currency}
	}
}
