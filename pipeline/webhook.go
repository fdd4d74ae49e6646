package pipeline

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// ReceiveWebhook takes one message of a channel: it is checked, kept durably,
// and only then answered. What it hints at is read later; what it carries goes
// through the inbox.
func (h *Hub) ReceiveWebhook(ctx context.Context, accountID, key string, r *http.Request, body []byte, remote netip.Addr) (channel.Reply, error) {
	a, err := h.account(ctx, accountID)
	if err != nil || subtle.ConstantTimeCompare([]byte(a.HookKey), []byte(key)) != 1 || a.State == orderhub.AccountRemoved {
		// The same answer for an unknown account and a wrong key.
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeNotFound, "there is nothing here")
	}
	parser, ok := a.adapter.(channel.WebhookParser)
	if !ok {
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeNotFound, "there is nothing here")
	}
	if !allowedFrom(a.channel.Descriptor.WebhookIPs, remote) {
		h.metrics.webhooks.WithLabelValues(a.ID, "foreign_address").Inc()
		return channel.Reply{}, orderhub.Errorf(orderhub.CodeDenied, "messages are not taken from this address")
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
	if len(msg.Hints) == 0 && len(msg.Items) == 0 {
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
	}
	return false
}

// Submit takes an order from outside by API: the same way as a webhook's, into
// the inbox first. The answer is understood before it is kept, so that the
// caller learns at once which field is wrong.
func (h *Hub) Submit(ctx context.Context, accountID, kind string, body json.RawMessage) (orderhub.Snapshot, error) {
	a, err := h.account(ctx, accountID)
	if err != nil {
		return orderhub.Snapshot{}, err
	}
	if a.Channel != siteChannel {
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeUnsupported, "account %s is of %s; orders are sent in only for accounts of a site", a.ID, a.Channel)
	}
	if a.State != orderhub.AccountActive {
		return orderhub.Snapshot{}, orderhub.Errorf(orderhub.CodeUnavailable, "account %s is %s", a.ID, a.State)
	}
	n := h.normalise(a, store.Raw{Kind: kind, Body: body})
	if n.err != nil {
		if orderhub.CodeOf(n.err) == "" {
			return n.snap, orderhub.InvalidField("body", "%s", sentenceForQuarantine(n.err))
		}
		return n.snap, n.err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		return h.saveItems(ctx, tx, a.ID, "api", h.store.Now(), []channel.Item{{Kind: kind, ExternalID: n.snap.ExternalID, Body: body}})
	})
	return n.snap, err
}
