package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// Audit compares, for one account and one day of placement (UTC), what the
// channel lists with what the hub holds, and names the gap. It changes nothing
// but the saved result.
func (h *Hub) Audit(ctx context.Context, accountID string, day time.Time) (store.AuditDay, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return store.AuditDay{}, err
	}
	from := day.UTC().Truncate(24 * time.Hour)
	to := from.Add(24 * time.Hour)
	out := store.AuditDay{AccountID: a.ID, Day: from.Format(time.DateOnly), At: h.store.Now(), Missing: []string{}, Extra: []string{}}
	ours, err := h.store.PlacedIDs(ctx, a.ID, from, to)
	if err != nil {
		return out, err
	}
	theirs := map[string]bool{}
	if err := h.eachInRange(ctx, a, from, to, func(page channel.Page, _ time.Time) error {
		for _, it := range page.Items {
			if it.ExternalID != "" {
				theirs[it.ExternalID] = true
			}
		}
		return nil
	}); err != nil {
		return out, err
	}
	out.Theirs, out.Ours = len(theirs), len(ours)
	for _, id := range ours {
		if !theirs[id] {
			out.Extra = append(out.Extra, id)
		}
		delete(theirs, id)
	}
	// An order counted to a neighbouring day by the hub is no gap.
	rest := make([]string, 0, len(theirs))
	for id := range theirs {
		rest = append(rest, id)
	}
	known, err := h.store.KnownIDs(ctx, a.ID, rest)
	if err != nil {
		return out, err
	}
	for _, id := range known {
		delete(theirs, id)
	}
	for id := range theirs {
		out.Missing = append(out.Missing, id)
	}
	slices.Sort(out.Missing)
	slices.Sort(out.Extra)
	return out, h.store.SaveAudit(ctx, out)
}

