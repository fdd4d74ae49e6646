package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// paramCut is the key of Effect.Params under which a cut of lines is kept.
const paramCut = "cut"

// paramAt is the key of when the hub did by itself what the effect tells of: then the
// order says nothing of whether the message arrived.
const paramAt = "at"

// CancelLines takes units out of an order that goes on without them. A wish for
// all that is left cancels the order. A marketplace is asked and shows what it
// did; a shop is told, and the units are free at once.
func (h *Hub) CancelLines(ctx context.Context, number int64, lines []orderhub.LineUnits, req orderhub.Request) (Advanced, error) {
	req.To = orderhub.StatusCancelled
	scrubRequest(&req)
	a, err := h.working(ctx, number)
	if err != nil {
		return Advanced{}, err
	}
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return Advanced{}, err
	}
	var out Advanced
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		cut, err := h.checkCut(ctx, tx, a, o, lines)
		if err != nil {
			return err
		}
		if err := h.checkReason(o, &req); err != nil {
			return err
		}
		table := a.channel.Descriptor.Statuses
		if cut.All() {
			plan, err := orderhub.Decide(o, req, table)
			if err == nil {
				out, err = h.carryOut(ctx, tx, o, req, plan, goods)
			}
			return err
		}
		if tells(table, o) {
			out, err = h.tellCut(ctx, tx, o, cut, req, goods)
			return err
		}
		out, err = h.oweCut(ctx, tx, o, cut, req)
		return err
	})
	return out, err
}

// tells reports whether the hub decides about cancels of the order itself, and the
// channel is told.
func tells(table orderhub.StatusTable, o *orderhub.Order) bool {
	return table.Step(o.Snapshot.Scheme, o.Headline, orderhub.StatusCancelled).Kind == orderhub.StepTell
}

// checkCut refuses what no channel would take, with a sentence that says what to do
// instead.
func (h *Hub) checkCut(ctx context.Context, tx *store.Tx, a *account, o *orderhub.Order, lines []orderhub.LineUnits) (orderhub.LineCut, error) {
	title := a.channel.Descriptor.Title
	refuse := func(format string, args ...any) (orderhub.LineCut, error) {
		return orderhub.LineCut{}, orderhub.Errorf(orderhub.CodeRefused, "order "+o.Number()+" "+format, args...)
	}
	switch {
	case o.Snapshot.ReadOnly:
		return refuse("is handled by %s alone and can only be watched", o.Channel)
	case !h.can(a.adapter, orderhub.EffectCancelLines):
		return orderhub.LineCut{}, orderhub.Errorf(orderhub.CodeUnsupported,
			"%s takes no units out of an order: each of its orders is cancelled whole (ask for the status cancelled)", title)
	case o.Headline.HandedOver():
		return refuse("is %s: its goods have left and come back through a return only", o.Headline)
	case o.Headline == orderhub.StatusCancelled:
		return refuse("is cancelled already")
	case o.Requested != "":
		return refuse("has %s on its way to the channel; wait for its answer", o.Requested)
	case len(o.Snapshot.Lines) == 0:
		return refuse("has no lines in the hub yet")
	}
	open, err := tx.OpenEffects(ctx, o.ID)
	if err != nil {
		return orderhub.LineCut{}, err
	}
	for _, e := range open {
		if e.Kind == orderhub.EffectCancelLines && !tells(a.channel.Descriptor.Statuses, o) {
			return refuse("has another cancel of units on its way to the channel; wait for its answer")
		}
	}
	return orderhub.NewLineCut(&o.Snapshot, lines)
}

// oweCut records the wish; the order follows the channel.
func (h *Hub) oweCut(ctx context.Context, tx *store.Tx, o *orderhub.Order, cut orderhub.LineCut, req orderhub.Request) (Advanced, error) {
	now := h.store.Now()
	e := h.cutIntent(o, cut, req, now)
	out := Advanced{Order: o, Effects: []*orderhub.Effect{e}}
	if err := tx.AddEffects(ctx, out.Effects); err != nil {
		return out, err
	}
	if err := tx.AddEvents(ctx, []orderhub.Event{{
		OrderID: o.ID, At: now, Kind: orderhub.EventRequested, Actor: req.Actor, Why: cutWhy(cut, req), Data: cutData(o, cut, req),
	}}); err != nil {
		return out, err
	}
	return out, h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: o.AccountID})
}

