package channeltest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/demo"
	"github.com/orderhub/orderhub/channel/demo/demosim"
	"github.com/orderhub/orderhub/marketsim"
)

// full is everything that the demo adapter can do.
type full interface {
	channel.Adapter
	channel.Lister
	channel.RangeLister
	channel.OrderReader
	channel.StatusPusher
	channel.Checker
	channel.WebhookParser
}

// broken is the demo adapter with some calls replaced. Each hook gets the sound
// adapter to build its fault upon.
type broken struct {
	full
	deps       channel.Deps
	list       func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error)
	listRange  func(b *broken, ctx context.Context, from, to time.Time, c channel.Cursor) (channel.Page, error)
	read       func(b *broken, ctx context.Context, refs []channel.Ref) ([]channel.Item, error)
	push       func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error)
	normalise  func(b *broken, kind string, body []byte) (orderhub.Snapshot, error)
	webhook    func(b *broken, r *http.Request, body []byte) (channel.Webhook, error)
	errorReply func(err error) channel.Reply
	// state is what an adapter must not have.
	mu    sync.Mutex
	state channel.Cursor
	// starts and partner are of meet.
	starts  int
	partner chan struct{}
}

// meet lets the second and the third sweep begin at the same moment, and the
// fourth and the fifth: a fault of two goroutines then shows at every run.
func (b *broken) meet() {
	b.mu.Lock()
	b.starts++
	var wait chan struct{}
	switch {
	case b.starts == 1:
	case b.starts%2 == 0:
		b.partner = make(chan struct{})
		wait = b.partner
	default:
		close(b.partner)
	}
	b.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func (b *broken) List(ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
	if b.list != nil {
		return b.list(b, ctx, feed, c)
	}
	return b.full.List(ctx, feed, c)
}

func (b *broken) ListRange(ctx context.Context, from, to time.Time, c channel.Cursor) (channel.Page, error) {
	if b.listRange != nil {
		return b.listRange(b, ctx, from, to, c)
	}
	return b.full.ListRange(ctx, from, to, c)
}

func (b *broken) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	if b.read != nil {
		return b.read(b, ctx, refs)
	}
	return b.full.ReadOrders(ctx, refs)
}

func (b *broken) PushStatus(ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
	if b.push != nil {
		return b.push(b, ctx, p)
	}
	return b.full.PushStatus(ctx, p)
}

func (b *broken) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	if b.normalise != nil {
		return b.normalise(b, kind, body)
	}
	return b.full.Normalise(kind, body)
}

func (b *broken) ParseWebhook(r *http.Request, body []byte, remote netip.Addr) (channel.Webhook, error) {
	if b.webhook != nil {
		return b.webhook(b, r, body)
	}
	return b.full.ParseWebhook(r, body, remote)
}

func (b *broken) ErrorReply(err error) channel.Reply {
	if b.errorReply != nil {
		return b.errorReply(err)
	}
	return b.full.ErrorReply(err)
}

// reclass gives an error another class or sentence.
func reclass(err error, change func(e *orderhub.BorderError)) error {
	var be *orderhub.BorderError
	if errors.As(err, &be) {
		e := *be
		change(&e)
		return &e
	}
	return err
}

// withSnapshot changes what Normalise gives.
func withSnapshot(change func(s *orderhub.Snapshot)) func(*broken, string, []byte) (orderhub.Snapshot, error) {
	return func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
		s, err := b.full.Normalise(kind, body)
		if err == nil {
			change(&s)
		}
		return s, err
	}
}

// suite is the demo's own suite with its adapter bent by the hooks.
func suite(bend func(b *broken)) Suite {
	move := func(id string, from, to orderhub.Status) channel.Push {
		return channel.Push{Key: "effect-1", To: to, Attempt: 1, Order: orderhub.Order{
			Headline: from, Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeFBS, Status: from},
		}}
	}
	cancel := move("D-4", orderhub.StatusNew, orderhub.StatusCancelled)
	cancel.Reason = "out_of_stock"
	one := func(id string) []Canned {
		return []Canned{{Method: "POST", Path: "/v1/orders/status", Body: `{"results":[{"id":"` + id + `","ok":true}]}`, Write: true}}
	}
	accepted, no := PushWant{Outcome: channel.OutcomeAccepted}, PushWant{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}
	var batch []channel.Push
	for i := 1; i <= 5; i++ {
		batch = append(batch, move("D-"+strconv.Itoa(i), orderhub.StatusNew, orderhub.StatusConfirmed))
	}
	signed := http.Header{"X-Demo-Secret": {demosim.Secret}}
	return Suite{
		Channel: channel.Channel{Descriptor: demo.Channel.Descriptor, Open: func(s channel.Settings, d channel.Deps) (channel.Adapter, error) {
			ad, err := demo.Channel.Open(s, d)
			if err != nil {
				return nil, err
			}
			b := &broken{full: ad.(full), deps: d}
			if bend != nil {
				bend(b)
			}
			return b, nil
		}},
		Market:      func(_ testing.TB, in *marketsim.Injector) marketsim.Market { return demosim.New(in) },
		Schemes:     []orderhub.Scheme{orderhub.SchemeFBS},
		ErrorBodies: map[int]string{401: `{"error":{"code":"BAD_TOKEN","text":"the token is not known"}}`},
		Fixtures:    "../demo/testdata",
		Pushes: []PushCase{
			{
				Name: "confirm_batch", Pushes: batch, Want: []PushWant{accepted, no, accepted, accepted, accepted},
				Replies: []Canned{{Method: "POST", Path: "/v1/orders/status", Write: true, Body: `{"results":[{"id":"D-1","ok":true},
					{"id":"D-2","error":{"code":"NOT_NOW"}},{"id":"D-3","ok":true},{"id":"D-4","ok":true},{"id":"D-5","ok":true}]}`}},
			},
			{Name: "ship", Pushes: []channel.Push{move("D-1", orderhub.StatusPacked, orderhub.StatusShipped)}, Want: []PushWant{accepted}, Replies: one("D-1")},
			{Name: "cancel", Pushes: []channel.Push{cancel}, Want: []PushWant{accepted}, Replies: one("D-4")},
		},
		Webhooks: []WebhookCase{
			{Name: "changed", Header: signed, Body: `{"event_id": 17, "order_id": "D-1001"}`},
			{Name: "no_secret", Body: `{"event_id": 17, "order_id": "D-1001"}`, Refused: true},
		},
		BuyerWords: []string{"Zinaida", "79005550101"},
		patience:   time.Second,
	}
}

