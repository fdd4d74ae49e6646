package pipeline

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// WebhookLimit caps the body of any webhook; a channel's own limit is lower.
const WebhookLimit = 1 << 20

// ReceiveWebhook takes one message of a channel: it is checked, kept durably,
// and only then answered. What it hints at is read later; what it carries goes
// through the inbox.
func (h *Hub) ReceiveWebhook(ctx context.Context, accountID, key string, r *http.Request, body []byte, remote netip.Addr) (channel.Reply, error) {
	if orderhub.CheckAccountID(accountID) != nil {
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeNotFound, "there is nothing here")
	}
	a, err := h.account(ctx, accountID)
	if err != nil && orderhub.CodeOf(err) == "" {
		// Not a stranger but a fault of ours: the sender must try again.
		h.log.Error("a webhook could not be looked at", "account", clean(accountID), "error", err.Error())
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeUnavailable, "try again later")
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(a.HookKey), []byte(key)) != 1 || a.State == orderhub.AccountRemoved {
		// The same answer for an unknown account and a wrong key.
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeNotFound, "there is nothing here")
	}
	parser, ok := a.adapter.(channel.WebhookParser)
	if !ok {
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeNotFound, "there is nothing here")
	}
	if !allowedFrom(a.senders(), remote) {
		h.metrics.webhooks.WithLabelValues(a.ID, "foreign_address").Inc()
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeDenied, "messages are not taken from this address")
	}
	if limit := a.channel.Descriptor.WebhookLimit; limit > 0 && int64(len(body)) > limit {
		h.metrics.webhooks.WithLabelValues(a.ID, "refused").Inc()
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeTooLarge, "the message is larger than %d bytes", limit)
	}
	msg, err := parser.ParseWebhook(r, body, remote)
	if err != nil {
		h.metrics.webhooks.WithLabelValues(a.ID, "refused").Inc()
		return parser.ErrorReply(err), nil
	}
	if err := h.keepWebhook(ctx, a, msg, body); err != nil {
		h.metrics.webhooks.WithLabelValues(a.ID, "failed").Inc()
		if orderhub.CodeOf(err) == "" {
			h.log.Error("a webhook could not be kept", "account", a.ID, "error", err.Error())
		}
		return parser.ErrorReply(err), nil
	}
	h.metrics.webhooks.WithLabelValues(a.ID, "taken").Inc()
	return msg.Reply, nil
}

func (h *Hub) keepWebhook(ctx context.Context, a *account, msg channel.Webhook, body []byte) error {
	if len(msg.Hints)+len(msg.Items)+len(msg.Sweep) == 0 {
		return nil
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if msg.DedupeID != "" {
			fresh, err := tx.TakeHook(ctx, a.ID, clean(msg.DedupeID), body)
			if err != nil || !fresh {
				return err
			}
		}
		if err := h.saveItems(ctx, tx, a.ID, "webhook", h.store.Now(), msg.Items); err != nil {
			return err
		}
		for _, feed := range slices.Sorted(slices.Values(msg.Sweep)) {
			if err := h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkSweep, Account: a.ID, Feed: feed}); err != nil {
				return err
			}
		}
		if len(msg.Hints) == 0 {
			return nil
		}
		ids := make([]string, len(msg.Hints))
		for i, id := range msg.Hints {
			ids[i] = clean(id)
		}
		if err := tx.Hint(ctx, a.ID, ids); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, jobs.Lane{Work: jobs.WorkHints, Account: a.ID})
	})
}

