package orderhub

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Verdict is what became of a piece of news.
type Verdict string

// The verdicts of Merge.
const (
	// NewsSame: the order says so already; nothing is written.
	NewsSame Verdict = "same"
	// NewsApplied: the order changed.
	NewsApplied Verdict = "applied"
	// NewsRefused: older than what is known; kept in the history only.
	NewsRefused Verdict = "refused"
)

// Merge applies a snapshot read at readAt to an order and tells what became of
// it. It changes only the channel's side, and Headline where the channel's
// status moved. Older news never overwrites newer:
//
//   - both sides carry the channel's time: the later one wins, whatever the rank;
//   - the channel tells no time (Ozon, Wildberries): a status of lower rank is
//     refused as stale, remembered as doubt, and believed when the same news is
//     still there after patience (Wildberries can put an order back);
//   - cancelled is a tombstone: no earlier step revives the order, not even
//     after a word that the hub does not know, nor when the hub itself cancelled.
//
// Fields other than the status follow the same verdict: a stale answer is stale
// as a whole.
func Merge(o *Order, news Snapshot, readAt time.Time, patience time.Duration) (Verdict, string) {
	old, told, learnt := o.Snapshot, news.Status, false
	why := olderNews(o, news, readAt, patience)
	if why != "" {
		if o.Doubt != news.Status {
			o.Doubt, o.DoubtSince = news.Status, readAt
		}
		learnt = OldCancel(o, news) || SawLeave(o, news)
		switch {
		case old.StatusOnly && !news.StatusOnly:
		case learnt:
			return NewsApplied, ""
		default:
			return NewsRefused, why
		}
		old = o.Snapshot
		// A status came before its order (a cancel before the order itself): the
		// content is the first we get, its status is not news.
		news.Native, news.NativeSub, news.Status, news.ChangedAt, news.Revision = "", "", StatusUnknown, time.Time{}, 0
	}
	merged := mergeSnapshot(old, news)
	headline := o.Headline
	if merged.Status != old.Status || headline == StatusUnknown {
		headline = follow(headline, old.Status, merged.Status)
	}
	if merged.Cancellation == nil && headline == StatusCancelled {
		merged.Cancellation = old.Cancellation // the hub's own: it cancelled
	}
	if headline == StatusCancelled && (o.Headline.HandedOver() || old.Status.HandedOver() || merged.Status.HandedOver()) {
		merged.Cancellation = afterHandOver(merged.Cancellation)
	}
	clearsRequest := o.Requested != "" && (merged.Status == o.Requested || merged.Status.Rank() > o.Requested.Rank())
	// Only an answer that tells the status dispels a doubt about it (the order
	// lists of Wildberries carry none).
	dispels := o.Doubt != "" && (news.StatusOnly || news.Native != "")
	if SameSnapshot(merged, old) && headline == o.Headline && !clearsRequest && !dispels && !learnt {
		return NewsSame, ""
	}
	o.Snapshot, o.Headline = merged, headline
	if why != "" && told.HandedOver() {
		o.HadLeft() // now that its goods are known
	}
	if dispels {
		o.Doubt, o.DoubtSince = "", time.Time{}
	}
	if clearsRequest {
		o.Requested = ""
	}
	return NewsApplied, ""
}

// OldCancel cancels an order by older news that it was cancelled, if what is known
// could not have revived it: a tombstone stands whenever it is found. It reports
// whether that is new.
func OldCancel(o *Order, news Snapshot) bool {
	if news.Status != StatusCancelled || mayFollowCancel(o.Snapshot.Status) || o.Snapshot.Native == "" {
		return false
	}
	left := o.Headline.HandedOver() || o.Snapshot.Status.HandedOver()
	newest := o.Snapshot
	copyStatus(&o.Snapshot, news)
	o.Headline = StatusCancelled
	if o.Snapshot.Cancellation == nil {
		o.Snapshot.Cancellation = newest.Cancellation
	}
	if left {
		o.Snapshot.Cancellation = afterHandOver(o.Snapshot.Cancellation)
	}
	o.Requested = ""
	return true
}

