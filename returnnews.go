package orderhub

import (
	"cmp"
	"slices"
	"time"
)

// PartGoods is the half of a return that tells of the goods on their way.
const PartGoods = "goods"

// MergeReturn lays what a channel says of one half of a return over what is
// known. Older news of the half changes nothing; newer news replaces it, but
// takes the goods no step back on their way. A half that is closed may open
// again: a claim that was rejected can be granted later. What the hub itself
// knows stays.
func MergeReturn(r *Return, news ReturnPart) Verdict {
	i := slices.IndexFunc(r.Parts, func(p ReturnPart) bool { return p.Snapshot.Part == news.Snapshot.Part })
	parts := slices.Clone(r.Parts)
	if i < 0 {
		parts = append(parts, news)
	} else {
		if olderPart(parts[i], news) {
			if sameReturn(parts[i].Snapshot, news.Snapshot) {
				return NewsSame
			}
			return NewsRefused
		}
		news.Snapshot = mergePart(parts[i].Snapshot, news.Snapshot)
		if sameReturn(parts[i].Snapshot, news.Snapshot) {
			return NewsSame
		}
		parts[i] = news
	}
	// The halves in one order, whichever was told first: goods, then the rest.
	slices.SortFunc(parts, func(a, b ReturnPart) int {
		x, y := a.Snapshot.Part, b.Snapshot.Part
		return cmp.Or(cmp.Compare(partRank(x), partRank(y)), cmp.Compare(x, y))
	})
	r.Parts = parts
	before := r.Snapshot.Lines
	r.Snapshot = joinParts(parts)
	if !r.ReceivedAt.IsZero() {
		r.Snapshot.Lines = keepPlaces(before, r.Snapshot.Lines)
	}
	r.Settle()
	return NewsApplied
}

// keepPlaces lists lines in the places that they had: what came is counted by place.
// A line that is not told any more keeps its place, without units.
func keepPlaces(before, lines []ReturnLine) []ReturnLine {
	if len(before) <= 1 && len(lines) <= 1 {
		return lines
	}
	rest, out := slices.Clone(lines), make([]ReturnLine, 0, len(lines))
	for _, was := range before {
		i := slices.IndexFunc(rest, func(l ReturnLine) bool { return l.ID == was.ID && sameGoods(l, was) })
		if i < 0 {
			i = slices.IndexFunc(rest, func(l ReturnLine) bool { return sameGoods(l, was) })
		}
		if i < 0 {
			was.Quantity = 0
			out = append(out, was)
			continue
		}
		out, rest = append(out, rest[i]), slices.Delete(rest, i, i+1)
	}
	return append(out, rest...)
}

func sameGoods(a, b ReturnLine) bool { return a.SKU == b.SKU && a.ListingKey == b.ListingKey }

func partRank(part string) int {
	switch part {
	case PartGoods:
		return 0
	case "":
		return 1
	}
	return 2
}

func sameReturn(a, b ReturnSnapshot) bool { return sameJSON(a, b) }

// olderPart tells whether news is older than what is known of the same half: by
// the source's count, by the channel's time, else by when it was read.
func olderPart(known, news ReturnPart) bool {
	a, b := known.Snapshot, news.Snapshot
	if a.Revision != 0 && b.Revision != 0 && a.Revision != b.Revision {
		return b.Revision < a.Revision
	}
	if !a.ChangedAt.IsZero() && !b.ChangedAt.IsZero() && !a.ChangedAt.Equal(b.ChangedAt) {
		return b.ChangedAt.Before(a.ChangedAt)
	}
	return news.ReadAt.Before(known.ReadAt)
}

