package ozon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The kinds of raw answers.
const (
	kindFBS    = "fbs_v4"     // an element of postings in the FBS lists
	kindFBSGet = "fbs_get_v3" // result of /v3/posting/fbs/get
	kindFBO    = "fbo_v3"     // an element of postings in /v3/posting/fbo/list
)

// Normalise translates one posting.
func (a *adapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	return normalise(kind, body)
}

func normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	if kind == kindFBSAsked || kind == kindFBSGetAsked {
		return normaliseAsked(kind, body)
	}
	if kind != kindFBS && kind != kindFBSGet && kind != kindFBO {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: kind %.40q is not known", kind)
	}
	var p posting
	if err := rest.Decode(body, &p); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: read a posting of kind %s: %w", kind, err)
	}
	if p.PostingNumber == "" {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: read a posting of kind %s: field posting_number is missing", kind)
	}
	n := &notes{}
	s := orderhub.Snapshot{
		ExternalID:     string(p.PostingNumber),
		ExternalNumber: string(p.PostingNumber),
		GroupKey:       string(p.OrderNumber),
		ParentID:       string(p.ParentPostingNumber),
		Native:         string(p.Status),
		NativeSub:      string(p.Substatus),
		PlacedAt:       n.time("in_process_at", p.InProcessAt),
		ShipBy:         n.time("shipment_date", p.ShipmentDate),
		Actions:        p.AvailableActions.strings(),
	}
	if kind == kindFBO {
		s.Scheme, s.ReadOnly = orderhub.SchemeFBO, true
	} else {
		s.Scheme = n.scheme(&p)
	}
	s.Status = n.status(s.Scheme, &p)
	s.Holds = holds(s.Native, s.NativeSub)
	s.Cancellation = n.cancellation(&p, s.Status)
	if p.ExternalOrder.v.IsExternal == "true" {
		s.SiteOrderID = string(p.OrderNumber)
	}
	if err := n.goods(&s, &p); err != nil {
		return orderhub.Snapshot{}, fmt.Errorf("ozon: read a posting of kind %s: %w", kind, err)
	}
	s.Requires = requires(p.Requirements)
	s.Customer, s.Comment = buyer(s.Scheme, &p)
	s.Shipping = n.shipping(s.Scheme, &p)
	s.Attrs = attrs(&p)
	n.oddParts(&p)
	s.Drift, s.Discrepancies = n.drift, n.discrepancies
	return s, nil
}

// notes collects what is strange about a posting without being a reason to
// refuse it.
type notes struct {
	drift         []orderhub.Drift
	discrepancies []string
}

func (n *notes) unknown(field string, word text) {
	if len(word) > 60 {
		word = text(strings.ToValidUTF8(string(word[:60]), "")) + "…"
	}
	n.drift = append(n.drift, orderhub.Drift{Field: field, Word: string(word)})
}

// time reads a moment; 9999-12-31 is Ozon's "no deadline".
func (n *notes) time(field string, t text) time.Time {
	if t == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil {
		n.unknown(field, t)
		return time.Time{}
	}
	if at = at.UTC(); at.Year() >= 9999 || at.Year() <= 1 {
		return time.Time{}
	}
	return at
}

// scheme tells who delivers: FBS is Ozon's own delivery, rFBS everything else.
func (n *notes) scheme(p *posting) orderhub.Scheme {
	field, word := "tpl_integration_type", p.TplIntegrationType
	if word == "" {
		field, word = "integration_type_flow", p.IntegrationTypeFlow
	}
	switch word {
	case "", "ozon", "FBP":
		return orderhub.SchemeFBS
	case "non_integrated", "3pl_tracking", "aggregator", "hybryd", "hybrid",
		"hybrid_aggregator", "hybrid_non_integrated", "hybrid_3pl_tracking", "click_and_collect":
		return orderhub.SchemeRFBS
	default:
		n.unknown(field, word)
		return orderhub.SchemeFBS
	}
}

func (n *notes) status(scheme orderhub.Scheme, p *posting) orderhub.Status {
	if p.Substatus != "" && !substatuses[string(p.Substatus)] {
		n.unknown("substatus", p.Substatus)
	}
	status, ok := statuses.Lookup(scheme, string(p.Status), string(p.Substatus))
	if !ok {
		n.unknown("status", p.Status)
	}
	return status
}

