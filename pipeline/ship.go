package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// ShipmentRequest is how a warehouse packed an order.
type ShipmentRequest struct {
	Packages []orderhub.Package
	// To is the status to ask for with it; "" = none.
	To orderhub.Status
	// Key recognises a repeated request; "" = none.
	Key   string
	Actor orderhub.Actor
}

// Shipped is what an accepted shipment led to.
type Shipped struct {
	orderhub.Shipment
	Effects []*orderhub.Effect
	// Known: the same request came before, nothing was done again.
	Known bool
}

// Ship keeps how an order was packed, which replaces what was said before, and hands on
// what the channel takes: tracking number, layout of the packages, codes of units. What
// it does not take is kept, and said so.
func (h *Hub) Ship(ctx context.Context, number int64, req ShipmentRequest) (Shipped, error) {
	key, err := once("shipment", req.Key, req.Actor, []any{number, req.Packages, req.To})
	if err != nil {
		return Shipped{}, err
	}
	scrubPackages(req.Packages)
	if req.To != "" {
		if _, err := orderhub.ParseStatus(string(req.To)); err != nil {
			return Shipped{}, err
		}
	}
	a, err := h.working(ctx, number)
	if err != nil {
		return Shipped{}, err
	}
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return Shipped{}, err
	}
	var out Shipped
	err = twice(func() error {
		return h.store.InTx(ctx, func(tx *store.Tx) error {
			o, err := tx.LockOrder(ctx, number)
			if err != nil {
				return err
			}
			if key.Key != "" {
				if ref, err := tx.FindOnce(ctx, key); err != nil || ref != 0 {
					if err == nil {
						out.Known = true
						out.Shipment, err = tx.Shipment(ctx, ref)
					}
					return err
				}
			}
			s := shipper{hub: h, tx: tx, account: a, order: o, goods: goods, at: h.store.Now().Truncate(time.Microsecond)}
			if out, err = s.ship(ctx, req); err != nil || key.Key == "" {
				return err
			}
			return tx.SaveOnce(ctx, key, out.ID)
		})
	})
	return out, err
}

func scrubPackages(packages []orderhub.Package) {
	for i := range packages {
		p := &packages[i]
		p.Number, p.Tracking, p.Carrier = clean(p.Number), clean(p.Tracking), clean(p.Carrier)
	}
}

// shipper takes one shipment of a locked order.
type shipper struct {
	hub     *Hub
	tx      *store.Tx
	account *account
	order   *orderhub.Order
	goods   bool
	at      time.Time
	effects []*orderhub.Effect
}

func (s *shipper) ship(ctx context.Context, req ShipmentRequest) (Shipped, error) {
	o := s.order
	if o.Snapshot.ReadOnly {
		return Shipped{}, orderhub.Errorf(orderhub.CodeRefused, "order %s is handled by %s alone and can only be watched", o.Number(), o.Channel)
	}
	if o.Headline.IsEnd() {
		return Shipped{}, orderhub.Errorf(orderhub.CodeRefused, "order %s is %s: nothing is packed any more", o.Number(), o.Headline)
	}
	packages := clonePackages(req.Packages)
	if err := orderhub.CheckPackages(packages, o.Snapshot.Lines); err != nil {
		return Shipped{}, err
	}
	if err := s.takeCodes(ctx, packages); err != nil {
		return Shipped{}, err
	}
	out := orderhub.Shipment{OrderID: o.ID, At: s.at, Actor: scrubActor(req.Actor), Packages: packages}
	if err := s.handOn(ctx, &out, req); err != nil {
		return Shipped{}, err
	}
	if err := s.tx.AddShipment(ctx, &out); err != nil {
		return Shipped{}, err
	}
	codes := 0
	for _, p := range packages {
		for _, i := range p.Items {
			codes += len(i.Codes)
		}
	}
	return Shipped{Shipment: out, Effects: s.effects}, s.tx.AddEvents(ctx, []orderhub.Event{{
		OrderID: o.ID, At: s.at, Kind: orderhub.EventShipment, Actor: out.Actor, Why: plural(len(packages), "package") + ", " + plural(codes, "code"),
		Data: jsonOf(map[string]any{"shipment": out.ID, "packages": len(packages), "codes": codes, "sent": out.Sent}),
	}})
}

// clonePackages copies what CheckPackages may fill in: a transaction may be tried again.
func clonePackages(list []orderhub.Package) []orderhub.Package {
	out := slices.Clone(list)
	for i := range out {
		out[i].Items = slices.Clone(out[i].Items)
	}
	return out
}