// eachInRange pages through the orders placed in [from, to).
func (h *Hub) eachInRange(ctx context.Context, a *account, from, to time.Time, each func(channel.Page, time.Time) error) error {
	lister, ok := a.adapter.(channel.RangeLister)
	if !ok {
		return orderhub.Errorf(orderhub.CodeUnsupported, "%s cannot list orders by day", a.channel.Descriptor.Title)
	}
	var cursor channel.Cursor
	for attempt := 1; ; {
		readAt := h.store.Now()
		page, err := lister.ListRange(ctx, from, to, cursor)
		if err != nil {
			next := jobs.Policy(err, attempt, h.scale)
			if attempt++; !next.Again || attempt > 6 || orderhub.ClassOf(err) == orderhub.ClassAuth {
				return err
			}
			wait := next.Wait
			if next.Counts {
				wait = min(wait, 5*time.Second) // somebody is waiting for the answer
			}
			h.log.Warn("listing orders by day failed, trying again", "account", a.ID, "class", string(orderhub.ClassOf(err)), "error", err.Error())
			select {
			case <-time.After(wait):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		attempt = 1
		if err := each(page, readAt); err != nil {
			return err
		}
		if page.Done {
			return nil
		}
		cursor = page.Next
	}
}

// Repulled counts what a repull did.
type Repulled struct {
	Read  int `json:"read"`
	Saved int `json:"saved"`
	// NotFound are ids that the channel does not show.
	NotFound []string `json:"not_found,omitempty"`
}

// RepullRange reads the orders placed in [from, to) again. Idempotent: what the
// hub has already changes nothing.
func (h *Hub) RepullRange(ctx context.Context, accountID string, from, to time.Time) (Repulled, error) {
	var out Repulled
	a, err := h.account(ctx, accountID)
	if err != nil {
		return out, err
	}
	if !from.Before(to) {
		return out, orderhub.InvalidField("to", "must be after from")
	}
	err = h.eachInRange(ctx, a, from, to, func(page channel.Page, readAt time.Time) error {
		out.Read += len(page.Items)
		return h.repulled(ctx, a, page.Items, readAt, &out)
	})
	return out, err
}

// RepullIDs reads orders again by external id.
func (h *Hub) RepullIDs(ctx context.Context, accountID string, ids []string) (Repulled, error) {
	var out Repulled
	a, err := h.account(ctx, accountID)
	if err != nil {
		return out, err
	}
	reader, ok := a.adapter.(channel.OrderReader)
	if !ok {
		return out, orderhub.Errorf(orderhub.CodeUnsupported, "%s cannot read single orders", a.channel.Descriptor.Title)
	}
	for part := range slices.Chunk(ids, max(1, a.channel.Descriptor.ReadBatch)) {
		known, err := h.store.OrdersByExternal(ctx, a.ID, part)
		if err != nil {
			return out, err
		}
		asked := refs(known)
		for _, id := range part {
			if !slices.ContainsFunc(asked, func(r channel.Ref) bool { return r.ExternalID == id }) {
				asked = append(asked, channel.Ref{ExternalID: id})
			}
		}
		readAt := h.store.Now()
		items, _, err := readApart(ctx, reader, asked)
		if err != nil {
			return out, err
		}
		out.Read += len(items)
		for _, id := range part {
			if !slices.ContainsFunc(items, func(it channel.Item) bool { return it.ExternalID == id }) {
				out.NotFound = append(out.NotFound, id)
			}
		}
		if err := h.repulled(ctx, a, items, readAt, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (h *Hub) repulled(ctx context.Context, a *account, items []channel.Item, readAt time.Time, out *Repulled) error {
	saved := 0
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		raws := make([]store.Raw, len(items))
		for i, it := range items {
			raws[i] = store.Raw{Kind: it.Kind, ExternalID: clean(it.ExternalID), Body: it.Body}
		}
		ids, err := tx.SaveRaw(ctx, a.ID, "repull", readAt, raws)
		if saved = len(ids); err != nil || saved == 0 {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkAccept, Account: a.ID})
	})
	if err == nil {
		out.Saved += saved
	}
	return err
}

// Replayed tells what today's adapter makes of an old raw answer.
type Replayed struct {
	Raw      store.Raw
	Snapshot orderhub.Snapshot
	// Err says why it cannot be understood or would be set aside, nil if neither.
	Err error
	// Verdict is what accepting it would do to the ledger, Diff which fields of
	// the order it would change, as "field: before → after".
	Verdict orderhub.Verdict
	Why     string
	Diff    []string
}

// ReplayDry runs a raw answer through today's adapter and compares it with the
// ledger. Nothing is written.
func (h *Hub) ReplayDry(ctx context.Context, rawID int64) (Replayed, error) {
	raw, err := h.store.Raw(ctx, rawID)
	if err != nil {
		return Replayed{}, err
	}
	a, err := h.account(ctx, raw.AccountID)
	if err != nil {
		return Replayed{}, err
	}
	n := h.normalise(a, raw)
	out := Replayed{Raw: raw, Snapshot: n.snap, Err: n.err}
	if n.err != nil {
		return out, nil
	}
	known, err := h.store.OrdersByExternal(ctx, a.ID, []string{n.snap.ExternalID})
	if err != nil {
		return out, err
	}
	if len(known) == 0 {
		out.Verdict, out.Why = orderhub.NewsApplied, "the order is not in the ledger"
		out.Diff = diff(orderhub.Snapshot{}, n.snap)
		return out, nil
	}
	o := known[0]
	before := o.Snapshot
	orderhub.KeepCut(&before, &n.snap)
	if out.Err = contradicts(o, n); out.Err != nil {
		return out, nil
	}
	if readBefore(o, raw, n.snap) {
		out.Verdict, out.Why = orderhub.NewsSame, "a later answer is known"
		out.Diff = diff(before, n.snap)
		return out, nil
	}
	keepDrift(&n.snap, before)
	out.Verdict, out.Why = orderhub.Merge(o, n.snap, raw.ReadAt, h.pause(a.channel.Descriptor.Patience))
	out.Diff = diff(before, o.Snapshot)
	return out, nil
}

// Replay sends quarantined answers through the pipeline again (ids nil = all of
// the account), whose adapter has learned to read them.
func (h *Hub) Replay(ctx context.Context, accountID string, ids []int64) (int64, error) {
	return h.replay(ctx, accountID, func(tx *store.Tx) (int64, error) { return tx.RequeueRaw(ctx, accountID, ids) })
}

// ReplayAny sends any answers through the pipeline again, accepted ones too:
// today's adapter may read them better. An answer that is older than what is
// known stays without effect.
func (h *Hub) ReplayAny(ctx context.Context, accountID string, ids []int64) (int64, error) {
	return h.replay(ctx, accountID, func(tx *store.Tx) (int64, error) { return tx.ReopenRaw(ctx, accountID, ids) })
}

func (h *Hub) replay(ctx context.Context, accountID string, requeue func(tx *store.Tx) (int64, error)) (int64, error) {
	var n int64
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if n, err = requeue(tx); err != nil || n == 0 {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkAccept, Account: accountID})
	})
	return n, err
}

// diff lists the fields that differ. Buyers' data is named, never printed.
func diff(a, b orderhub.Snapshot) []string {
	fa, fb := fields(a), fields(b)
	names := map[string]bool{}
	for k := range fa {
		names[k] = true
	}
	for k := range fb {
		names[k] = true
	}
	var out []string
	for k := range names {
		va, vb := show(k, fa[k]), show(k, fb[k])
		if string(fa[k]) != string(fb[k]) {
			out = append(out, fmt.Sprintf("%s: %s → %s", k, va, vb))
		}
	}
	slices.Sort(out)
	return out
}

func show(field string, v json.RawMessage) string {
	switch {
	case len(v) == 0:
		return "nothing"
	case field == "customer" || field == "shipping" || field == "comment":
		return "(personal data)"
	default:
		return string(v)
	}
}
