package wbsim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// card is an article in the seller's catalogue. It has one size.
type card struct {
	article article
	title   string
	marked  bool      // a labelling code is required
	updated time.Time // as the list is ordered
	offered time.Time // for stale replicas
}

var _ marketsim.Stocked = (*Market)(nil)

// Offer implements marketsim.Stocked. With a catalogue, figures for sizes that
// are not in it are refused.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// All cards of one call changed at the same moment, and later than those of
	// the call before: a reader behind that one's end misses nothing.
	now := m.now()
	at := now.Truncate(time.Microsecond)
	if n := len(m.cards); n > 0 && !at.After(m.cards[n-1].updated) {
		at = m.cards[n-1].updated.Add(time.Microsecond)
	}
	first := len(m.cards)
	for _, p := range goods {
		if m.goods[p.SKU] != nil || p.SKU == "" {
			continue
		}
		c := &card{article: m.free(newArticle(p.SKU)), title: p.Name, marked: len(m.opts.Traits(p.SKU).RequiredMeta) > 0, updated: at, offered: now}
		m.goods[p.SKU], m.chrts[c.article.chrtID], m.nms[c.article.nmID] = c, true, true
		m.cards = append(m.cards, c)
	}
	slices.SortFunc(m.cards[first:], func(a, b *card) int { return cmp.Compare(a.article.nmID, b.article.nmID) })
}

// free moves an article to numbers that no other has: among tens of thousands
// two hashes meet. The lock must be held.
func (m *Market) free(a article) article {
	for m.chrts[a.chrtID] {
		a.chrtID++
	}
	for m.nms[a.nmID] {
		a.nmID++
	}
	return a
}

// articleOf is the identity of an article, in the catalogue or not. The lock
// must be held.
func (m *Market) articleOf(sku string) article {
	if c := m.goods[sku]; c != nil {
		return c.article
	}
	return newArticle(sku)
}

// OnlyPublished implements marketsim.Stocked. Every article sells from the main
// warehouse then, whatever its traits and the scheme.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onlyPublished = on
}

// Published implements marketsim.Stocked: the figure of the main warehouse. A
// cancelled order does not raise it.
func (m *Market) Published(sku string) int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.published(sku)
}

func (m *Market) published(sku string) int64 {
	if h := m.stocks[stockKey{MainWarehouse, m.articleOf(sku).chrtID}]; h != nil {
		return h.Now()
	}
	return 0
}

// available refuses a basket that asks for more than is published. The lock must
// be held until the basket is ordered.
func (m *Market) available(lines []marketsim.SpecLine) error {
	if !m.onlyPublished {
		return nil
	}
	wanted := map[string]int64{}
	for _, l := range lines {
		wanted[l.SKU] += l.Quantity
	}
	for _, l := range lines {
		if left := m.published(l.SKU); wanted[l.SKU] > left {
			return fmt.Errorf("article %s: %d wanted, %d published: %w", l.SKU, wanted[l.SKU], left, marketsim.ErrSoldOut)
		}
	}
	return nil
}

type cardWire struct {
	Photos          []cardPhoto    `json:"photos,omitempty"`
	NmID            int64          `json:"nmID"`
	ImtID           int64          `json:"imtID"`
	SubjectID       int64          `json:"subjectID"`
	SubjectName     string         `json:"subjectName"`
	VendorCode      string         `json:"vendorCode"`
	Brand           string         `json:"brand"`
	Title           string         `json:"title"`
	Description     string         `json:"description"`
	NeedKiz         bool           `json:"needKiz"`
	KizMarked       bool           `json:"kizMarked"`
	Dimensions      cardDimensions `json:"dimensions"`
	Characteristics []any          `json:"characteristics"`
	Sizes           []cardSize     `json:"sizes"`
	CreatedAt       time.Time      `json:"createdAt"`
	UpdatedAt       time.Time      `json:"updatedAt"`
}

type cardDimensions struct {
	Length       int     `json:"length"`
	Width        int     `json:"width"`
	Height       int     `json:"height"`
	WeightBrutto float64 `json:"weightBrutto"`
	IsValid      bool    `json:"isValid"`
}

type cardSize struct {
	ChrtID   int64    `json:"chrtID"`
	TechSize string   `json:"techSize"`
	WbSize   string   `json:"wbSize"`
	SKUs     []string `json:"skus"`
}

// cardPhoto is one picture in five sizes.
type cardPhoto struct {
	Big    string `json:"big"`
	C246   string `json:"c246x328"`
	C516   string `json:"c516x688"`
	Square string `json:"square"`
	Tm     string `json:"tm"`
}

