package wildberries

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

// The halves of a return.
const (
	partClaim = "claim"
	partGoods = "goods"
)

// The keys of ReturnSnapshot.Attrs.
const (
	attrClaim = "claim_id" // the claim that an answer goes to
	attrShk   = "shk_id"   // the code on the unit that comes back
)

// The words of status and status_ex of a claim.
const (
	claimOpen     = "0"
	claimRejected = "1"
	claimApproved = "2"

	goodsReview   = "0"
	goodsKept     = "1"  // rejected, the buyer keeps them
	goodsScrapped = "2"  // the buyer hands them in, Wildberries destroys them
	goodsRefunded = "5"  // approved, the buyer keeps them
	goodsToCheck  = "8"  // back on sale, unless a check finds the defect
	goodsToSeller = "10" // on their way to the seller
)

// NormaliseReturn translates one raw answer about a return; see MAPPINGS.md.
func (a *adapter) NormaliseReturn(kind string, body []byte) (orderhub.ReturnSnapshot, error) {
	switch kind {
	case kindClaim:
		return normaliseClaim(body)
	case kindGoods:
		return normaliseGoods(body)
	default:
		return orderhub.ReturnSnapshot{}, fmt.Errorf("wildberries: kind %q is not known", kind)
	}
}

func normaliseClaim(body []byte) (orderhub.ReturnSnapshot, error) {
	var w wireClaim
	drift, err := decode(body, &w)
	switch {
	case err != nil:
		return orderhub.ReturnSnapshot{}, fmt.Errorf("wildberries: read a claim: %w", err)
	case w.SRID == "":
		return orderhub.ReturnSnapshot{}, errors.New("wildberries: read a claim: field srid: missing")
	case w.ID == "":
		return orderhub.ReturnSnapshot{}, errors.New("wildberries: read a claim: field id: missing")
	}
	// Goods that are merely not wanted are returned without a claim: a claim says
	// that they are faulty or not what was ordered.
	r := orderhub.ReturnSnapshot{
		ExternalID: w.SRID, Part: partClaim, OrderRef: w.SRID, Kind: orderhub.ReturnDefect,
		Native: w.Status.String(), NativeSub: w.StatusEx.String(), NoGoods: w.StatusEx == goodsRefunded,
		Reason: w.OriginIDInfo, Comment: w.UserComment, Photos: pictures(w.Photos, w.Videos),
		Attrs: map[string]string{attrClaim: w.ID}, Drift: drift,
	}
	r.State = claimState(&r, w)
	r.OpenedAt = returnTime(&r, "dt", w.Dt)
	r.ChangedAt = returnTime(&r, "dt_update", w.DtUpdate)
	price := claimMoney(&r, w)
	if w.Status == claimApproved {
		r.Refund = price
	}
	r.Lines = []orderhub.ReturnLine{{Name: w.Name, Quantity: 1, Price: price}}
	r.Actions = claimActions(&r, w.Actions)
	return r, nil
}

// claimState tells how far the goods have come, as far as a claim says it.
func claimState(r *orderhub.ReturnSnapshot, w wireClaim) orderhub.ReturnState {
	switch w.StatusEx {
	case goodsReview, goodsKept, goodsScrapped, goodsRefunded, goodsToCheck, goodsToSeller:
	default:
		driftReturn(r, "status_ex", w.StatusEx.String())
	}
	switch w.Status {
	case claimOpen:
		return orderhub.ReturnAnnounced
	case claimRejected:
		return orderhub.ReturnClosed
	case claimApproved:
	default:
		driftReturn(r, "status", w.Status.String())
		return orderhub.ReturnAnnounced
	}
	switch w.StatusEx {
	case goodsScrapped, goodsRefunded:
		return orderhub.ReturnClosed
	case goodsToSeller:
		return orderhub.ReturnOnTheWay
	case goodsReview, goodsKept:
		driftReturn(r, "status/status_ex", w.Status.String()+"/"+w.StatusEx.String())
	}
	// To be checked: whether they come to the seller is not decided.
	return orderhub.ReturnAnnounced
}