// cancellation tells who cancelled. cancelled_after_ship means "after the
// assembly", not after the hand-over: only with a delivering_date had the goods
// left the seller.
func (n *notes) cancellation(p *posting, status orderhub.Status) *orderhub.Cancellation {
	if status != orderhub.StatusCancelled {
		return nil
	}
	if p.Status == "cancelled_from_split_pending" {
		return &orderhub.Cancellation{By: orderhub.CancelBySplit}
	}
	c := p.Cancellation.v
	out := &orderhub.Cancellation{
		By:            n.party(c),
		Reason:        string(c.Reason),
		AfterHandOver: c.AfterShip == "true" && p.DeliveringDate != "",
	}
	if id := cmp.Or(c.ReasonID, p.CancelReasonID); id != "0" {
		out.ReasonCode = string(id)
	}
	return out
}

func (n *notes) party(c cancellation) orderhub.CancelParty {
	switch c.Type {
	case "seller":
		return orderhub.CancelBySeller
	case "client", "customer":
		return orderhub.CancelByBuyer
	case "ozon":
		return orderhub.CancelByChannel
	case "system":
		return orderhub.CancelBySystem
	case "delivery":
		return orderhub.CancelByCarrier
	case "":
	default:
		n.unknown("cancellation.cancellation_type", c.Type)
	}
	switch strings.ToLower(string(c.Initiator)) {
	case "продавец":
		return orderhub.CancelBySeller
	case "клиент", "покупатель":
		return orderhub.CancelByBuyer
	case "ozon":
		return orderhub.CancelByChannel
	case "система":
		return orderhub.CancelBySystem
	case "служба доставки":
		return orderhub.CancelByCarrier
	default:
		return ""
	}
}

// goods reads the lines and checks the prices against the financial data.
// It is the one part that must be readable: an order whose goods are unclear is
// quarantined, not imported empty.
func (n *notes) goods(s *orderhub.Snapshot, p *posting) error {
	if p.Products.odd {
		return errors.New("field products: want a list of goods")
	}
	for i, in := range p.Products.v {
		quantity, err := strconv.ParseInt(string(in.Quantity), 10, 64)
		if err != nil || quantity < 0 {
			return fmt.Errorf("field products[%d].quantity: want a count", i)
		}
		line := orderhub.Line{
			SKU: string(in.OfferID), ListingKey: string(in.SKU), Name: string(in.Name), Quantity: quantity,
		}
		line.UnitPrice = n.money(fmt.Sprintf("products[%d].price", i), in.Price, in.CurrencyCode)
		if line.Total, err = line.UnitPrice.Times(quantity); err != nil {
			n.differ("line %d: %s", i+1, err)
			line.Total = orderhub.Money{}
		}
		s.Lines = append(s.Lines, line)
	}
	for i, l := range s.Lines {
		total, err := s.Total.Add(l.Total)
		if err != nil {
			n.differ("line %d: the total cannot be summed: %s", i+1, err)
			s.Total = orderhub.Money{}
			break
		}
		s.Total = total
	}
	n.compare(s.Lines, p.FinancialData.v.Products.v)
	return nil
}

func (n *notes) differ(format string, args ...any) {
	n.discrepancies = append(n.discrepancies, fmt.Sprintf(format, args...))
}

// money reads an amount. What cannot be read is no amount, never a guess.
func (n *notes) money(field string, a amount, currency text) orderhub.Money {
	if a.value == "" {
		return orderhub.Money{}
	}
	currency = cmp.Or(a.currency, currency)
	m, err := orderhub.ParseMoney(string(a.value), string(currency))
	if err == nil {
		return m
	}
	if m, err = orderhub.RoundMoney(string(a.value), string(currency)); err == nil {
		n.differ("%s: %.40s %s rounded to %s", field, a.value, currency, m)
		return m
	}
	n.unknown(field, text(strings.TrimSpace(string(a.value+" "+currency))))
	return orderhub.Money{}
}

// compare holds price × quantity of the lines against financial_data. Prices of
// 0 there are "not computed yet".
func (n *notes) compare(lines []orderhub.Line, rows []financialProduct) {
	for i, l := range lines {
		at := slices.IndexFunc(rows, func(r financialProduct) bool { return l.ListingKey != "" && string(r.ProductID) == l.ListingKey })
		if at < 0 || l.UnitPrice.IsZero() {
			continue
		}
		row := rows[at]
		if row.CurrencyCode != "" && string(row.CurrencyCode) != l.UnitPrice.Currency {
			continue
		}
		price, err := orderhub.RoundMoney(string(row.Price.value), l.UnitPrice.Currency)
		if err != nil || price.Minor == 0 {
			continue
		}
		quantity := l.Quantity
		if q, err := strconv.ParseInt(string(row.Quantity), 10, 64); err == nil && q > 0 {
			quantity = q
		}
		total, err := price.Times(quantity)
		if err == nil && total != l.Total {
			n.differ("line %d (sku %.20s): products say %s for all units, financial_data says %s", i+1, l.ListingKey, l.Total, total)
		}
	}
}