// SawLeave learns from older news that the goods of a cancelled order had left the
// seller: whatever came later, they come back through a return only. It reports
// whether that is new.
func SawLeave(o *Order, news Snapshot) bool {
	return news.Status.HandedOver() && o.HadLeft()
}

// HadLeft records of a cancelled order that its goods had left the seller. It reports
// whether that is new.
func (o *Order) HadLeft() bool {
	if o.Headline != StatusCancelled || !o.CountsGoods() {
		return false
	}
	if c := o.Snapshot.Cancellation; c != nil && c.AfterHandOver {
		return false
	}
	o.Snapshot.Cancellation = afterHandOver(o.Snapshot.Cancellation)
	return true
}

// afterHandOver says of a cancellation that the goods had left.
func afterHandOver(c *Cancellation) *Cancellation {
	if c != nil && (c.AfterHandOver || c.By == CancelBySplit) {
		return c
	}
	out := Cancellation{}
	if c != nil {
		out = *c
	}
	out.AfterHandOver = true
	return &out
}

// SameSnapshot reports whether two snapshots say the same: equal as they would
// be stored, so that nil and empty lists do not differ.
func SameSnapshot(a, b Snapshot) bool { return sameJSON(a, b) }

func sameJSON(a, b any) bool {
	ja, errA := json.Marshal(a)
	jb, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(ja, jb)
}

// olderNews says why the news is older than what is known, "" if it is not.
func olderNews(o *Order, news Snapshot, readAt time.Time, patience time.Duration) string {
	old := o.Snapshot
	if old.Revision != 0 && news.Revision != 0 {
		if news.Revision < old.Revision {
			return "older revision"
		}
		return tombstone(o, news)
	}
	if !old.ChangedAt.IsZero() && !news.ChangedAt.IsZero() {
		if news.ChangedAt.Before(old.ChangedAt) {
			return "older than the channel's last change"
		}
		if news.ChangedAt.After(old.ChangedAt) {
			return tombstone(o, news)
		}
	}
	if why := tombstone(o, news); why != "" {
		return why
	}
	if news.Status == StatusUnknown || old.Status == StatusUnknown || news.Status.Rank() >= old.Status.Rank() {
		return ""
	}
	if o.Doubt == news.Status && readAt.Sub(o.DoubtSince) >= patience {
		return ""
	}
	return "the channel had already reported " + string(old.Status)
}

// tombstone refuses to revive an order that the channel cancelled.
func tombstone(o *Order, news Snapshot) string {
	// A word that the hub does not know may stand above the cancellation.
	cancelled := o.Snapshot.Status == StatusCancelled || (o.Snapshot.Status == StatusUnknown && o.Headline == StatusCancelled)
	if cancelled && !mayFollowCancel(news.Status) {
		return "the order is cancelled"
	}
	return ""
}

// mayFollowCancel reports whether a status is possible after a cancellation.
func mayFollowCancel(s Status) bool {
	switch s {
	case StatusCancelled, StatusUnknown, StatusReturned, StatusPartiallyReturned:
		return true
	case StatusPending, StatusNew, StatusConfirmed, StatusPacked, StatusShipped, StatusReadyForPickup, StatusDelivered:
		return false
	}
	return true
}

// follow moves the headline after the channel's status. Steps that only the hub
// knows (packed above the channel's confirmed) are kept while the channel moves
// forward below them; a step back of the channel is followed.
func follow(headline, old, now Status) Status {
	switch {
	case now == StatusUnknown && headline != "":
		// The native word is new to us: keep the headline that people know, the
		// word itself is shown beside it.
		return headline
	case headline == StatusCancelled && !mayFollowCancel(now):
		return headline // the hub cancelled it and the channel has not caught up
	case now.Rank() > old.Rank() && headline.Rank() > now.Rank():
		return headline
	default:
		return now
	}
}