// claimMoney reads an amount in whole units of a currency.
func claimMoney(r *orderhub.ReturnSnapshot, w wireClaim) orderhub.Money {
	if w.Price == "" {
		return orderhub.Money{}
	}
	code, err := w.Currency.Int64()
	currency, ok := currencies[code]
	if err != nil || !ok {
		driftReturn(r, "currency_code", w.Currency.String())
		return orderhub.Money{}
	}
	price, err := orderhub.ParseMoney(w.Price.String(), currency)
	if err != nil || price.Minor < 0 {
		driftReturn(r, "price", w.Price.String())
		return orderhub.Money{}
	}
	return price
}

// pictures are written without a scheme.
func pictures(lists ...[]string) []string {
	var out []string
	for _, list := range lists {
		for _, v := range list {
			if strings.HasPrefix(v, "//") {
				v = "https:" + v
			}
			out = append(out, v)
		}
	}
	return out
}

// actions are the answers to a claim (customer-communication, field actions).
var actions = []orderhub.ReturnAction{
	{Code: "approve1", Title: "Grant: Wildberries checks the goods, and sends them to you if the defect is confirmed"},
	{Code: "approve2", Title: "Grant and take the goods back"},
	{Code: "autorefund1", Title: "Refund, the buyer keeps the goods"},
	{Code: "reject1", Title: "Reject: no defect found"},
	{Code: "reject2", Title: "Reject: more photos or a video are needed"},
	{Code: "reject3", Title: "Reject: the buyer should go to a service centre"},
	{Code: actionRejectCustom, Title: "Reject with an own text", NeedsComment: true},
	{Code: actionApproveShop, Title: "Grant, the buyer brings the goods to the shop"},
	{Code: "confirmreturngoodcc1", Title: "Confirm that the goods were brought to the shop"},
}

// The actions that take a comment; it is optional for the latter.
const (
	actionRejectCustom = "rejectcustom"
	actionApproveShop  = "approvecc1"
)

// claimActions translates what is offered. An action that the hub does not know
// is not offered on: nobody could say what it does.
func claimActions(r *orderhub.ReturnSnapshot, codes list[string]) []orderhub.ReturnAction {
	if codes == nil {
		return nil
	}
	out := []orderhub.ReturnAction{}
	for _, code := range codes {
		known := false
		for _, a := range actions {
			if a.Code == code {
				out, known = append(out, a), true
			}
		}
		if !known {
			driftReturn(r, "actions", code)
		}
	}
	return out
}

func normaliseGoods(body []byte) (orderhub.ReturnSnapshot, error) {
	var w wireGoods
	drift, err := decode(body, &w)
	switch {
	case err != nil:
		return orderhub.ReturnSnapshot{}, fmt.Errorf("wildberries: read returned goods: %w", err)
	case w.SRID == "":
		return orderhub.ReturnSnapshot{}, errors.New("wildberries: read returned goods: field srid: missing")
	}
	r := orderhub.ReturnSnapshot{
		ExternalID: w.SRID, ExternalNumber: w.StickerID.String(), Part: partGoods, Native: w.Status, Reason: w.Type, Place: w.Office,
		Lines: []orderhub.ReturnLine{{Name: w.Subject, Quantity: 1}}, Drift: drift,
	}
	if w.Reason != "" {
		r.Reason = strings.TrimPrefix(w.Type+": "+w.Reason, ": ")
	}
	// Orders from Wildberries' own warehouses have no number of the seller.
	if id, err := w.OrderID.Int64(); err == nil && id > 0 {
		r.OrderID = formatID(id)
	} else {
		r.OrderRef = w.SRID
	}
	if w.ShkID != "" && w.ShkID != "0" {
		r.Attrs = map[string]string{attrShk: w.ShkID.String()}
	}
	r.Kind = goodsKind(&r, w)
	fillGoodsState(&r, w)
	return r, nil
}

