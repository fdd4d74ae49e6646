package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/filebox"
	"github.com/orderhub/orderhub/store"
)

// filesRound is one round with an exchange of files.
type filesRound struct {
	hub      *Hub
	exchange orderhub.FileExchange
	box      filebox.Box
	lease    store.Lease
}

// actor is how orders and papers name the exchange.
func (r *filesRound) actor() orderhub.Actor {
	return orderhub.Actor{Kind: orderhub.ActorAPI, Name: "files: " + r.exchange.Name}
}

// takeIn takes the files that came in, by name. One that may not be read is named and
// stops no other; any other fault ends the round, for files are taken in their order.
func (r *filesRound) takeIn(ctx context.Context) error {
	list, err := r.box.List(filebox.In)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b filebox.Info) int { return cmp.Compare(a.Name, b.Name) })
	var unread error
	for _, info := range list {
		if r.hub.store.Now().Sub(info.At) < restFor && r.hub.store.Now().After(info.At) {
			continue // it may still be written
		}
		switch err := r.takeFile(ctx, info); {
		case errors.Is(err, errUnread):
			unread = orderhub.Errorf(orderhub.CodeUnavailable, "the file %q may not be read", clean(info.Name))
		case err != nil:
			return err
		}
	}
	return unread
}

var errUnread = errors.New("the file may not be read")

// readWhole reads a file; whole is false for one that changed meanwhile: it is still
// being written, and the clock of its server may be any.
func (r *filesRound) readWhole(info filebox.Info) (data []byte, whole bool, err error) {
	data, err = r.box.Read(filebox.In, info.Name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, false, errUnread
	case err == filebox.ErrTooLarge: //nolint:errorlint // it comes as it is
		return nil, true, err
	case err != nil:
		return nil, false, err
	}
	now, err := r.box.Stat(filebox.In, info.Name)
	return data, err == nil && now.Size == info.Size && now.At.Equal(info.At) && int64(len(data)) == info.Size, err
}

// takeFile takes one file: it is noted before, applied so that a second time changes
// nothing, noted as applied, and moved away.
func (r *filesRound) takeFile(ctx context.Context, info filebox.Info) error {
	data, whole, err := r.readWhole(info)
	if !whole {
		return err
	}
	sum := sha256.Sum256(data)
	f, fault := r.fileOf(ctx, info.Name, hex.EncodeToString(sum[:]))
	if fault != nil {
		return fault
	}
	if f.State == orderhub.ExchangedBegan {
		var bad []exchange.RowError
		if err == nil {
			f.Rows, bad, err = r.apply(ctx, f, data)
		}
		if err := r.hub.between("file"); err != nil {
			return err
		}
		f.State, f.Bad, f.Report = orderhub.ExchangedApplied, int64(len(bad)), badRows(bad)
		if err != nil {
			if code := orderhub.CodeOf(err); code == "" && err != filebox.ErrTooLarge { //nolint:errorlint // it comes as it is
				return err // a fault of the hub: the file is tried again
			}
			f.State, f.Error = orderhub.ExchangedFailed, cmp.Or(fileFault(err), Sentence(err))
		}
		if err := r.save(ctx, &f); err != nil {
			return err
		}
	}
	if err := r.putAway(f); err != nil {
		return err
	}
	if f.State == orderhub.ExchangedApplied {
		f.State = orderhub.ExchangedArchived
	}
	f.FinishedAt, f.Report = r.hub.store.Now(), f.Report[:min(len(f.Report), maxFileReport)]
	return r.save(ctx, &f)
}