// tellCut takes the units out at once and owes the shop a message.
func (h *Hub) tellCut(ctx context.Context, tx *store.Tx, o *orderhub.Order, cut orderhub.LineCut, req orderhub.Request, goods bool) (Advanced, error) {
	now := h.store.Now()
	e := h.cutIntent(o, cut, req, now)
	e.Params[paramAt] = now.Format(time.RFC3339Nano)
	out := Advanced{Order: o, Effects: []*orderhub.Effect{e}}
	events := []orderhub.Event{{
		OrderID: o.ID, At: now, Kind: orderhub.EventChanged, Actor: req.Actor, Why: cutWhy(cut, req), Data: cutData(o, cut, req),
	}}
	o.Snapshot.Cut(cut.Units())
	cut.Remember(&o.Snapshot)
	if goods {
		_, held, err := h.claimGoods(ctx, tx, o.AccountID, []*orderhub.Order{o}, req.Actor)
		if err != nil {
			return out, err
		}
		events = append(events, held...)
	}
	if err := tx.UpdateOrders(ctx, []store.Change{{Order: o, Content: true}}); err != nil {
		return out, err
	}
	if err := tx.AddEffects(ctx, out.Effects); err != nil {
		return out, err
	}
	if err := tx.AddEvents(ctx, events); err != nil {
		return out, err
	}
	if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkPush, Account: o.AccountID}); err != nil || !goods {
		return out, err
	}
	if err := h.jobs.Ring(ctx, tx, stockLane); err != nil {
		return out, err
	}
	return out, h.ringPlanner(ctx, tx)
}

func (h *Hub) cutIntent(o *orderhub.Order, cut orderhub.LineCut, req orderhub.Request, now time.Time) *orderhub.Effect {
	e := h.intent(o, orderhub.EffectCancelLines, "", req, now)
	if e.Params = maps.Clone(e.Params); e.Params == nil {
		e.Params = map[string]string{}
	}
	e.Params[paramCut] = cut.Encode()
	return e
}

func cutWhy(cut orderhub.LineCut, req orderhub.Request) string {
	n := int64(0)
	for _, l := range cut.Lines {
		n += l.Units
	}
	return plural(int(n), "unit") + " to be taken out" + errorSuffix(req.Comment)
}

// lossData is what programs read of units that an order lost.
type lossData struct {
	Cancelled []orderhub.RemovedUnits `json:"cancelled"`
	Initiator orderhub.CancelParty    `json:"initiator,omitempty"`
	Reason    string                  `json:"reason,omitempty"`
	Native    string                  `json:"native,omitempty"`
	NativeSub string                  `json:"native_sub,omitempty"`
}

func cutData(o *orderhub.Order, cut orderhub.LineCut, req orderhub.Request) json.RawMessage {
	d := lossData{Initiator: orderhub.PartyOf(req.Actor), Reason: req.Reason}
	for _, l := range cut.Lines {
		d.Cancelled = append(d.Cancelled, orderhub.RemovedUnits{SKU: l.SKU, Name: o.Snapshot.Lines[l.Line].Name, Units: l.Units})
	}
	return d.json()
}

func (d lossData) json() json.RawMessage {
	b, err := json.Marshal(d)
	if err != nil {
		return nil
	}
	return b
}

// cutCall is the call that takes units out as one of pushes. It is made only while
// the ledger, just read, shows the order as it was when the cut was asked for:
// made twice it would take out more.
func cutCall(a channel.LineCanceller) call {
	return func(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
		out := make([]channel.PushResult, len(pushes))
		var made []channel.LineCancel
		var at []int
		for i, p := range pushes {
			cut, ok := orderhub.ReadLineCut(p.Params[paramCut])
			if !ok {
				out[i] = refusedCut("the wish cannot be read any more")
				continue
			}
			state := cut.In(&p.Order.Snapshot)
			switch {
			case p.Params[paramAt] != "" || state == orderhub.CutOpen:
				made, at = append(made, lineCancel(p, cut)), append(at, i)
			case state == orderhub.CutDone:
				out[i] = channel.PushResult{Outcome: channel.OutcomeDone, Note: "the units are out of the order already"}
			default:
				out[i] = refusedCut("the goods of the order changed meanwhile; look at it and ask again")
			}
		}
		if len(made) == 0 {
			return out, nil
		}
		results, err := a.CancelLines(ctx, made)
		if err != nil || len(results) != len(made) {
			return results, err
		}
		for j, i := range at {
			out[i] = results[j]
		}
		return out, nil
	}
}

