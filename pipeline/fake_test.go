package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// fakeName is the scripted channel of these tests.
const fakeName orderhub.Channel = "fake"

// fake is a market in memory whose every answer a test can script. Its wire
// format is the JSON of orderhub.Snapshot, so that a test says what it means.
type fake struct {
	mu    sync.Mutex
	books map[string]orderhub.Snapshot
	ids   []string // in the order of placing

	// What a test may replace; nil = the market behaves.
	onNormalise func(kind string, body []byte) (orderhub.Snapshot, error)
	onList      func(feed string, cursor channel.Cursor) (channel.Page, error)
	onRead      func(refs []channel.Ref) ([]channel.Item, error)
	onPush      func(pushes []channel.Push) ([]channel.PushResult, error)
	onWebhook   func(body []byte) (channel.Webhook, error)
	onPoll      func(token string) (channel.Page, error) // a feed of the account with this token
	// deaf makes the market take pushes without doing anything.
	deaf bool

	// What was called.
	reads  [][]string
	pushes []channel.Push

	desc channel.Descriptor
	bare bool // can only list and push

	counter counter
	cuts    cuts
	backs   backs
}

func newFake() *fake {
	return &fake{books: map[string]orderhub.Snapshot{}, desc: fakeDescriptor()}
}

func fakeDescriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: fakeName, Title: "Fake market", ReadBatch: 3, PushBatch: 4, Patience: 10 * time.Minute,
		Buyers:   channel.Buyers{Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, ID: true},
		Feeds:    []channel.Feed{{Name: "orders", Every: time.Minute}},
		Settings: []channel.Setting{{Key: "token", Title: "Token", Secret: true}, {Key: channel.SettingWebhookIPs, Title: "Senders"}},
		CancelReasons: []channel.CancelReason{
			{Code: "no_stock", Title: "Out of stock"},
			{Code: "other", Title: "Something else", NeedsComment: true},
			{Code: "late", Title: "Too late", From: []orderhub.Status{orderhub.StatusShipped}},
		},
		Statuses: orderhub.StatusTable{Steps: []orderhub.Step{
			{To: orderhub.StatusConfirmed, Kind: orderhub.StepPush, Call: "confirm"},
			{To: orderhub.StatusPacked, Kind: orderhub.StepLocal},
			{To: orderhub.StatusShipped, Kind: orderhub.StepPush, Call: "ship"},
			{To: orderhub.StatusReadyForPickup, Kind: orderhub.StepObserved, Note: "the courier causes it"},
			{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Call: "cancel"},
			// Like Yandex Market: arrives as new, confirmed is ours, packed is a call.
			{Scheme: orderhub.SchemeDBS, To: orderhub.StatusConfirmed, Kind: orderhub.StepLocal},
			{Scheme: orderhub.SchemeDBS, To: orderhub.StatusPacked, Kind: orderhub.StepPush, Call: "pack"},
			// Like a site: the hub decides and tells.
			{Scheme: orderhub.SchemeSite, To: orderhub.StatusCancelled, Kind: orderhub.StepTell},
			{Scheme: orderhub.SchemeLaaS, To: orderhub.StatusConfirmed, Kind: orderhub.StepTell},
		}},
	}
}

func (f *fake) channel() channel.Channel {
	return channel.Channel{Descriptor: f.desc, Open: func(s channel.Settings, _ channel.Deps) (channel.Adapter, error) {
		if f.bare {
			return bareAdapter{f, s["token"]}, nil
		}
		return fullAdapter{bareAdapter{f, s["token"]}}, nil
	}}
}

// place writes an order into the market's books; again with the same id
// changes it.
func (f *fake) place(snaps ...orderhub.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range snaps {
		if _, known := f.books[s.ExternalID]; !known {
			f.ids = append(f.ids, s.ExternalID)
		}
		f.books[s.ExternalID] = s
	}
}

// move changes the status of an order in the market's books.
func (f *fake) move(id string, to orderhub.Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.books[id]
	s.Status, s.Native = to, string(to)
	f.books[id] = s
}

// pushed lists what was pushed, as "id to".
func (f *fake) pushed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]string, len(f.pushes))
	for i, p := range f.pushes {
		out[i] = p.Order.Snapshot.ExternalID + " " + string(p.To)
	}
	return out
}

func (f *fake) readCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads)
}