// fileOf is the row of a file: that of an earlier round which did not come to its end,
// or a new one. One that lies in the archive already is another file, whatever the row
// says: the hub was killed between the two.
func (r *filesRound) fileOf(ctx context.Context, name, digest string) (orderhub.ExchangedFile, error) {
	f, ok, err := r.hub.store.LastExchangedFile(ctx, r.exchange.ID, name)
	if err != nil {
		return f, err
	}
	goesOn := ok && f.Digest == digest && f.State == orderhub.ExchangedBegan
	if ok && f.Digest == digest && f.State == orderhub.ExchangedApplied {
		_, err := r.box.Stat(filebox.Archive, archived(f))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		goesOn = err != nil
	}
	if goesOn {
		return f, nil
	}
	f = orderhub.ExchangedFile{ExchangeID: r.exchange.ID, Name: name, Digest: digest, State: orderhub.ExchangedBegan}
	return f, r.save(ctx, &f)
}

// maxFileReport is how many bad rows of a file are kept when it is put away.
const maxFileReport = 20

// badRows keeps the bad rows until they are written beside the file.
func badRows(list []exchange.RowError) (out []orderhub.BadFileRow) {
	for _, e := range list[:min(len(list), exchange.MaxErrors)] {
		out = append(out, orderhub.BadFileRow{Line: e.Line, Column: shorten(e.Column, 100), Why: shorten(e.Sentence, 300)})
	}
	return out
}

func fileFault(err error) string {
	if err == filebox.ErrTooLarge { //nolint:errorlint // it comes as it is
		return err.Error()
	}
	return ""
}

func (r *filesRound) save(ctx context.Context, f *orderhub.ExchangedFile) error {
	return r.hub.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, r.lease); err != nil {
			return err
		}
		fresh := *f
		if err := tx.SaveExchangedFile(ctx, &fresh); err != nil {
			return err
		}
		*f = fresh
		return nil
	})
}

// archived is the name under which a file is put away.
func archived(f orderhub.ExchangedFile) string {
	as := strconv.FormatInt(f.ID, 10) + "-" + f.Name
	if len(as) > 180 { // with .errors.csv behind it, too
		as = strconv.FormatInt(f.ID, 10) + path.Ext(f.Name)
	}
	return as
}

// putAway writes what was wrong beside the file, and moves it: to the archive, or to
// the errors when nothing of it was taken.
func (r *filesRound) putAway(f orderhub.ExchangedFile) error {
	as := archived(f)
	bad := f.Report
	if f.Error != "" {
		bad = append([]orderhub.BadFileRow{{Why: f.Error}}, bad...)
	}
	if len(bad) > 0 {
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		_ = w.Write([]string{"line", "column", "error"}) // a buffer takes everything
		for _, e := range bad {
			_ = w.Write([]string{strconv.FormatInt(e.Line, 10), e.Column, e.Why})
		}
		w.Flush()
		if err := r.box.Write(filebox.Errors, as+".errors.csv", out.Bytes()); err != nil {
			return err
		}
	}
	to := filebox.Archive
	if f.State == orderhub.ExchangedFailed {
		to = filebox.Errors
	}
	return r.box.Move(filebox.In, to, f.Name, as)
}

// apply takes a file by what its name begins with.
func (r *filesRound) apply(ctx context.Context, f orderhub.ExchangedFile, data []byte) (rows int64, bad []exchange.RowError, err error) {
	name := strings.ToLower(f.Name)
	format := exchange.Format(strings.TrimPrefix(path.Ext(name), "."))
	switch format {
	case exchange.FormatCSV, exchange.FormatXLSX, exchange.FormatJSON:
	default:
		return 0, nil, orderhub.Errorf(orderhub.CodeInvalid, "the name must end with .csv, .xlsx or .json")
	}
	switch {
	case strings.HasPrefix(name, "stock"):
		return r.stock(ctx, f, format, data)
	case strings.HasPrefix(name, "status"):
		return r.statuses(ctx, format, data)
	}
	return 0, nil, orderhub.Errorf(orderhub.CodeInvalid, "the name must begin with stock or status: it says what the file is")
}