type cardCursor struct {
	UpdatedAt time.Time `json:"updatedAt"`
	NmID      int64     `json:"nmID"`
	Total     int       `json:"total"`
}

func (c *card) wire(pictures []string) cardWire {
	var photos []cardPhoto
	for _, p := range pictures {
		photos = append(photos, cardPhoto{Big: p, C246: p, C516: p, Square: p, Tm: p})
	}
	return cardWire{
		Photos: photos,
		NmID:   c.article.nmID, ImtID: c.article.nmID, SubjectID: 771, SubjectName: "Товары для дома", VendorCode: c.article.name,
		Brand: "Simulated", Title: c.title, NeedKiz: c.marked,
		Dimensions:      cardDimensions{Length: 20, Width: 15, Height: 10, WeightBrutto: 0.4, IsValid: true},
		Characteristics: []any{},
		Sizes:           []cardSize{{ChrtID: c.article.chrtID, TechSize: "0", SKUs: []string{c.article.barcode}}},
		CreatedAt:       c.updated, UpdatedAt: c.updated,
	}
}

// maxCards is the largest page of cards, usualCards the one without a limit.
const (
	maxCards   = 100
	usualCards = 10
)

// cardsRequest is the body of the list of cards; of the filters only textSearch
// is simulated (no card has a photo to filter by).
type cardsRequest struct {
	Settings struct {
		Sort struct {
			Ascending bool `json:"ascending"`
		} `json:"sort"`
		Filter struct {
			TextSearch string `json:"textSearch"`
		} `json:"filter"`
		Cursor struct {
			Limit     *int   `json:"limit"`
			UpdatedAt string `json:"updatedAt"`
			NmID      int64  `json:"nmID"`
		} `json:"cursor"`
	} `json:"settings"`
}

// listCards is POST /content/v2/get/cards/list: the cards behind the cursor, by
// time of change and number.
func (m *Market) listCards(c *call) *reply {
	var body cardsRequest
	if !c.body(&body) {
		return contentError(http.StatusBadRequest, "Request body can not be decoded")
	}
	limit := usualCards
	if l := body.Settings.Cursor.Limit; l != nil {
		limit = *l
	}
	if limit < 1 || limit > maxCards {
		return contentError(http.StatusBadRequest, "Invalid limit, the maximum is "+strconv.Itoa(maxCards))
	}
	from, err := cardPlace(body.Settings.Cursor.UpdatedAt, body.Settings.Cursor.NmID)
	if err != nil {
		return contentError(http.StatusBadRequest, "Invalid cursor.updatedAt")
	}
	t := c.asOf()
	m.pictures.Seen(c.r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := m.cardsFrom(from, body.Settings.Sort.Ascending)
	out := []cardWire{}
	for _, card := range found {
		if len(out) == limit {
			break
		}
		if !card.offered.After(t) && card.matches(body.Settings.Filter.TextSearch) {
			out = append(out, card.wire(m.pictures.Of(card.article.name)))
		}
	}
	// An empty page gives the cursor back.
	next := cardCursor{Total: len(out)}
	if from != nil {
		next.UpdatedAt, next.NmID = from.updated, from.article.nmID
	}
	if n := len(out); n > 0 {
		next.UpdatedAt, next.NmID = out[n-1].UpdatedAt, out[n-1].NmID
	}
	return answer(http.StatusOK, map[string]any{"cards": out, "cursor": next})
}

// cardPlace makes a place in the list of a cursor; nil = the beginning.
func cardPlace(updatedAt string, nmID int64) (*card, error) {
	if updatedAt == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, updatedAt)
	if err != nil {
		return nil, err
	}
	return &card{updated: at, article: article{nmID: nmID}}, nil
}

// cardsFrom lists the cards behind a place, in the wanted order. The lock must
// be held.
func (m *Market) cardsFrom(from *card, ascending bool) []*card {
	if ascending {
		if from == nil {
			return m.cards
		}
		return m.cards[sort.Search(len(m.cards), func(i int) bool { return from.before(m.cards[i]) }):]
	}
	before := m.cards
	if from != nil {
		before = m.cards[:sort.Search(len(m.cards), func(i int) bool { return !m.cards[i].before(from) })]
	}
	out := slices.Clone(before)
	slices.Reverse(out)
	return out
}

// before is the order of the list: by time of change, then by number.
func (c *card) before(other *card) bool {
	if !c.updated.Equal(other.updated) {
		return c.updated.Before(other.updated)
	}
	return c.article.nmID < other.article.nmID
}

// matches is textSearch: the seller's article, the number or the barcode.
func (c *card) matches(text string) bool {
	return text == "" || strings.EqualFold(text, c.article.name) || text == c.article.barcode || text == strconv.FormatInt(c.article.nmID, 10)
}
