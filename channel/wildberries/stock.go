package wildberries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	opPushStock = "wildberries: push stock"
	opReadStock = "wildberries: read stock"
)

// stockSentences puts refusals of stock figures into words. They are looked at
// before codeSentences, as some codes mean something else elsewhere.
var stockSentences = map[string]string{
	"NotFound":                            "Wildberries does not know this size (chrtId): its card was deleted or belongs to another seller",
	"UploadDataLimit":                     "the figure is over the most that Wildberries takes for one size",
	"CargoWarehouseRestrictionMGT":        "small goods do not fit this warehouse: it must be one without the mark SGT or KGT+",
	"CargoWarehouseRestrictionSGT":        "oversized goods (SGT) need a warehouse with the mark SGT",
	"CargoWarehouseRestrictionSGTKGTPlus": "oversized and large goods need a warehouse with the mark SGT or KGT+",
	"CargoWarehouseRestrictionKGTPlus":    "large goods (KGT+) need a warehouse with the mark KGT+",
	"ProductPropertyConflict":             "wholesale goods cannot be sold under the scheme of this warehouse",
	"DeliveryTypeRestriction":             "goods of this category cannot be sold with the way of delivery of this warehouse",
}

// PushStock sets the figures of the sizes in the warehouse of the account. A 409
// names the sizes that Wildberries does not take and does not say what became of
// the others: those are sent once more, as a figure that stands there twice does
// no harm.
func (a *adapter) PushStock(ctx context.Context, figures []channel.StockFigure) ([]channel.StockResult, error) {
	if a.token.readOnly() {
		return nil, orderhub.NewBorderError(orderhub.ClassAuth, opPushStock, "the token is read-only", nil)
	}
	if err := a.needsWarehouse(opPushStock); err != nil {
		return nil, err
	}
	p := newStockPush(figures)
	if len(p.left) == 0 {
		return p.results, nil
	}
	refused, err := a.c.putStocks(ctx, a.warehouse, p.rows())
	if err == nil {
		p.finish(channel.OutcomeAccepted, nil)
		return p.results, nil
	}
	if !a.judgeStock(p, refused, err) {
		return nil, err
	}
	if len(p.left) == 0 {
		return p.results, nil
	}
	refused, err = a.c.putStocks(ctx, a.warehouse, p.rows())
	switch {
	case err == nil:
		p.finish(channel.OutcomeAccepted, nil)
	case a.judgeStock(p, refused, err), orderhub.ClassOf(err) == orderhub.ClassRejected:
		// Refused twice: the next batch of the hub goes on with the others.
		p.finish(channel.OutcomeUnsent, err)
	default:
		p.finish(channel.OutcomeFailed, err)
	}
	return p.results, nil
}

// judgeStock answers the figures that a refusal is about and reports whether it
// was about single figures at all. Refusals that no smaller batch can cure are
// given to every figure: halving the batch would cost ten requests each time.
func (a *adapter) judgeStock(p *stockPush, refused json.RawMessage, err error) bool {
	switch {
	case isStatus(err, http.StatusNotFound):
		p.finish(channel.OutcomeFailed, a.unknownWarehouse(err))
		return true
	case isStatus(err, http.StatusNotAcceptable) && orderhub.ClassOf(err) == orderhub.ClassRejected:
		p.finish(channel.OutcomeFailed, err)
		return true
	case isStatus(err, http.StatusConflict):
		return p.refuse(readStockRefusals(refused), err)
	}
	return false
}

// needsWarehouse refuses stock calls of an account without a warehouse.
func (a *adapter) needsWarehouse(op string) error {
	if a.warehouse > 0 {
		return nil
	}
	return orderhub.NewBorderError(orderhub.ClassRejected, op,
		"no warehouse is chosen: set "+settingWarehouse+" in the account's settings to the id of the seller's warehouse whose stock the hub publishes", nil)
}

// unknownWarehouse explains the 404 of a stock call: the warehouse is all that
// its path names.
func (a *adapter) unknownWarehouse(err error) error {
	var be *orderhub.BorderError
	if !errors.As(err, &be) {
		return err
	}
	out := orderhub.NewBorderError(be.Class, be.Op, fmt.Sprintf("the seller has no warehouse %d: check the setting %s", a.warehouse, settingWarehouse), nil)
	out.HTTPStatus, out.Code = be.HTTPStatus, be.Code
	return out
}

// stockPush is the figures of one PushStock with their results.
type stockPush struct {
	figures []channel.StockFigure
	results []channel.StockResult
	// chrt are the size ids of the figures, left the figures without a result.
	chrt []int64
	left []int
}