// stock makes one stocktake of a file of counts, all of it or nothing; the file's number
// keeps it from being made twice.
func (r *filesRound) stock(ctx context.Context, f orderhub.ExchangedFile, format exchange.Format, data []byte) (int64, []exchange.RowError, error) {
	c := &countsOfFile{countTarget: &countTarget{hub: r.hub, done: &counted{}}}
	if format == exchange.FormatJSON {
		var bad error
		if c.lines, bad = countsJSON(data); bad != nil {
			return 0, nil, bad
		}
	} else {
		result, err := exchange.ImportCounts(ctx, exchange.Source{File: bytes.NewReader(data), Size: int64(len(data))}, c, exchange.Options{})
		if err != nil {
			return 0, nil, err
		}
		if result.Outcome == exchange.OutcomeRefused {
			return result.Rows, result.Errors, orderhub.Errorf(orderhub.CodeInvalid, "%s wrong; nothing of the file was taken", plural(int(result.Bad), "row"))
		}
	}
	d := store.Document{Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse, Actor: r.actor(), Note: "file " + f.Name, Lines: c.lines}
	for _, l := range d.Lines {
		if l.Quantity < 0 || l.Quantity > 1_000_000_000 {
			return 0, nil, orderhub.Errorf(orderhub.CodeInvalid, "the quantity of %.40q is no count", clean(l.SKU))
		}
	}
	err := r.hub.PostDocumentOnce(ctx, &d, fmt.Sprintf("file-%d", f.ID))
	return int64(len(c.lines)), nil, err
}

// countsJSON reads a list of counts. One that does not say how many there are is no
// count of none: a field of another name would empty the shelves.
func countsJSON(data []byte) ([]store.DocumentLine, error) {
	var rows []struct {
		SKU      string `json:"sku"`
		Quantity *int64 `json:"quantity"`
	}
	if json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &rows) != nil || len(rows) == 0 {
		return nil, orderhub.Errorf(orderhub.CodeInvalid, `want a JSON list like [{"sku": "0557722", "quantity": 5}]`)
	}
	lines := make([]store.DocumentLine, len(rows))
	seen := make(map[string]bool, len(rows))
	for i, r := range rows {
		switch {
		case r.SKU == "" || r.SKU != clean(r.SKU):
			return nil, orderhub.Errorf(orderhub.CodeInvalid, "entry %d has no \"sku\" of a product; nothing of the file was taken", i+1)
		case r.Quantity == nil:
			return nil, orderhub.Errorf(orderhub.CodeInvalid, "entry %d (%s) has no \"quantity\"; nothing of the file was taken", i+1, r.SKU)
		case seen[r.SKU]:
			return nil, orderhub.Errorf(orderhub.CodeInvalid, "entry %d: %s stands twice; nothing of the file was taken", i+1, r.SKU)
		}
		seen[r.SKU] = true
		lines[i] = store.DocumentLine{SKU: r.SKU, Quantity: *r.Quantity}
	}
	return lines, nil
}

// countsOfFile gathers the rows of a file of counts.
type countsOfFile struct {
	*countTarget
	lines []store.DocumentLine
}

// Apply implements exchange.Target.
func (c *countsOfFile) Apply(_ context.Context, rows []exchange.CountRow) error {
	for _, row := range rows {
		c.lines = append(c.lines, store.DocumentLine{SKU: row.SKU, Quantity: row.Quantity})
	}
	return nil
}

// Transaction implements exchange.Transactor: nothing is written here.
func (c *countsOfFile) Transaction(ctx context.Context, write func(context.Context, exchange.CountTarget) error) error {
	c.lines = nil
	return write(ctx, c)
}

// statuses asks for what a file says, row by row: a row that the hub or the channel
// refuses is told and the next one goes on. What an order shows already is passed over.
func (r *filesRound) statuses(ctx context.Context, format exchange.Format, data []byte) (int64, []exchange.RowError, error) {
	rows, bad, err := exchange.ReadStatuses(format, data)
	if err != nil {
		return 0, nil, err
	}
	for _, row := range rows {
		if err := r.status(ctx, row); err != nil {
			if orderhub.CodeOf(err) == "" {
				return 0, nil, err
			}
			bad = append(bad, exchange.RowError{Line: row.Line, Column: "status", Sentence: Sentence(err)})
		}
	}
	return int64(len(rows)), bad, nil
}

