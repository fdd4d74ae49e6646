package ozon

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const (
	day = 24 * time.Hour
	// /v4/posting/fbs/unfulfilled/list wants a window; a narrow one silently
	// drops postings.
	cutoffBack, cutoffAhead = 90 * day, 180 * day
	// The lists refuse a window over a year; ahead covers a clock that is behind.
	widest, ahead = 360 * day, day
	// A first sweep of the changes goes this far back.
	firstChanges = 30 * day
	// Ozon's replicas lag and late rows appear: sweeps overlap by this much.
	changesOverlap = 3 * time.Hour
	// FBO has no filter by change: the last days every time, far back rarely.
	fboShallow, fboDeep, fboDeepEvery = 3 * day, 60 * day, 6 * time.Hour
	// A sweep that was left for longer than this starts again at its beginning
	// instead of trusting Ozon's cursor to be alive still.
	cursorLife = 6 * time.Hour
)

// position is the adapter's cursor: where a sweep stands and from when the next
// one must read.
type position struct {
	// Start is when the sweep under way began; zero between sweeps. From and To
	// are its window, API is Ozon's cursor of the next page, At when the last
	// page was read.
	Start time.Time `json:"start,omitzero"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	API   string    `json:"api,omitempty"`
	At    time.Time `json:"at,omitzero"`
	// Mark is the start of the last sweep that reached its end; Deep the same of
	// the last deep one (FBO).
	Mark time.Time `json:"mark,omitzero"`
	Deep time.Time `json:"deep,omitzero"`
	// Stage of a range: "" = FBS, "fbo"; of the requests: "deep" reads all details.
	Stage string `json:"stage,omitempty"`
}

func (p position) cursor() channel.Cursor {
	b, _ := json.Marshal(p) // times and strings only: cannot fail
	return b
}

func (a *adapter) position(cursor channel.Cursor) (position, error) {
	var p position
	if len(cursor) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(cursor, &p); err != nil {
		return p, orderhub.NewBorderError(orderhub.ClassRejected, "ozon: resume a feed", "the saved cursor cannot be read", nil)
	}
	if p.API != "" && a.now().Sub(p.At) > cursorLife {
		p.API = ""
	}
	return p, nil
}

// List reads the next page of a feed.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	pos, err := a.position(cursor)
	if err != nil {
		return channel.Page{}, err
	}
	begin := pos.Start.IsZero()
	if begin {
		pos.Start = a.now().UTC().Truncate(time.Second)
	}
	switch feed {
	case feedUnfulfilled:
		if begin {
			pos.From, pos.To = pos.Start.Add(-cutoffBack), pos.Start.Add(cutoffAhead)
		}
		return a.sweep(ctx, pos, pathUnfulfilled, kindFBS, unfulfilledFilter{pos.From, pos.To})
	case feedChanges:
		if begin {
			pos.From = since(pos, firstChanges, changesOverlap)
			pos.To = pos.Start.Add(ahead)
		}
		return a.sweep(ctx, pos, pathList, kindFBS, listFilter{
			Since: pos.To.Add(-widest), To: pos.To, LastChangedStatus: &period{pos.From, pos.To},
		})
	case feedFBO:
		if !a.watchFBO {
			return channel.Page{Next: cursor, Done: true}, nil
		}
		if begin {
			depth := fboShallow
			if pos.Start.Sub(pos.Deep) >= fboDeepEvery {
				depth, pos.Deep = fboDeep, pos.Start
			}
			pos.From, pos.To = since(pos, depth, day), pos.Start.Add(ahead)
			// Without a mark, or with one older than the depth, the window decides.
			pos.From = earlier(pos.From, pos.Start.Add(-depth))
		}
		return a.sweep(ctx, pos, pathFBOList, kindFBO, fboFilter{Since: pos.From, To: pos.To})
	case feedReturns:
		return a.listReturns(ctx, pos)
	case feedRequests:
		return a.listRequests(ctx, pos)
	default:
		return channel.Page{}, orderhub.NewBorderError(orderhub.ClassRejected, "ozon: list", "there is no such feed", nil)
	}
}

// since is where a sweep begins: at the last confirmed one less the overlap, or
// a fixed time back at the very first; never beyond what Ozon's window allows.
func since(pos position, first, overlap time.Duration) time.Time {
	from := pos.Start.Add(-first)
	if !pos.Mark.IsZero() {
		from = pos.Mark.Add(-overlap)
	}
	if limit := pos.Start.Add(-widest); from.Before(limit) {
		return limit
	}
	return from
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// sweep reads one page and works out where to go on.
func (a *adapter) sweep(ctx context.Context, pos position, path, kind string, filter any) (channel.Page, error) {
	page, date, err := a.list(ctx, path, filter, a.pageSize, pos.API)
	if err != nil {
		return channel.Page{}, err
	}
	var out channel.Page
	if out.Items, err = a.withCancelRequests(ctx, items(kind, page.Postings)); err != nil {
		return channel.Page{}, err
	}
	// The mark must not be ahead of Ozon's clock: ours may be wrong by hours.
	if !date.IsZero() {
		pos.Start = earlier(pos.Start, date)
	}
	done, whole := ended(page, pos.API)
	if !done {
		pos.API, pos.At = page.Cursor, a.now().UTC()
		out.Next = pos.cursor()
		return out, nil
	}
	next := position{Mark: pos.Start, Deep: pos.Deep}
	if !whole {
		a.log.Warn("ozon gave the same cursor again; the next sweep repeats this window", "path", path)
		next.Mark = earlier(pos.Start, markBefore(pos))
		next.Deep = time.Time{}
	}
	out.Next, out.Done = next.cursor(), true
	return out, nil
}

// ended tells whether a page is the last one of its sweep. whole is false when
// Ozon claims that there is more and does not show the way to it.
func ended(page postingsPage, sent string) (done, whole bool) {
	switch {
	case !page.HasNext || len(page.Postings) == 0:
		return true, true
	case page.Cursor == "" || page.Cursor == sent:
		return true, false
	default:
		return false, true
	}
}

// markBefore is the mark with which the sweep's window comes out again.
func markBefore(pos position) time.Time {
	if pos.Mark.IsZero() {
		return pos.From
	}
	return pos.Mark
}

func items(kind string, postings []json.RawMessage) []channel.Item {
	out := make([]channel.Item, 0, len(postings))
	for _, raw := range postings {
		out = append(out, channel.Item{Kind: kind, ExternalID: externalID(raw), Body: raw})
	}
	return out
}

// FBS is cut into days, so that a long range resumes at a day; FBO into longer
// pieces, because each is read from a day earlier: Ozon's document does not say
// whether FBO is selected by created_at or in_process_at.
const (
	rangePiece    = day
	rangePieceFBO = 7 * day
	stageFBO      = "fbo"
)

// ListRange reads the postings whose in_process_at is within [from, to).
func (a *adapter) ListRange(ctx context.Context, from, to time.Time, cursor channel.Cursor) (channel.Page, error) {
	pos, err := a.position(cursor)
	if err != nil {
		return channel.Page{}, err
	}
	from, to = from.UTC(), to.UTC()
	if pos.From.IsZero() {
		pos.From = from
	}
	if !from.Before(to) {
		return channel.Page{Next: pos.cursor(), Done: true}, nil
	}
	path, kind := pathList, kindFBS
	pos.To = earlier(pos.From.Add(rangePiece), to)
	var filter any = listFilter{Since: pos.From, To: pos.To}
	if pos.Stage == stageFBO {
		path, kind = pathFBOList, kindFBO
		pos.To = earlier(pos.From.Add(rangePieceFBO), to)
		filter = fboFilter{Since: pos.From.Add(-day), To: pos.To}
	}
	page, _, err := a.list(ctx, path, filter, a.pageSize, pos.API)
	if err != nil {
		return channel.Page{}, err
	}
	done, whole := ended(page, pos.API)
	within := slices.DeleteFunc(page.Postings, func(raw json.RawMessage) bool { return outside(raw, pos.From, pos.To) })
	var out channel.Page
	if out.Items, err = a.withCancelRequests(ctx, items(kind, within)); err != nil {
		return channel.Page{}, err
	}
	switch {
	case !whole:
		return channel.Page{}, a.fail(orderhub.ClassRetry, path, "the list says that there is more and gives the same cursor again", "")
	case !done:
		pos.API, pos.At = page.Cursor, a.now().UTC()
	case pos.To.Before(to):
		pos = position{From: pos.To, Stage: pos.Stage}
	case pos.Stage == "" && a.watchFBO:
		pos = position{From: from, Stage: stageFBO}
	default:
		out.Done = true
	}
	out.Next = pos.cursor()
	return out, nil
}

// outside tells whether a posting certainly belongs to another piece; the ends
// of Ozon's windows are inclusive.
func outside(raw json.RawMessage, from, to time.Time) bool {
	var key struct {
		InProcessAt text `json:"in_process_at"`
	}
	if json.Unmarshal(raw, &key) != nil {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, string(key.InProcessAt))
	return err == nil && (at.Before(from) || !at.Before(to))
}

// postingNumber is what may be sent as a posting number: hints come from outside.
var postingNumber = regexp.MustCompile(`^[0-9A-Za-z._-]{1,100}$`)

// ReadOrders reads postings again. An FBO posting is found only in the FBO list;
// a bare number is looked for in both.
func (a *adapter) ReadOrders(ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
	var out []channel.Item
	var fbo []string
	certain := false  // a ref is known to be FBO
	var failure error // the first
	for _, ref := range refs {
		if !postingNumber.MatchString(ref.ExternalID) {
			continue
		}
		if ref.Scheme == orderhub.SchemeFBO {
			fbo, certain = append(fbo, ref.ExternalID), true
			continue
		}
		raw, ok, err := a.get(ctx, ref.ExternalID)
		switch {
		case err != nil && (failure != nil || stops(err)):
			return out, err
		case err != nil:
			// One get of many failed: the others need not wait for its repeat.
			failure = err
		case ok:
			out = append(out, channel.Item{Kind: kindFBSGet, ExternalID: externalID(raw), Body: raw})
		case ref.Scheme == "" && a.watchFBO:
			fbo = append(fbo, ref.ExternalID)
		}
	}
	read := out
	out, err := a.withCancelRequests(ctx, read)
	if err != nil {
		// Without their requests these would pass for postings that nobody wants to
		// cancel.
		return slices.DeleteFunc(read, askable), err
	}
	if len(fbo) == 0 {
		return out, failure
	}
	now := a.now().UTC().Truncate(time.Second)
	page, _, err := a.list(ctx, pathFBOList, fboFilter{Since: now.Add(-widest), To: now.Add(ahead), PostingNumbers: fbo}, max(len(fbo), 1), "")
	if err != nil {
		// A key without the FBO right must not hide the FBS answers.
		if !certain && orderhub.ClassOf(err) == orderhub.ClassAuth {
			return out, failure
		}
		return out, err
	}
	return append(out, items(kindFBO, page.Postings)...), failure
}

// stops tells whether further calls would fail the same way.
func stops(err error) bool {
	class := orderhub.ClassOf(err)
	return class == orderhub.ClassAuth || class == orderhub.ClassRateLimited
}

// isUnknownPosting tells whether Ozon said that it has no such posting.
func isUnknownPosting(err error) bool {
	var e *orderhub.BorderError
	return errors.As(err, &e) && e.Code == wordNotFound
}