// newStockPush answers the figures that Wildberries would refuse for sure: a
// refusal costs ten requests and holds up the others.
func newStockPush(figures []channel.StockFigure) *stockPush {
	p := &stockPush{figures: figures, results: make([]channel.StockResult, len(figures)), chrt: make([]int64, len(figures))}
	fail := func(i int, format string, args ...any) {
		err := orderhub.NewBorderError(orderhub.ClassRejected, opPushStock, fmt.Sprintf(format, args...), nil)
		p.results[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: err}
	}
	for i, f := range figures {
		id, ok := parseID(f.Listing.Key)
		switch {
		case !ok:
			fail(i, "%q is not a size id (chrtId) of Wildberries", f.Listing.Key)
		case f.Quantity < 0:
			fail(i, "%d units cannot be shown", f.Quantity)
		case f.Quantity > maxAmount:
			fail(i, "Wildberries takes at most %d units of a size, not %d: limit what is shown of the listing", maxAmount, f.Quantity)
		default:
			p.chrt[i] = id
			p.left = append(p.left, i)
		}
	}
	return p
}

func (p *stockPush) rows() []stockRow {
	out := make([]stockRow, len(p.left))
	for n, i := range p.left {
		out[n] = stockRow{ChrtID: p.chrt[i], Amount: p.figures[i].Quantity}
	}
	return out
}

// finish gives what is left one result.
func (p *stockPush) finish(outcome channel.Outcome, err error) {
	for _, i := range p.left {
		p.results[i] = channel.StockResult{Outcome: outcome, Err: err}
	}
	p.left = nil
}

// refuse answers the figures that the refusals name and reports whether there
// were any. A passing refusal of the whole batch beside them, such as a warehouse
// that is being changed, answers the others too.
func (p *stockPush) refuse(refusals []stockRefusal, err error) bool {
	named, passes := false, error(nil)
	for _, r := range refusals {
		own := r.err(err)
		if len(r.Data) == 0 && passing[r.Code] {
			passes = own
		}
		var left []int
		for _, i := range p.left {
			if r.names(p.chrt[i], p.figures[i].Listing.Barcodes) {
				p.results[i] = channel.StockResult{Outcome: channel.OutcomeFailed, Err: own}
				named = true
				continue
			}
			left = append(left, i)
		}
		p.left = left
	}
	if named && passes != nil {
		p.finish(channel.OutcomeFailed, passes)
	}
	return named
}

// readStockRefusals reads the body of a 409. One that is no list names no size.
func readStockRefusals(body json.RawMessage) []stockRefusal {
	var out []stockRefusal
	if isList(body) {
		_ = json.Unmarshal(body, &out) // what could be read is enough
	}
	return out
}

// names tells whether the refusal is about a size. Half of the documented
// examples name it by barcode, although only chrtId can be sent.
func (r stockRefusal) names(chrtID int64, barcodes []string) bool {
	for _, d := range r.Data {
		if d.ChrtID == chrtID {
			return true
		}
		for _, b := range barcodes {
			if d.ChrtID == 0 && d.SKU != "" && d.SKU == b {
				return true
			}
		}
	}
	return false
}

// err is the refusal as an error; call is the error of the whole call.
func (r stockRefusal) err(call error) error {
	code := plain(r.Code)
	sentence := stockSentences[code]
	if sentence == "" {
		sentence = codeSentences[code]
	}
	if sentence == "" {
		sentence = rest.Clean(r.Message)
	}
	if sentence == "" {
		sentence = "Wildberries does not take the figure"
	}
	class := orderhub.ClassRejected
	if passing[code] {
		class = orderhub.ClassRetry
	}
	out := orderhub.NewBorderError(class, opPushStock, sentence, nil)
	var be *orderhub.BorderError
	if errors.As(call, &be) {
		out.Op, out.HTTPStatus = be.Op, be.HTTPStatus
	}
	out.Code = code
	return out
}

// ReadStock reads the figures of the warehouse of the account. A size without a
// figure there is not in the answer.
func (a *adapter) ReadStock(ctx context.Context, listings []orderhub.Listing) ([]channel.StockShown, error) {
	if err := a.needsWarehouse(opReadStock); err != nil {
		return nil, err
	}
	var ids []int64
	asked := map[int64]bool{}
	for _, l := range listings {
		if id, ok := parseID(l.Key); ok && !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := a.c.stocks(ctx, a.warehouse, ids)
	switch {
	case isStatus(err, http.StatusNotFound):
		return nil, a.unknownWarehouse(err)
	case err != nil:
		return nil, err
	}
	var out []channel.StockShown
	for _, r := range rows {
		// An amount that is not there is not zero.
		if r.Amount != nil && *r.Amount >= 0 && asked[r.ChrtID] {
			out = append(out, channel.StockShown{Key: formatID(r.ChrtID), Quantity: *r.Amount})
		}
	}
	return out, nil
}