// mergePart lays newer news of a half over older: what it leaves out stays.
func mergePart(old, news ReturnSnapshot) ReturnSnapshot {
	out := news
	if out.Actions == nil && out.Native == old.Native && out.State == old.State {
		out.Actions = old.Actions
	}
	if old.State != ReturnClosed && out.State.Rank() < old.State.Rank() {
		out.State = old.State
	}
	if out.Kind == ReturnUnknown {
		out.Kind = old.Kind
	}
	for _, f := range []struct{ now, before *string }{
		{&out.ExternalNumber, &old.ExternalNumber}, {&out.OrderID, &old.OrderID}, {&out.OrderRef, &old.OrderRef},
		{&out.Reason, &old.Reason}, {&out.Comment, &old.Comment},
	} {
		if *f.now == "" {
			*f.now = *f.before
		}
	}
	if len(out.Lines) == 0 {
		out.Lines = old.Lines
	}
	if len(out.Photos) == 0 {
		out.Photos = old.Photos
	}
	if out.Refund.IsZero() {
		out.Refund = old.Refund
	}
	if out.Compensation.IsZero() {
		out.Compensation = old.Compensation
	}
	if out.OpenedAt.IsZero() {
		out.OpenedAt = old.OpenedAt
	}
	if out.ChangedAt.IsZero() {
		out.ChangedAt = old.ChangedAt
	}
	if out.Revision == 0 {
		out.Revision = old.Revision
	}
	out.Attrs = mergeAttrs(old.Attrs, news.Attrs)
	return out
}

// joinParts makes one return of its halves, those of the goods first. Lines are
// those of one half, never a sum: both tell of the same goods.
func joinParts(parts []ReturnPart) ReturnSnapshot {
	out := parts[0].Snapshot
	for _, p := range parts[1:] {
		joinPart(&out, p.Snapshot)
	}
	if len(parts) > 1 {
		out.Part = ""
	}
	return out
}

// joinPart adds what another half tells. What concerns the buyer (the reason, the
// comment, the money, the answers) is that half's word where it has one.
func joinPart(out *ReturnSnapshot, half ReturnSnapshot) {
	if furtherHalf(out.State, half.State) {
		out.State, out.Native, out.NativeSub = half.State, half.Native, half.NativeSub
	}
	moving := out.Part == PartGoods && out.State != ReturnClosed && out.State.Rank() >= ReturnOnTheWay.Rank()
	out.NoGoods = out.NoGoods || (half.NoGoods && !moving)
	if kindWeight(half.Kind) > kindWeight(out.Kind) {
		out.Kind = half.Kind
	}
	for _, f := range []struct{ into, from *string }{
		{&out.ExternalNumber, &half.ExternalNumber}, {&out.OrderID, &half.OrderID}, {&out.OrderRef, &half.OrderRef},
		{&out.Place, &half.Place}, {&out.Barcode, &half.Barcode},
	} {
		if *f.into == "" {
			*f.into = *f.from
		}
	}
	for _, f := range []struct{ into, from *string }{{&out.Reason, &half.Reason}, {&out.Comment, &half.Comment}} {
		if *f.from != "" {
			*f.into = *f.from
		}
	}
	if len(out.Lines) == 0 {
		out.Lines = half.Lines
	}
	if len(half.Photos) > 0 {
		out.Photos = half.Photos
	}
	if half.Actions != nil {
		out.Actions = half.Actions
	}
	if !half.Refund.IsZero() {
		out.Refund = half.Refund
	}
	if !half.Compensation.IsZero() {
		out.Compensation = half.Compensation
	}
	out.PickUpBy, out.AnswerBy = orTime(out.PickUpBy, half.PickUpBy), orTime(half.AnswerBy, out.AnswerBy)
	if out.OpenedAt.IsZero() || (!half.OpenedAt.IsZero() && half.OpenedAt.Before(out.OpenedAt)) {
		out.OpenedAt = half.OpenedAt
	}
	if half.ChangedAt.After(out.ChangedAt) {
		out.ChangedAt = half.ChangedAt
	}
	out.Revision = max(out.Revision, half.Revision)
	out.Attrs = mergeAttrs(half.Attrs, out.Attrs)
	for _, d := range half.Drift {
		if !slices.Contains(out.Drift, d) {
			out.Drift = append(slices.Clip(out.Drift), d)
		}
	}
}

// furtherHalf tells whether the other half says more than that of the goods.
// Goods that have started are where they are, whatever became of the claim: a
// claim that is closed closes only what has not left the buyer.
func furtherHalf(goods, other ReturnState) bool {
	if other == ReturnClosed {
		return goods == ReturnAnnounced
	}
	return other.Rank() > goods.Rank()
}

func kindWeight(k ReturnKind) int {
	switch k {
	case ReturnDefect:
		return 3
	case ReturnCustomer:
		return 2
	case ReturnRefused:
		return 1
	case ReturnUnknown:
	}
	return 0
}

func orTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}