// script changes the market's behaviour while it runs.
func (f *fake) script(change func(f *fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

const kindWhole, kindStatus = "whole", "status"

// itemOf is the market's answer about an order.
func itemOf(s orderhub.Snapshot) channel.Item {
	body, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	kind := kindWhole
	if s.StatusOnly {
		kind = kindStatus
	}
	return channel.Item{Kind: kind, ExternalID: s.ExternalID, Body: body}
}

// bareAdapter can list and push, and can read nothing again.
type bareAdapter struct {
	f     *fake
	token string
}

func (a bareAdapter) Normalise(kind string, body []byte) (orderhub.Snapshot, error) {
	a.f.mu.Lock()
	script := a.f.onNormalise
	a.f.mu.Unlock()
	if script != nil {
		return script(kind, body)
	}
	return readFake(kind, body)
}

func readFake(_ string, body []byte) (orderhub.Snapshot, error) {
	var s orderhub.Snapshot
	if err := json.Unmarshal(body, &s); err != nil {
		return s, errors.New("fake: the body is not an order")
	}
	return s, nil
}

func (a bareAdapter) List(_ context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	a.f.mu.Lock()
	script, poll := a.f.onList, a.f.onPoll
	a.f.mu.Unlock()
	if feed == "returns" {
		return a.f.listReturns(), nil
	}
	if poll != nil {
		return poll(a.token)
	}
	if script != nil {
		return script(feed, cursor)
	}
	return a.f.page(2, cursor, func(orderhub.Snapshot) bool { return true })
}

// page lists the orders of the books that fit, size at a time.
func (f *fake) page(size int, cursor channel.Cursor, fits func(orderhub.Snapshot) bool) (channel.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := 0
	if len(cursor) > 0 {
		var err error
		if from, err = strconv.Atoi(string(cursor)); err != nil {
			return channel.Page{}, fmt.Errorf("fake: cursor: %w", err)
		}
	}
	var page channel.Page
	for i := from; i < len(f.ids) && len(page.Items) < size; i++ {
		from = i + 1
		if s := f.books[f.ids[i]]; fits(s) {
			page.Items = append(page.Items, itemOf(s))
		}
	}
	if from >= len(f.ids) {
		return channel.Page{Items: page.Items, Done: true}, nil
	}
	page.Next = channel.Cursor(strconv.Itoa(from))
	return page, nil
}

func (a bareAdapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	ids := make([]string, len(pushes))
	for i, p := range pushes {
		ids[i] = p.Order.Snapshot.ExternalID
	}
	results, err := a.f.push(pushes)
	wire(ctx, "/push", ids, err)
	return results, err
}

// wire records a call as package rest does.
func wire(ctx context.Context, path string, ids []string, err error) {
	e := channel.Exchange{At: time.Now(), Method: http.MethodPost, Path: path, Request: []byte(strings.Join(ids, " ")), Status: http.StatusOK, Keys: channel.KeysOf(ctx)}
	if err != nil {
		e.Status, e.Failure = http.StatusInternalServerError, err.Error()
	}
	channel.RecorderOf(ctx).Add(e)
}

func (f *fake) push(pushes []channel.Push) ([]channel.PushResult, error) {
	f.mu.Lock()
	f.pushes = append(f.pushes, pushes...)
	script := f.onPush
	f.mu.Unlock()
	if script != nil {
		return script(pushes)
	}
	return f.obey(pushes), nil
}

// obey does what is asked and says yes.
func (f *fake) obey(pushes []channel.Push) []channel.PushResult {
	out := make([]channel.PushResult, len(pushes))
	for i, p := range pushes {
		out[i].Outcome = channel.OutcomeAccepted
		if !f.deaf && p.To != "" {
			f.move(p.Order.Snapshot.ExternalID, p.To)
		}
	}
	return out
}

// fullAdapter can do everything.
type fullAdapter struct{ bareAdapter }

var (
	_ channel.OrderReader    = fullAdapter{}
	_ channel.RangeLister    = fullAdapter{}
	_ channel.TrackingPusher = fullAdapter{}
	_ channel.CancelAnswerer = fullAdapter{}
	_ channel.WebhookParser  = fullAdapter{}
)

func (a fullAdapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ExternalID
	}
	a.f.mu.Lock()
	a.f.reads = append(a.f.reads, ids)
	script := a.f.onRead
	a.f.mu.Unlock()
	if script != nil {
		items, err := script(refs)
		wire(ctx, "/read", ids, err)
		return items, err
	}
	wire(ctx, "/read", ids, nil)
	return a.f.read(refs), nil
}

// read answers truthfully.
func (f *fake) read(refs []channel.Ref) []channel.Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []channel.Item
	for _, r := range refs {
		if s, ok := f.books[r.ExternalID]; ok {
			out = append(out, itemOf(s))
		}
	}
	return out
}

func (a fullAdapter) ListRange(_ context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	return a.f.page(2, cursor, func(s orderhub.Snapshot) bool { return !s.PlacedAt.Before(from) && s.PlacedAt.Before(to) })
}

func (a fullAdapter) PushTracking(_ context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out, err := a.f.push(pushes)
	a.f.mu.Lock()
	defer a.f.mu.Unlock()
	for i, p := range pushes {
		if s, ok := a.f.books[p.Order.Snapshot.ExternalID]; ok && err == nil && out[i].Outcome != channel.OutcomeFailed && !a.f.deaf {
			s.Shipping.Tracking = p.Params["tracking"]
			a.f.books[s.ExternalID] = s
		}
	}
	return out, err
}

func (a fullAdapter) AnswerCancel(_ context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out, err := a.f.push(pushes)
	for _, p := range pushes {
		a.f.mu.Lock()
		s := a.f.books[p.Order.Snapshot.ExternalID]
		s.CancelRequest = nil
		s.Holds = slices.DeleteFunc(slices.Clone(s.Holds), func(h orderhub.Hold) bool { return h == orderhub.HoldCancelRequest })
		a.f.books[s.ExternalID] = s
		a.f.mu.Unlock()
		if p.Params["answer"] == "accept" {
			a.f.move(s.ExternalID, orderhub.StatusCancelled)
		}
	}
	return out, err
}

func (a fullAdapter) ParseWebhook(_ *http.Request, body []byte, _ netip.Addr) (channel.Webhook, error) {
	if a.f.onWebhook == nil {
		return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "not a message")
	}
	return a.f.onWebhook(body)
}

func (a fullAdapter) ErrorReply(err error) channel.Reply {
	status := http.StatusServiceUnavailable
	switch orderhub.CodeOf(err) { //nolint:exhaustive // everything else is "come again"
	case orderhub.CodeInvalid:
		status = http.StatusBadRequest
	case orderhub.CodeConflict:
		status = http.StatusConflict
	}
	return channel.Reply{Status: status, Body: []byte("no")}
}