// takeCodes refuses codes that are on another order, unless it was cancelled or came
// back.
func (s *shipper) takeCodes(ctx context.Context, packages []orderhub.Package) error {
	byKind := map[orderhub.CodeKind][]string{}
	for _, p := range packages {
		for _, i := range p.Items {
			for _, c := range i.Codes {
				if c.Kind.Unique() {
					byKind[c.Kind] = append(byKind[c.Kind], c.Code)
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		owners, err := s.tx.CodeOwners(ctx, kind, byKind[kind], s.order.ID)
		if err != nil {
			return err
		}
		var free []string
		for _, code := range slices.Sorted(maps.Keys(owners)) {
			other, err := s.hub.headline(ctx, s.tx, owners[code])
			if err != nil {
				return err
			}
			switch other {
			case orderhub.StatusCancelled, orderhub.StatusReturned, orderhub.StatusPartiallyReturned:
				free = append(free, code)
			case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
				orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered:
				return orderhub.InvalidField("codes", "a %s code of these is on order %d already", string(kind), owners[code])
			}
		}
		if len(free) > 0 {
			if err := s.tx.FreeCodes(ctx, kind, free); err != nil {
				return err
			}
		}
	}
	return nil
}

// headline reads the status of another order without locking it.
func (h *Hub) headline(ctx context.Context, tx *store.Tx, id int64) (orderhub.Status, error) {
	list, err := tx.OrdersNow(ctx, []int64{id})
	if err != nil || len(list) == 0 {
		return orderhub.StatusCancelled, err
	}
	return list[0].Headline, nil
}

// handOn writes what the channel is told, and what is kept and why.
func (s *shipper) handOn(ctx context.Context, out *orderhub.Shipment, req ShipmentRequest) error {
	params := map[string]string{}
	tracking, carrier := out.Tracking()
	if tracking != "" && tracking != s.order.Snapshot.Shipping.Tracking {
		params["tracking"] = tracking
		part, err := s.track(ctx, out.Actor, tracking, carrier)
		if err != nil {
			return err
		}
		out.Sent.Tracking = part
	}
	pack := s.packing(out, req, params)
	if req.To == "" {
		return nil
	}
	wish := orderhub.Request{To: req.To, Actor: out.Actor, Params: params}
	plan, refusal := s.hub.decide(s.order, &wish)
	if refusal != nil {
		out.Sent.Status = kept(Sentence(refusal))
		if pack {
			out.Sent.Packages = kept("it goes with the status, which was refused")
			if out.Sent.Codes != nil {
				out.Sent.Codes = out.Sent.Packages
			}
		}
		return nil
	}
	adv, err := s.hub.carryOut(ctx, s.tx, s.order, wish, plan, s.goods)
	s.effects = append(s.effects, adv.Effects...)
	out.Sent.Status = &orderhub.HandedPart{State: orderhub.HandedOn}
	return err
}

func kept(why string) *orderhub.HandedPart {
	return &orderhub.HandedPart{State: orderhub.HandedNo, Why: why}
}

// track owes the channel a tracking number, where it takes one.
func (s *shipper) track(ctx context.Context, actor orderhub.Actor, tracking, carrier string) (*orderhub.HandedPart, error) {
	if !s.hub.can(s.account.adapter, orderhub.EffectTracking) {
		if s.order.Channel == siteChannel {
			return kept("the shop is told with the next status"), nil
		}
		return kept(s.account.channel.Descriptor.Title + " has no call for tracking numbers"), nil
	}
	e := s.hub.intent(s.order, orderhub.EffectTracking, "", orderhub.Request{Actor: actor, Params: map[string]string{"tracking": tracking, "carrier": carrier}}, s.at)
	s.effects = append(s.effects, e)
	if err := s.tx.AddEffects(ctx, []*orderhub.Effect{e}); err != nil {
		return nil, err
	}
	ev := effectEvent(e, s.at, actor, 0)
	ev.Kind = orderhub.EventRequested
	if err := s.tx.AddEvents(ctx, []orderhub.Event{ev}); err != nil {
		return nil, err
	}
	return &orderhub.HandedPart{State: orderhub.HandedOn}, s.hub.jobs.Ring(ctx, s.tx, jobs.Lane{Work: jobs.WorkPush, Account: s.order.AccountID})
}

// packing adds the layout of the packages to what goes with the status, and tells
// whether it did.
func (s *shipper) packing(out *orderhub.Shipment, req ShipmentRequest, params map[string]string) bool {
	many, codes := len(out.Packages) > 1, out.HasCodes()
	if !many && !codes {
		return false
	}
	say := func(packages, inCodes *orderhub.HandedPart) {
		if many {
			out.Sent.Packages = packages
		}
		if codes {
			out.Sent.Codes = inCodes
		}
	}
	title := s.account.channel.Descriptor.Title
	packer, ok := s.account.adapter.(channel.ParcelPacker)
	if !ok {
		no := kept("the hub knows no call of " + title + " that takes it")
		say(no, no)
		return false
	}
	p, ok := packer.PackParcels(*s.order, out.Packages)
	switch {
	case !ok:
		say(kept(p.Why), kept(p.Why))
		return false
	case req.To != p.To:
		no := kept(title + " takes it together with the status " + string(p.To) + ": send the shipment again with to=" + string(p.To))
		say(no, no)
		return false
	}
	maps.Copy(params, p.Params)
	on := &orderhub.HandedPart{State: orderhub.HandedOn}
	if p.Codes {
		say(on, on)
	} else {
		say(on, kept(p.Why))
	}
	return true
}