// goodsKinds are the words of returnType and returnReason, in lower case. The
// document lists none; these are the types of orders that the statistics had, and
// those of its examples. Types without a kind are movements of the seller's own
// goods. A refusal of a buyer is a refusal first.
var goodsKinds = []struct {
	part string
	kind orderhub.ReturnKind
}{
	{"автовозврат", orderhub.ReturnRefused},
	{"отказ", orderhub.ReturnRefused},
	{"брак", orderhub.ReturnDefect},
	{"неверного вложения", orderhub.ReturnDefect},
	{"недокомплект", orderhub.ReturnDefect},
	{"отзыв", orderhub.ReturnCustomer},
	{"покупател", orderhub.ReturnCustomer},
	{"возврат продавца", orderhub.ReturnUnknown},
	{"принудительный", orderhub.ReturnUnknown},
	{"обезличк", orderhub.ReturnUnknown},
	{"неопознанного", orderhub.ReturnUnknown},
	{"заблокированного", orderhub.ReturnUnknown},
	{"кгт", orderhub.ReturnUnknown},
}

// goodsStates are the words of returnStatus in lower case, as far as documents and
// other programs show them.
var goodsStates = map[string]orderhub.ReturnState{
	"в пути в пвз":   orderhub.ReturnOnTheWay,
	"готов к выдаче": orderhub.ReturnAtPickup,
	"выдан":          orderhub.ReturnReceived,
	"выдано":         orderhub.ReturnReceived,
	"утилизирован":   orderhub.ReturnClosed,
	"утилизировано":  orderhub.ReturnClosed,
}

// kindOf finds the first word of the table in a text.
func kindOf(text string) (kind orderhub.ReturnKind, known bool) {
	text = strings.ToLower(text)
	for _, w := range goodsKinds {
		if strings.Contains(text, w.part) {
			return w.kind, true
		}
	}
	return orderhub.ReturnUnknown, false
}

// goodsKind goes by the type, and by the reason where the type says nothing.
func goodsKind(r *orderhub.ReturnSnapshot, w wireGoods) orderhub.ReturnKind {
	kind, known := kindOf(w.Type)
	if !known {
		driftReturn(r, "returnType", w.Type)
	}
	if kind == orderhub.ReturnUnknown {
		kind, _ = kindOf(w.Reason) // free text: not knowing it is usual
	}
	return kind
}

// fillGoodsState goes by the times, which are facts, and by the status word where
// it says more.
func fillGoodsState(r *orderhub.ReturnSnapshot, w wireGoods) {
	opened, err := time.ParseInLocation(time.DateOnly, w.OrderDt, moscow)
	switch {
	case err == nil:
		r.OpenedAt = opened.UTC()
	case w.OrderDt != "":
		r.OpenedAt = returnTime(r, "orderDt", w.OrderDt)
	}
	ready, expires := returnTime(r, "readyToReturnDt", w.ReadyDt), returnTime(r, "expiredDt", w.ExpiredDt)
	completed := returnTime(r, "completedDt", w.CompletedDt)
	word, known := goodsStates[strings.ToLower(w.Status)]
	if !known {
		word = orderhub.ReturnAnnounced
		driftReturn(r, "returnStatus", w.Status)
	}
	switch {
	case !completed.IsZero():
		r.State, r.ChangedAt = orderhub.ReturnReceived, completed
	case word.Rank() <= orderhub.ReturnAtPickup.Rank() && !ready.IsZero():
		r.State, r.ChangedAt = orderhub.ReturnAtPickup, ready
	default:
		r.State = word
	}
	if r.State.Rank() <= orderhub.ReturnAtPickup.Rank() {
		r.PickUpBy = expires
	}
}

// moscowTime reads a time that carries no zone; ok is false for what is none.
func moscowTime(v string) (t time.Time, ok bool) {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, v, moscow); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// returnTime reads a time of a return. Empty and the year 1 mean that it has not
// come; anything else that is no time is drift.
func returnTime(r *orderhub.ReturnSnapshot, field, v string) time.Time {
	if v == "" || strings.HasPrefix(v, "0001-") {
		return time.Time{}
	}
	t, ok := moscowTime(v)
	if !ok {
		driftReturn(r, field, v)
	}
	return t
}

func driftReturn(r *orderhub.ReturnSnapshot, field, word string) {
	s := orderhub.Snapshot{Drift: r.Drift}
	addDrift(&s, field, word)
	r.Drift = s.Drift
}