// mergeSnapshot lays news over what is known. A status-only answer changes only
// what it carries; attributes merge key by key.
func mergeSnapshot(old, news Snapshot) Snapshot {
	out := news
	if news.StatusOnly {
		out = old
		out.ChangedAt, out.Revision = news.ChangedAt, news.Revision
		copyStatus(&out, news)
		if news.Actions != nil {
			out.Actions = news.Actions
		}
		if len(news.Drift) > 0 {
			out.Drift = news.Drift
		}
		if out.ExternalID == "" {
			out.ExternalID, out.Scheme, out.StatusOnly = news.ExternalID, news.Scheme, true
		}
	}
	if news.ChangedAt.IsZero() {
		out.ChangedAt = old.ChangedAt
	}
	if news.Revision == 0 {
		out.Revision = old.Revision
	}
	if out.Cancellation == nil && (out.Status == StatusCancelled || out.Status == StatusUnknown) {
		out.Cancellation = old.Cancellation
	}
	if out.Cancellation != nil && old.Cancellation != nil && old.Cancellation.AfterHandOver {
		out.Cancellation = afterHandOver(out.Cancellation) // see SawLeave
	}
	keepAnswerBy(&out, old)
	out.Attrs = mergeAttrs(old.Attrs, news.Attrs)
	if !news.StatusOnly {
		keepKnown(&out, old)
	}
	return out
}

// keepAnswerBy keeps the deadline of a request to cancel where the channel names
// no request: it is then worked out of the time of the last change, which moves on
// while the request waits.
func keepAnswerBy(out *Snapshot, old Snapshot) {
	now, was := out.CancelRequest, old.CancelRequest
	if now == nil || was == nil || now.ID != "" || was.ID != "" || was.AnswerBy.IsZero() || was.AnswerBy.After(now.AnswerBy) && !now.AnswerBy.IsZero() {
		return
	}
	out.CancelRequest = &CancelRequest{AnswerBy: was.AnswerBy}
}

// copyStatus copies the words of the status and what hangs on them.
func copyStatus(out *Snapshot, from Snapshot) {
	out.Status, out.Native, out.NativeSub = from.Status, from.Native, from.NativeSub
	out.Holds, out.CancelRequest, out.Cancellation = from.Holds, from.CancelRequest, from.Cancellation
}

// keepKnown carries over what another kind of answer told and this one leaves
// out (WB: requiredMeta only in orders/new, status only in orders/status; Ozon:
// the list has no addressee).
func keepKnown(out *Snapshot, old Snapshot) {
	if out.Native == "" {
		copyStatus(out, old)
	}
	if out.Requires == nil {
		out.Requires = old.Requires
	}
	if out.Actions == nil {
		out.Actions = old.Actions
	}
	if out.Lines == nil {
		out.Lines = slices.Clone(old.Lines)
	}
	if out.Total.IsZero() {
		out.Total = old.Total
	}
	if out.PlacedAt.IsZero() {
		out.PlacedAt = old.PlacedAt
	}
	if out.ShipBy.IsZero() {
		out.ShipBy = old.ShipBy
	}
	if out.ParentID == "" {
		out.ParentID = old.ParentID
	}
	if out.GroupKey == "" {
		out.GroupKey = old.GroupKey
	}
	if out.SiteOrderID == "" {
		out.SiteOrderID = old.SiteOrderID
	}
	if out.Payment == PaymentUnknown {
		out.Payment = old.Payment
	}
	out.Customer = keepCustomer(out.Customer, old.Customer)
	if out.Comment == "" {
		out.Comment = old.Comment
	}
	if out.Shipping.Address == "" {
		out.Shipping.Address = old.Shipping.Address
	}
	if out.Shipping.Tracking == "" {
		out.Shipping.Tracking = old.Shipping.Tracking
	}
}

// keepCustomer fills in what one kind of answer leaves out (Ozon's list has no
// phone, its get has).
func keepCustomer(c, old Customer) Customer {
	if c.Phone == "" {
		c.Phone, c.ProxyPhone = old.Phone, old.ProxyPhone
	}
	for _, f := range []struct{ now, before *string }{
		{&c.ID, &old.ID}, {&c.Name, &old.Name}, {&c.Email, &old.Email}, {&c.Company, &old.Company}, {&c.INN, &old.INN}, {&c.KPP, &old.KPP},
	} {
		if *f.now == "" {
			*f.now = *f.before
		}
	}
	return c
}

func mergeAttrs(old, news map[string]string) map[string]string {
	if len(news) == 0 {
		return old
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range news {
		if v == "" {
			delete(out, k)
			continue
		}
		out[k] = v
	}
	return out
}