// TestSoundAdapterPasses is the control of TestBrokenAdapters.
func TestSoundAdapterPasses(t *testing.T) {
	t.Parallel()
	skipUnderUpdate(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := record(t, c, suite(nil)); len(got) > 0 {
				t.Errorf("reported %q", got)
			}
		})
	}
}

func skipUnderUpdate(t *testing.T) {
	t.Helper()
	if Update() {
		t.Skip("the goldens belong to channel/demo; a broken adapter must not rewrite them")
	}
}

// TestBrokenAdapters proves the kit: each fault is found by the check that is
// meant for it, in words that name it.
func TestBrokenAdapters(t *testing.T) {
	t.Parallel()
	skipUnderUpdate(t)
	for _, tc := range slices.Concat(listFaults, pushFaults, wordFaults) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantReport(t, tc.check, tc.report, suite(tc.bend))
		})
	}
}

func wantReport(t *testing.T, name, report string, s Suite) {
	t.Helper()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no check %q", name)
	}
	got := record(t, checks[i], s)
	if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, report) }) {
		t.Errorf("check %q does not report %q; it reported %q", name, report, got)
	}
}

// TestBrokenDescriptors does the same for what is data.
func TestBrokenDescriptors(t *testing.T) {
	t.Parallel()
	skipUnderUpdate(t)
	for _, tc := range []struct {
		name, check, report string
		bend                func(d *channel.Descriptor)
	}{
		{"no help text", "descriptor", "help text", func(d *channel.Descriptor) { d.Settings[0].Help = "" }},
		{"secret not marked", "descriptor", "looks like a secret", func(d *channel.Descriptor) { d.Settings[0].Secret = false }},
		{"no base_url", "descriptor", "base_url", func(d *channel.Descriptor) { d.Settings = d.Settings[:2] }},
		{"limit without a source", "descriptor", "name the document", func(d *channel.Descriptor) { d.Limits[0].Source = "" }},
		{"feed without a pause", "descriptor", "pause", func(d *channel.Descriptor) { d.Feeds[0].Every = 0 }},
		{"network that is none", "descriptor", "WebhookIPs", func(d *channel.Descriptor) { d.WebhookIPs = []string{"192.0.2"} }},
		{"group without a bucket", "paging", "does not list", func(d *channel.Descriptor) { d.Limits[0].Group = "other" }},
		{"row twice", "status table", "stands twice", func(d *channel.Descriptor) {
			d.Statuses.Native = append(d.Statuses.Native, d.Statuses.Native[0])
		}},
		{"row to no status", "status table", "is not known", func(d *channel.Descriptor) { d.Statuses.Native[0].Status = "sold" }},
		{"push without a call", "status table", "names no call", func(d *channel.Descriptor) { d.Statuses.Steps[0].Call = "" }},
		{"observed without a note", "status table", "has no note", func(d *channel.Descriptor) { d.Statuses.Steps[3].Note = "" }},
		{"step not told", "status table", "do not say how", func(d *channel.Descriptor) { d.Statuses.Steps = d.Statuses.Steps[1:] }},
		{"push without a case", "status table", "no case of it", func(d *channel.Descriptor) {
			d.Statuses.Steps[4].Kind, d.Statuses.Steps[4].Call = orderhub.StepPush, "POST /x"
		}},
		{"word of the market missing", "life", "does not know", func(d *channel.Descriptor) {
			d.Statuses.Native = slices.DeleteFunc(d.Statuses.Native, func(n orderhub.NativeStatus) bool { return n.Word == "arrived" })
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := suite(nil)
			d := &s.Channel.Descriptor
			d.Settings, d.Limits, d.Feeds = slices.Clone(d.Settings), slices.Clone(d.Limits), slices.Clone(d.Feeds)
			d.Statuses.Native, d.Statuses.Steps = slices.Clone(d.Statuses.Native), slices.Clone(d.Statuses.Steps)
			tc.bend(d)
			wantReport(t, tc.check, tc.report, s)
		})
	}
}

// TestOpenThatTakesAnything: wrong settings must be noticed before the first call.
func TestOpenThatTakesAnything(t *testing.T) {
	t.Parallel()
	skipUnderUpdate(t)
	s := suite(nil)
	s.Channel.Descriptor.Settings = slices.Clone(s.Channel.Descriptor.Settings)
	s.Channel.Descriptor.Settings[2].Check = nil
	s.Channel.Open = func(channel.Settings, channel.Deps) (channel.Adapter, error) {
		return demo.Channel.Open(channel.Settings{"token": demosim.Token}, channel.Deps{})
	}
	wantReport(t, "settings", "settings base_url ftp://example.org: accepted", s)
	wantReport(t, "settings", "Open takes empty settings", s)
}
