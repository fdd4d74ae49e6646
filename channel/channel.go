// Package channel is the contract between the hub and its channels: what an
// adapter must be able to do (Adapter), what it may be able to do (the
// one-method interfaces of ability.go), and how it describes itself
// (Descriptor).
//
// An adapter translates words. It gives no identity, keeps no state between
// calls, writes nothing to disk and never decides what happens to an order:
// that is package pipeline. Retries, pauses, logging and redaction are in
// channel/rest and jobs.
package channel

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
)

// Channel is one kind of source as the registry (channel/all) lists it.
type Channel struct {
	Descriptor Descriptor
	// Open makes an adapter for one account. It checks the settings and makes
	// no call to the outside.
	Open func(settings Settings, deps Deps) (Adapter, error)
}

// Deps is what the core lends to an adapter.
type Deps struct {
	// HTTP does the calls; nil means a client with sane time-outs.
	HTTP *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log gets warnings; nil discards them. Adapters never log secrets, bodies
	// or buyer's data.
	Log *slog.Logger
	// Quotas are the buckets of this account, shared by everything that calls
	// on its behalf in this process; nil means fresh ones from Descriptor.Limits.
	Quotas Quotas
}

// Quotas hands out permissions to call. channel/rest implements it.
type Quotas interface {
	// Wait blocks until n calls of the group are allowed, or ctx ends.
	Wait(ctx context.Context, group string, n int) error
	// Charge takes n extra permissions after the fact (WB: a 4XX costs 10).
	Charge(group string, n int)
	// Pause stops the whole group for d (429, 420).
	Pause(group string, d time.Duration)
	// Left tells how many calls of each group are allowed right now.
	Left() map[string]int
}

// Adapter is one open account of a channel. Everything else it can do (Lister
// first of all) is found by type assertion, see ability.go. Its methods may be
// called from several goroutines.
type Adapter interface {
	Normaliser
}

// Lister reads the feeds that the Descriptor names. A channel that only pushes
// (a site) has none.
type Lister interface {
	// List reads the next page of a feed. The cursor is what the previous page
	// gave, nil at the very first call; the core stores it together with the
	// rows of the page and never looks inside. A crash between two pages repeats
	// the later one, so a cursor must stay usable for hours and any saved cursor
	// must resume without a gap.
	List(ctx context.Context, feed string, cursor Cursor) (Page, error)
}

// Cursor is an adapter's own position in a feed.
type Cursor []byte

// Page is one page of raw answers.
type Page struct {
	Items []Item
	// Next continues the feed: the next page of this sweep, or, when Done, the
	// start of the next sweep (with the overlap that the feed needs).
	Next Cursor
	// Done: the sweep has reached the end; what the channel showed is here.
	Done bool
}

// Item is one raw answer about one order, kept as it came.
type Item struct {
	// Kind names the shape of Body for Normalise: "fbs_v4", "fbs_get_v3".
	Kind string
	// ExternalID is the order's key, read from the body with as little parsing
	// as possible; "" when even that failed: the item is quarantined with its
	// body and nothing else is held up.
	ExternalID string
	Body       json.RawMessage
}

// Normaliser translates raw answers.
type Normaliser interface {
	// Normalise is pure: the same bytes give the same snapshot, today and at a
	// replay next year. Unknown words never fail it (Snapshot.Drift); an error
	// means that the body cannot be understood at all and names the field.
	Normalise(kind string, body []byte) (orderhub.Snapshot, error)
}

// Settings are an account's settings by key, defaults filled in.
type Settings map[string]string

// SettingBaseURL is the key that every channel with an outside API has: one
// address that replaces all hosts of the marketplace, for tests and proxies.
const SettingBaseURL = "base_url"

// SettingWebhookIPs is the key under which a channel lets the operator replace
// Descriptor.WebhookIPs: networks or addresses, with commas.
const SettingWebhookIPs = "webhook_ips"