// requires lists "mandatory_mark:1550012345": what is missing for which SKU.
// Not nil when Ozon told of requirements and there are none: they are cleared.
func requires(r loose[requirements]) []string {
	if !r.given {
		return nil
	}
	out := []string{}
	for key, skus := range r.v {
		for _, sku := range skus {
			out = append(out, strings.TrimPrefix(key, "products_requiring_")+":"+string(sku))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// buyer reads the buyer's data where the seller delivers, and a company's
// requisites, which the papers need, everywhere. No other personal data is kept.
func buyer(scheme orderhub.Scheme, p *posting) (orderhub.Customer, string) {
	legal := p.LegalInfo.v
	c := orderhub.Customer{Company: string(legal.CompanyName), INN: string(legal.INN), KPP: string(legal.KPP)}
	if scheme != orderhub.SchemeRFBS {
		return c, ""
	}
	c.Name = string(cmp.Or(p.Addressee.v.Name, p.Customer.v.Name))
	c.Phone = string(cmp.Or(p.Customer.v.Phone, p.Addressee.v.Phone))
	c.ProxyPhone = c.Phone != ""
	if id := string(p.Customer.v.ID); id != "0" {
		c.ID = id
	}
	return c, string(p.Customer.v.Address.v.Comment)
}

func (n *notes) shipping(scheme orderhub.Scheme, p *posting) orderhub.Shipping {
	m, an := p.DeliveryMethod.v, p.AnalyticsData.v
	out := orderhub.Shipping{
		Method: string(m.Name), Carrier: string(m.TplProvider), City: string(an.City),
		Tracking:    string(p.TrackingNumber),
		Warehouse:   string(cmp.Or(m.Warehouse, an.WarehouseName)),
		DeliverFrom: n.time("analytics_data.delivery_date_begin", an.DeliveryBegin),
		DeliverTo:   n.time("analytics_data.delivery_date_end", an.DeliveryEnd),
	}
	if scheme == orderhub.SchemeRFBS {
		to := p.Customer.v.Address.v
		var parts []string
		for _, part := range []text{to.ZipCode, to.Region, to.City, to.AddressTail} {
			if part != "" && !slices.Contains(parts, string(part)) {
				parts = append(parts, string(part))
			}
		}
		out.Address = strings.Join(parts, ", ")
		out.City = string(cmp.Or(to.City, an.City))
	}
	return out
}

// attrs keeps what later calls need and the snapshot has no field for.
func attrs(p *posting) map[string]string {
	out := map[string]string{}
	for key, v := range map[string]text{
		"tpl_integration_type":  p.TplIntegrationType,
		"integration_type_flow": p.IntegrationTypeFlow,
		"warehouse_id":          p.DeliveryMethod.v.WarehouseID,
		"delivery_method_id":    p.DeliveryMethod.v.ID,
		// The extension that is dialled after the proxy phone; only get has it.
		"phone_pin": p.Addressee.v.Pin,
	} {
		if v != "" && v != "0" {
			out[key] = string(v)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// oddParts reports optional parts whose shape was not understood.
func (n *notes) oddParts(p *posting) {
	for _, part := range []struct {
		field string
		odd   bool
	}{
		{"delivery_method", p.DeliveryMethod.odd},
		{"requirements", p.Requirements.odd},
		{"cancellation", p.Cancellation.odd},
		{"customer", p.Customer.odd || p.Customer.v.Address.odd},
		{"addressee", p.Addressee.odd},
		{"analytics_data", p.AnalyticsData.odd},
		{"financial_data", p.FinancialData.odd || p.FinancialData.v.Products.odd},
		{"legal_info", p.LegalInfo.odd},
		{"external_order", p.ExternalOrder.odd},
	} {
		if part.odd {
			n.unknown(part.field, "another shape than documented")
		}
	}
}

// strings keeps the difference between "not told" (nil) and "none".
func (t texts) strings() []string {
	if t == nil {
		return nil
	}
	out := make([]string, 0, len(t))
	for _, w := range t {
		out = append(out, string(w))
	}
	return out
}

// externalID reads only the key, for the inbox; "" when even that fails.
func externalID(body json.RawMessage) string {
	var key struct {
		PostingNumber text `json:"posting_number"`
	}
	if json.Unmarshal(body, &key) != nil {
		return ""
	}
	return string(key.PostingNumber)
}
