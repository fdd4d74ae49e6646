package pipeline

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

const (
	// homeRegion is whose numbers are written without a country.
	homeRegion = "RU"
	// maxShared is how many buyers may have one phone or e-mail. What more have is
	// nobody's: the shop's own number, typed in for all who gave none.
	maxShared = 10
	// maxNames caps the words of a name that are kept.
	maxNames = 6
)

// personOf normalises what an order tells of its buyer. Only what the channel's
// table calls real counts: a marketplace's substitute number is none of his.
func personOf(channelTells channel.Buyers, account string, c orderhub.Customer) (p orderhub.Person) {
	if channelTells.Phone == channel.ContactReal && !c.ProxyPhone {
		p.Phone = normalPhone(c.Phone)
	}
	if channelTells.Email == channel.ContactReal {
		p.Email = normalEmail(c.Email)
	}
	if channelTells.ID && c.ID != "" {
		p.Buyer = account + ":" + oneLine.Replace(clean(c.ID))
	}
	if channelTells.Name != channel.ContactReal || strings.Contains(c.Name, "*") {
		return p
	}
	p.Shown = oneLine.Replace(clean(strings.TrimSpace(c.Name)))
	p.Names = nameWords(p.Shown)
	return p
}

// personIn is personOf for an order of the ledger.
func (h *Hub) personIn(o *orderhub.Order) orderhub.Person {
	return personOf(h.channels[o.Channel].Descriptor.Buyers, o.AccountID, o.Snapshot.Customer)
}

// normalPhone writes a phone as +79001234567; "" when it is no number of a person:
// wrong, masked, with an extension, free of charge, or a row of equal digits.
func normalPhone(phone string) string {
	if len(phone) < 7 || len(phone) > 40 || strings.Contains(phone, "*") {
		return ""
	}
	n, err := phonenumbers.Parse(phone, homeRegion)
	if err != nil || n.GetExtension() != "" || !phonenumbers.IsValidNumber(n) {
		return ""
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.PERSONAL_NUMBER, phonenumbers.VOIP:
	case phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.PAGER, phonenumbers.UAN,
		phonenumbers.VOICEMAIL, phonenumbers.UNKNOWN:
		return ""
	}
	out := phonenumbers.Format(n, phonenumbers.E164)
	tail := out[max(1, len(out)-7):]
	if strings.Count(tail, tail[:1]) == len(tail) {
		return ""
	}
	return out
}

// normalEmail writes an address in lower case; "" when it is none.
func normalEmail(email string) string {
	email = strings.ToLower(strings.TrimSpace(email))
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || !strings.Contains(strings.Trim(domain, "."), ".") || len(email) > 200 || strings.Contains(email, "*") ||
		strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) || strings.Contains(domain, "@") {
		return ""
	}
	return email
}