// senders are the networks that an account takes messages from: the channel's,
// or those that the operator set.
func (a *account) senders() []string {
	if own := a.Settings[channel.SettingWebhookIPs]; own != "" {
		return strings.FieldsFunc(own, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return a.channel.Descriptor.WebhookIPs
}

// allowedFrom checks a sender's address against the channel's networks. The
// hub's own machine may always send: simulators and a proxy in front do.
func allowedFrom(networks []string, remote netip.Addr) bool {
	if len(networks) == 0 || remote.IsLoopback() {
		return true
	}
	for _, n := range networks {
		if p, err := netip.ParsePrefix(n); err == nil && p.Contains(remote.Unmap()) {
			return true
		}
		if a, err := netip.ParseAddr(n); err == nil && a == remote.Unmap() {
			return true
		}
	}
	return false
}

// Submitted tells what became of an order that was sent in by API.
type Submitted struct {
	// Order is the order, of a return that of its goods: nil when it is not here yet.
	Order *orderhub.Order
	// Return is set when the message was about a return.
	Return *orderhub.Return
	// Created is true when the hub got to know the order by this very call.
	Created bool
	// Verdict is NewsRefused for a revision older than the hub's.
	Verdict orderhub.Verdict
}

// Submit takes an order, or a return, from outside by API: the same way as a webhook's, into
// the inbox first, and accepts it at once. It is understood before it is kept,
// so that the caller learns which field is wrong. The same id and revision with
// other content is a conflict, not an update.
func (h *Hub) Submit(ctx context.Context, accountID, kind string, body json.RawMessage) (Submitted, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return Submitted{}, err
	}
	if a.Channel != siteChannel {
		return Submitted{}, orderhub.Errorf(orderhub.CodeUnsupported, "account %s is of %s; orders are sent in only for accounts of a site", a.ID, a.Channel)
	}
	if a.State != orderhub.AccountActive {
		return Submitted{}, orderhub.Errorf(orderhub.CodeUnavailable, "account %s is %s", a.ID, a.State)
	}
	if channel.IsReturn(kind) {
		return h.submitReturn(ctx, a, kind, body)
	}
	n := h.normalise(a, store.Raw{Kind: kind, Body: body})
	if n.err != nil {
		if orderhub.CodeOf(n.err) == "" {
			return Submitted{}, orderhub.InvalidField("body", "%s", sentenceForQuarantine(n.err))
		}
		return Submitted{}, n.err
	}
	id := n.snap.ExternalID
	known, err := h.store.OrdersByExternal(ctx, a.ID, []string{id})
	if err != nil {
		return Submitted{}, err
	}
	if err := h.sameRevision(ctx, a, n, known); err != nil {
		return Submitted{}, err
	}
	saved, err := h.acceptNow(ctx, a, "api", []channel.Item{{Kind: kind, ExternalID: id, Body: body}}, h.store.Now(), store.Lease{})
	if err != nil {
		return Submitted{}, err
	}
	raws, err := h.store.RawsByIDs(ctx, saved)
	if err != nil {
		return Submitted{}, err
	}
	for _, r := range raws {
		if r.State == store.RawQuarantined {
			// Another one was accepted since the look.
			return Submitted{}, orderhub.Errorf(orderhub.CodeConflict, "%s", r.Error)
		}
	}
	now, err := h.store.OrdersByExternal(ctx, a.ID, []string{id})
	if err != nil {
		return Submitted{}, err
	}
	if len(now) == 0 {
		// The same came before, by webhook or at this moment, and still waits.
		if err := h.acceptPending(ctx, a, store.Lease{}); err != nil {
			return Submitted{}, err
		}
		if now, err = h.store.OrdersByExternal(ctx, a.ID, []string{id}); err != nil {
			return Submitted{}, err
		}
	}
	if len(now) == 0 {
		return Submitted{}, orderhub.Errorf(orderhub.CodeUnavailable, "order %s is kept and not accepted yet; look into the quarantine", id)
	}
	if len(saved) == 0 {
		// The same is in the inbox already, and may have been set aside there.
		if err := h.sameRevision(ctx, a, n, now); err != nil {
			return Submitted{}, err
		}
	}
	out := Submitted{Order: now[0], Verdict: orderhub.NewsApplied}
	if n.snap.Revision < now[0].Snapshot.Revision && n.snap.Revision != 0 {
		out.Verdict = orderhub.NewsRefused
	}
	if len(known) == 0 {
		out.Created, err = h.receivedBy(ctx, now[0], saved)
	}
	return out, err
}

// receivedBy reports whether one of these answers made the order known.
func (h *Hub) receivedBy(ctx context.Context, o *orderhub.Order, raws []int64) (bool, error) {
	events, err := h.store.Events(ctx, o.ID)
	return slices.ContainsFunc(events, func(e orderhub.Event) bool {
		return e.Kind == orderhub.EventReceived && slices.Contains(raws, e.InboxID)
	}), err
}

// sameRevision refuses another content under a revision that the hub has, and
// none where the hub has one.
func (h *Hub) sameRevision(ctx context.Context, a *account, n news, known []*orderhub.Order) error {
	if len(known) > 0 {
		if err := countsNoMore(known[0], n); err != nil {
			return err
		}
	}
	if len(known) == 0 || n.snap.Revision == 0 || n.snap.Revision != known[0].Snapshot.Revision {
		return nil
	}
	raw, err := h.store.Raw(ctx, known[0].RawID)
	if err != nil {
		return err
	}
	before := h.normalise(a, raw)
	if before.err != nil || raw.Kind != n.raw.Kind || before.snap.Revision != n.snap.Revision || orderhub.SameSnapshot(before.snap, n.snap) {
		return nil
	}
	return orderhub.Errorf(orderhub.CodeConflict, "order %s was received before with version %d and other content; send a change with a higher version",
		n.snap.ExternalID, n.snap.Revision)
}
