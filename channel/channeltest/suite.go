// Package channeltest is the conformance kit of the channels: one suite that
// every adapter passes. An adapter's test fills in a Suite and calls Run; the
// kit asks the adapter only through the interfaces of package channel and never
// looks inside. It must not know any marketplace.
package channeltest

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
)

// Suite is what the kit must be told of a channel.
type Suite struct {
	// Channel under test. To reach three pages with few orders, wrap Open so
	// that it asks for small pages.
	Channel channel.Channel
	// Market makes a fresh simulator; the kit serves its Handler over HTTP and
	// closes it. in decides about faults and is never nil. Asynchronous steps
	// should be fast.
	Market func(t testing.TB, in *marketsim.Injector) marketsim.Market
	// Connect puts the address of a test server into a copy of the market's
	// Settings; nil sets channel.SettingBaseURL.
	Connect func(settings map[string]string, serverURL string)
	// Settings are what the adapter gets against the kit's own canned server; nil =
	// the market's. Fixed ones keep signatures in goldens the same.
	Settings map[string]string
	// Schemes are the schemes in which the kit places orders.
	Schemes []orderhub.Scheme
	// Orders is how many orders are placed per scheme: enough for three pages
	// of each feed. 0 = 12.
	Orders int
	// MinPages is how many pages a full sweep of all feeds takes at least, so that
	// the cursor tests prove something. 0 = 3.
	MinPages int
	// Spec makes the n-th order (from 0) of a scheme; nil = two plain lines.
	Spec func(scheme orderhub.Scheme, n int) marketsim.OrderSpec

	// Params adds to a push that the kit asks for by itself what a person would
	// fill in (a hand-over code); nil = nothing.
	Params func(p channel.Push) map[string]string

	// ErrorBodies are bodies of the real channel's failed answers by HTTP
	// status. Statuses without one get the body of a proxy's HTML page.
	ErrorBodies map[int]string
	// ErrorClasses overrides the class that the kit expects of an HTTP status
	// (401, 402, 403 auth; 420, 429 rate limited; 408, 5xx retry, or uncertain
	// when a write was answered so), for a channel whose words say otherwise.
	ErrorClasses map[int]orderhub.Class

	// Fixtures is the folder of samples and goldens, "" = "testdata":
	// normalise/<kind>/<name>.json with the snapshot in <name>.golden.json,
	// push/<name>.golden and webhook/<name>.golden. `go test -update` rewrites
	// the goldens. At least one sample per kind that List and ReadOrders give.
	Fixtures string
	// Pushes are the calls that the adapter makes.
	Pushes []PushCase
	// PushHeaders are request headers that the push goldens show (signatures).
	PushHeaders []string
	// Webhooks are messages to the hub.
	Webhooks []WebhookCase

	// BuyerWords (name, phone, address in the samples and error bodies) and
	// Secrets must never appear in an error or in the log. Secret settings of
	// Market are added to Secrets.
	BuyerWords, Secrets []string
	// NoList says that the channel only pushes and has no Lister.
	NoList bool
	// FreeQuotas: the simulator runs without limits, so the kit does not wait for
	// the descriptor's. Their names are checked all the same.
	FreeQuotas bool
	// Repeatable: every push carries an id by which the receiver drops repeats (a
	// site's webhook-id), so a lost answer may be ClassRetry; and the receiver's
	// answers have no body that means anything, so Check cannot tell garbage.
	Repeatable bool

	// patience is how long asynchronous steps may take; 0 = 20 s.
	patience time.Duration
}

// PushCase is one batch of pushes of one kind with what the channel answers.
// Every case runs four ways: as written, with a failing channel, with the answer
// to the write lost, and against the golden of the requests made.
type PushCase struct {
	Name string
	// Kind picks the ability; "" = orderhub.EffectStatus.
	Kind orderhub.EffectKind
	// Pushes is the batch, at most Descriptor.PushBatch.
	Pushes []channel.Push
	// Replies are what the channel answers, taken in order per method and path;
	// the last one of a path repeats. A request without one fails the case.
	Replies []Canned
	// Want has one entry per push.
	Want []PushWant
	// WantErr is the class of the error for the whole batch; "" = no error.
	WantErr orderhub.Class
}

// PushWant is what the adapter must make of one push.
type PushWant struct {
	Outcome channel.Outcome
	// Class of PushResult.Err when Outcome is channel.OutcomeFailed.
	Class orderhub.Class
}

// Canned is one answer of a channel.
type Canned struct {
	Method, Path string
	// Status 0 = 200.
	Status int
	Header http.Header
	Body   string
	// Write marks the request that changes something at the channel: when its
	// answer is lost, the push is ClassUncertain. A case with an accepted or done
	// push marks at least one.
	Write bool
}

// WebhookCase is one message to the hub. The golden holds what came of it: the
// hints, the items, the reply.
type WebhookCase struct {
	Name string
	// Method "" = POST; Path "" = "/hook".
	Method, Path string
	Header       http.Header
	Body         string
	// Remote is the sender; the zero address is the first of Descriptor.WebhookIPs,
	// or 127.0.0.1 when it names none.
	Remote netip.Addr
	// Settings are added to the market's.
	Settings map[string]string
	// Now is the adapter's clock; zero = Clock.
	Now time.Time
	// Refused: ParseWebhook gives an error; the golden holds ErrorReply.
	Refused bool
}

// Clock is the adapter's time in push and webhook cases.
var Clock = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, &s)
		})
	}
}

// check is one named part of the suite. It takes testing.TB, so that the kit's
// own tests can hand in a recorder and prove that a broken adapter is found out.
type check struct {
	name string
	run  func(t testing.TB, s *Suite)
}

var checks = []check{
	{"descriptor", checkDescriptor},
	{"status table", checkStatusTable},
	{"settings", checkSettings},
	{"samples", checkSamples},
	{"drift", checkDrift},
	{"damage", checkDamage},
	{"paging", checkPaging},
	{"resume", checkResume},
	{"replay", checkReplay},
	{"next sweep", checkNextSweep},
	{"range", checkRange},
	{"read orders", checkReadOrders},
	{"life", checkLife},
	{"two at once", checkConcurrency},
	{"http errors", checkHTTPErrors},
	{"garbage", checkGarbage},
	{"no answer", checkNoAnswer},
	{"pushes", checkPushes},
	{"lost writes", checkLostWrites},
	{"webhooks", checkWebhooks},
}