func (r *filesRound) status(ctx context.Context, row exchange.StatusRow) error {
	o, err := r.hub.store.Order(ctx, row.Number)
	if err != nil {
		return err
	}
	if tracking := strings.TrimSpace(clean(row.Tracking)); tracking != "" && tracking != o.Snapshot.Shipping.Tracking {
		known, err := r.knowsTracking(ctx, o.ID, tracking)
		if err != nil {
			return err
		}
		if !known {
			if _, err := r.hub.SetTracking(ctx, o.ID, tracking, clean(row.Carrier), r.actor()); err != nil && orderhub.CodeOf(err) != orderhub.CodeUnsupported {
				return err
			}
		}
	}
	to := orderhub.Status(strings.ToLower(row.Status))
	if to == "" || to == o.Headline || to == o.Requested {
		return nil
	}
	_, err = r.hub.Advance(ctx, o.ID, orderhub.Request{To: to, Reason: row.Reason, Comment: row.Comment, Actor: r.actor()})
	return err
}

// knowsTracking tells whether the channel was told a tracking number already.
func (r *filesRound) knowsTracking(ctx context.Context, id int64, tracking string) (bool, error) {
	effects, err := r.hub.store.Effects(ctx, id)
	return slices.ContainsFunc(effects, func(e *orderhub.Effect) bool {
		return e.Kind == orderhub.EffectTracking && e.Params["tracking"] == tracking && e.State != orderhub.EffectRejected
	}), err
}

// outOrders is how many orders one file has at most.
const outOrders = 5000

// writeOut writes the orders that changed since the last file into a new one, and tells
// up to where. A file that was written before a kill is written again under its name.
func (r *filesRound) writeOut(ctx context.Context) (int64, error) {
	position := r.exchange.Position
	last, settled, err := r.hub.store.SettledEvents(ctx)
	if err != nil || !settled || last <= position {
		return position, err
	}
	to, seen, ids := position, map[int64]bool{}, []int64{}
	for to < last && len(ids) < outOrders {
		events, err := r.hub.store.EventsAfter(ctx, to, 1000)
		if err != nil {
			return position, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.ID > last {
				break
			}
			if to = e.ID; !seen[e.OrderID] {
				seen[e.OrderID], ids = true, append(ids, e.OrderID)
			}
		}
	}
	if len(ids) == 0 {
		return last, nil
	}
	data, err := r.ordersFile(ctx, ids)
	if err != nil {
		return position, err
	}
	name := fmt.Sprintf("orders-%012d.%s", position, r.exchange.Settings.Orders)
	if err := r.box.Write(filebox.Out, name, data); err != nil {
		return position, err
	}
	now := r.hub.store.Now()
	return to, r.save(ctx, &orderhub.ExchangedFile{ExchangeID: r.exchange.ID, Name: name, Out: true, State: orderhub.ExchangedApplied, Rows: int64(len(ids)), FinishedAt: now})
}

func (r *filesRound) ordersFile(ctx context.Context, ids []int64) ([]byte, error) {
	slices.Sort(ids)
	list, err := r.hub.store.OrdersByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if r.exchange.Settings.Orders != "json" {
		err := exchange.ExportOrders(&out, exchange.Format(r.exchange.Settings.Orders), each2(list), exchange.ExportOptions{Language: exchange.English})
		return out.Bytes(), err
	}
	links, err := r.hub.store.LinksOfOrders(ctx, ids)
	if err != nil {
		return nil, err
	}
	docs := make([]*FeedOrder, 0, len(list))
	for _, o := range list {
		doc := feedOrder(o, links[o.ID])
		if !r.exchange.Settings.Personal {
			doc = doc.impersonal()
		}
		docs = append(docs, doc)
	}
	return json.Marshal(docs)
}

func each2(list []*orderhub.Order) iter.Seq2[*orderhub.Order, error] {
	return func(yield func(*orderhub.Order, error) bool) {
		for _, o := range list {
			if !yield(o, nil) {
				return
			}
		}
	}
}