// nameWords are the words of a name, lower case, ё as е, without points.
func nameWords(name string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ReplaceAll(strings.ToLower(name), "ё", "е"), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '\''
	}) {
		if len(w) <= 64 && len(out) < maxNames && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// seeker is an order whose buyer is looked for.
type seeker struct {
	order  *orderhub.Order
	person orderhub.Person
}

// seekerOf gives the order of which a card is to be found; false when nothing
// identifies its buyer, or another order stands for it.
func seekerOf(o *orderhub.Order, p orderhub.Person) (seeker, bool) {
	return seeker{o, p}, p.Identified() && o.ErasedAt.IsZero() && o.Snapshot.SiteOrderID == ""
}

// deck is the cards among which buyers are looked for, and what becomes of them.
type deck struct {
	tx    *store.Tx
	byKey map[orderhub.Key][]*pile

	fresh   []*orderhub.Card
	placed  map[*orderhub.Order]*orderhub.Card
	added   map[*orderhub.Card][]orderhub.Key
	byID    map[int64][]orderhub.Key // words for cards that are not at hand
	merges  []autoMerge
	suggest []autoSuggestion
}

// pile is a tree of cards.
type pile struct {
	root  *orderhub.Card
	cards []*orderhub.Card
	keys  []orderhub.Key
	into  *pile // merged in this very batch
}

type autoMerge struct {
	winner, loser *pile
	order         *orderhub.Order
}

type autoSuggestion struct {
	a, b   *orderhub.Card // a nil: the card of the order
	like   orderhub.Likeness
	reason orderhub.SuggestReason
	order  *orderhub.Order
}

func (p *pile) end() *pile {
	for p.into != nil {
		p = p.into
	}
	return p
}

// giveCards finds the card of each order's buyer, or makes one, and writes what
// became of the cards. Orders get their CardID; writing it is the caller's.
func (h *Hub) giveCards(ctx context.Context, tx *store.Tx, list []seeker) error {
	if len(list) == 0 {
		return nil
	}
	var keys []orderhub.Key
	for _, s := range list {
		for _, k := range s.person.Keys() {
			if k.Identifies() {
				keys = append(keys, k)
			}
		}
	}
	cards, err := tx.FindCards(ctx, keys)
	if err != nil {
		return err
	}
	d := newDeck(tx, cards)
	for _, s := range list {
		if err := d.place(ctx, s); err != nil {
			return err
		}
	}
	return d.write(ctx)
}

func newDeck(tx *store.Tx, cards []*orderhub.Card) *deck {
	d := &deck{
		tx: tx, byKey: map[orderhub.Key][]*pile{}, placed: map[*orderhub.Order]*orderhub.Card{},
		added: map[*orderhub.Card][]orderhub.Key{}, byID: map[int64][]orderhub.Key{},
	}
	piles := map[int64]*pile{}
	for _, c := range cards {
		p := piles[c.Root]
		if p == nil {
			p = &pile{}
			piles[c.Root] = p
		}
		if c.ID == c.Root {
			p.root = c
		}
		p.cards = append(p.cards, c)
		d.index(p, c.Keys)
	}
	return d
}

// index adds words to a pile and makes it found by those that identify.
func (d *deck) index(p *pile, keys []orderhub.Key) {
	for _, k := range keys {
		if !slices.Contains(p.keys, k) {
			p.keys = append(p.keys, k)
			if k.Identifies() {
				d.byKey[k] = append(d.byKey[k], p)
			}
		}
	}
}

// candidate is a pile that has a word of the person.
type candidate struct {
	*pile
	like orderhub.Likeness
}

// candidates lists the piles that have a word of the person, and the words that
// are shared by too many to mean anything.
func (d *deck) candidates(p orderhub.Person) (out []candidate, shared []orderhub.Key) {
	for _, k := range p.Keys() {
		n := 0
		for _, found := range d.byKey[k] {
			found = found.end()
			n++
			if !slices.ContainsFunc(out, func(c candidate) bool { return c.pile == found }) {
				out = append(out, candidate{found, orderhub.Compare(p, found.keys)})
			}
		}
		if n >= maxShared {
			shared = append(shared, k)
		}
	}
	return out, shared
}

// place finds the card of one order. What is not certain is suggested.
func (d *deck) place(ctx context.Context, s seeker) error {
	found, shared := d.candidates(s.person)
	if s.order.CardID != 0 {
		d.changed(s, found)
		return nil
	}
	to, err := d.choose(ctx, s, found)
	if to == nil && err == nil && len(shared) > 0 {
		// Nobody's phone: only the rest of what the order tells counts.
		if s.person = s.person.Without(shared); !s.person.Identified() {
			return nil
		}
		found, _ = d.candidates(s.person)
		to, err = d.choose(ctx, s, found)
	}
	if err != nil {
		return err
	}
	if to != nil {
		d.join(s, to)
		return nil
	}
	card := &orderhub.Card{Shown: s.person.Shown, Keys: s.person.Keys()}
	p := &pile{root: card, cards: []*orderhub.Card{card}}
	d.fresh = append(d.fresh, card)
	d.placed[s.order] = card
	d.index(p, card.Keys)
	for _, c := range found {
		d.suggest = append(d.suggest, autoSuggestion{card, c.root, c.like, c.like.Reason(), s.order})
	}
	return nil
}

// choose gives the one pile that the order may join without asking; nil = none.
// See docs/decisions: 2026-11-23-customers.
func (d *deck) choose(ctx context.Context, s seeker, found []candidate) (*pile, error) {
	var whole, joins []candidate
	for _, c := range found {
		if c.like.Whole() {
			whole = append(whole, c)
		}
		if c.like.Joins() {
			joins = append(joins, c)
		}
	}
	switch {
	case len(whole) == 1:
		return whole[0].pile, nil
	case len(joins) == 1 && (len(found) == 1 || joins[0].like.Name == orderhub.FitSame):
		return joins[0].pile, nil
	case len(found) == 2 && len(joins) == 2 && len(whole) == 0 && bridged(found[0].like, found[1].like):
		return d.bridge(ctx, s, found[0].pile, found[1].pile)
	}
	return nil, nil
}

// bridged reports whether an order has the phone of a buyer who never gave an
// e-mail, the e-mail of one who never gave a phone, and the name of both.
func bridged(a, b orderhub.Likeness) bool {
	if a.Phone != orderhub.FitSame {
		a, b = b, a
	}
	return a.Phone == orderhub.FitSame && a.Email == orderhub.FitOpen && a.Name == orderhub.FitSame &&
		b.Email == orderhub.FitSame && b.Phone == orderhub.FitOpen && b.Name == orderhub.FitSame
}

// bridge merges the two, the older wins, unless a person said that they are two.
func (d *deck) bridge(ctx context.Context, s seeker, a, b *pile) (*pile, error) {
	if a.root.ID == 0 || (b.root.ID != 0 && b.root.ID < a.root.ID) {
		a, b = b, a // new ones have no id yet
	}
	if a.root.ID != 0 && b.root.ID != 0 {
		declined, err := d.tx.Declined(ctx, a.cards, b.cards)
		if err != nil || declined {
			return nil, err
		}
	}
	d.merges = append(d.merges, autoMerge{a, b, s.order})
	b.into = a
	a.cards = append(a.cards, b.cards...)
	d.index(a, b.keys)
	return a, nil
}

// join puts an order on the root of a pile. The root learns the words that it has
// not by itself: after an undone merge it must know its own orders.
func (d *deck) join(s seeker, p *pile) {
	d.placed[s.order] = p.root
	var added []orderhub.Key
	for _, k := range s.person.Keys() {
		if !slices.Contains(p.root.Keys, k) {
			added = append(added, k)
		}
	}
	if len(added) == 0 {
		return
	}
	p.root.Keys = append(p.root.Keys, added...)
	d.index(p, added)
	d.added[p.root] = append(d.added[p.root], added...)
}

// changed is for an order that has a card and other data than before: it stays,
// its card learns the words, and others who have them are suggested.
func (d *deck) changed(s seeker, found []candidate) {
	d.byID[s.order.CardID] = append(d.byID[s.order.CardID], s.person.Keys()...)
	for _, c := range found {
		if slices.ContainsFunc(c.cards, func(card *orderhub.Card) bool { return card.ID == s.order.CardID }) {
			continue
		}
		reason := c.like.Reason()
		if c.like.Joins() {
			reason = orderhub.ReasonChanged
		}
		d.suggest = append(d.suggest, autoSuggestion{nil, c.root, c.like, reason, s.order})
	}
}

// write puts everything into the database.
func (d *deck) write(ctx context.Context) error {
	if err := d.tx.NumberCards(ctx, d.fresh); err != nil {
		return err
	}
	for o, c := range d.placed {
		o.CardID = c.ID
	}
	var moved []*orderhub.Card
	for _, m := range d.merges {
		m.loser.root.Parent = m.winner.root.ID
		for _, c := range m.loser.cards {
			c.Root = m.winner.end().root.ID
			if !slices.Contains(d.fresh, c) {
				moved = append(moved, c)
			}
		}
	}
	if err := d.tx.InsertCards(ctx, d.fresh); err != nil {
		return err
	}
	for c, keys := range d.added {
		if !slices.Contains(d.fresh, c) {
			d.byID[c.ID] = append(d.byID[c.ID], keys...)
		}
	}
	if err := d.tx.AddKeys(ctx, d.byID); err != nil {
		return err
	}
	if err := d.tx.SetParents(ctx, moved); err != nil {
		return err
	}
	for _, m := range d.merges {
		why := "order " + m.order.Snapshot.ExternalID + " has the phone of one, the e-mail of the other and the name of both"
		if err := d.tx.AddMerge(ctx, &orderhub.CardMerge{Winner: m.winner.root.ID, Loser: m.loser.root.ID, Why: why, Actor: hubActor}); err != nil {
			return err
		}
	}
	return d.tx.Suggest(ctx, d.suggestions())
}

// suggestions are those between different cards; the number of an order that is
// new in this transaction is not known yet.
func (d *deck) suggestions() []orderhub.CardSuggestion {
	out := make([]orderhub.CardSuggestion, 0, len(d.suggest))
	for _, s := range d.suggest {
		a := s.order.CardID
		if s.a != nil {
			a = s.a.ID
		}
		if a != s.b.ID {
			out = append(out, orderhub.CardSuggestion{Low: a, High: s.b.ID, Same: s.like.Common(), Reason: s.reason, OrderID: s.order.ID})
		}
	}
	return out
}