func lineCancel(p channel.Push, cut orderhub.LineCut) channel.LineCancel {
	c := channel.LineCancel{Push: p, Units: cut.Units(), Had: map[int]int64{}}
	for i, l := range p.Order.Snapshot.Lines {
		c.Had[i] = l.Quantity
	}
	return c
}

func refusedCut(sentence string) channel.PushResult {
	return channel.PushResult{
		Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "cancel lines", sentence, nil),
	}
}

// settleCut closes a cut once the order shows that the units are out, whoever took
// them, or that it is too late.
func (b *ledgerBatch) settleCut(eff *orderhub.Effect, o *orderhub.Order) bool {
	cut, ok := orderhub.ReadLineCut(eff.Params[paramCut])
	if !ok || eff.Params[paramAt] != "" {
		return false
	}
	switch {
	case cut.In(&o.Snapshot) == orderhub.CutDone:
		finish(eff, orderhub.EffectConfirmed, b.now)
		eff.Class, eff.Error = "", ""
	case eff.State.IsOpen() && (o.Headline.IsEnd() || o.Snapshot.Status.IsEnd()):
		finish(eff, orderhub.EffectRejected, b.now)
		eff.Class, eff.Error = orderhub.ClassRejected, "overtaken: the channel reports "+string(o.Snapshot.Status)
	default:
		return false
	}
	b.hub.metrics.effects.WithLabelValues(b.account.ID, string(eff.State)).Inc()
	return true
}

// loss is units that news took out of an order. event is its place in
// entry.events.
type loss struct {
	event  int
	before orderhub.Snapshot
	data   lossData
}

// lose notes what the order had before the news and has no more.
func (e *entry) lose(before *orderhub.Snapshot) {
	now := &e.order.Snapshot
	if len(e.events) == 0 || len(before.Lines) == 0 {
		return
	}
	gone := orderhub.LostUnits(before, now)
	if len(gone) == 0 {
		return
	}
	d := lossData{Cancelled: gone, Native: now.Native, NativeSub: now.NativeSub}
	if c := now.Cancellation; c != nil && e.order.Headline == orderhub.StatusCancelled {
		d.Initiator = c.By
	}
	e.losses = append(e.losses, loss{event: len(e.events) - 1, before: *before, data: d})
}

// settleLosses tells with each event of units that were lost who took them out: the
// hub itself, if the news shows what a cut of its own was to do. A channel does
// not tell.
func (b *ledgerBatch) settleLosses(ctx context.Context) error {
	for _, e := range b.orders {
		if len(e.losses) == 0 {
			continue
		}
		var cuts []*orderhub.Effect
		if e.order.ID != 0 {
			var err error
			if cuts, err = b.tx.CutsOf(ctx, e.order.ID); err != nil {
				return err
			}
		}
		for _, l := range e.losses {
			ev := &e.events[l.event]
			units := int64(0)
			for _, g := range l.data.Cancelled {
				units += g.Units
			}
			who := ""
			for _, eff := range cuts {
				cut, ok := orderhub.ReadLineCut(eff.Params[paramCut])
				if ok && cut.In(&l.before) == orderhub.CutOpen && cut.In(&e.order.Snapshot) == orderhub.CutDone {
					l.data.Initiator, l.data.Reason, who = orderhub.PartyOf(eff.Actor), eff.Reason, ", asked for by "+eff.Actor.Name
				}
			}
			ev.Data = l.data.json()
			ev.Why += fmt.Sprintf("; %s out of the order%s", plural(int(units), "unit"), who)
		}
	}
	return nil
}

// emptied cancels an order that lost its last unit before it left: what the channel
// calls it then is its own matter.
func emptied(o *orderhub.Order, before *orderhub.Snapshot) {
	s := &o.Snapshot
	if s.Units() > 0 || before.Units() == 0 || o.Headline.HandedOver() || o.Headline.IsEnd() {
		return
	}
	o.Headline = orderhub.StatusCancelled
	if s.Cancellation == nil {
		s.Cancellation = &orderhub.Cancellation{By: orderhub.CancelBySystem, Reason: "no unit is left in the order"}
	}
}
