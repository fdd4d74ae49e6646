package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// ReturnRow is a return in a list.
type ReturnRow struct {
	ID             int64                `json:"id"`
	Account        string               `json:"account"`
	Channel        orderhub.Channel     `json:"channel"`
	ExternalID     string               `json:"external_id"`
	ExternalNumber string               `json:"external_number,omitempty"`
	Number         int64                `json:"number,omitempty" doc:"The order's number; absent as long as the order is not in the hub."`
	OrderID        string               `json:"order_id,omitempty" doc:"The channel's key of the order."`
	Kind           orderhub.ReturnKind  `json:"kind,omitempty" enum:"refused,customer,defect" doc:"refused: never bought; customer: bought and sent back; defect: said to be faulty. Absent = the channel does not tell."`
	State          orderhub.ReturnState `json:"state" enum:"announced,on_the_way,at_pickup,received,decided,closed" doc:"The hub's: received and decided are its own words and no news takes them back."`
	ChannelState   orderhub.ReturnState `json:"channel_state" doc:"What the channel says, translated."`
	Native         string               `json:"native,omitempty" doc:"The channel's own word."`
	NativeSub      string               `json:"native_sub,omitempty"`
	NoGoods        bool                 `json:"no_goods,omitempty" doc:"The buyer keeps them; only money is at stake."`
	Units          int64                `json:"units" doc:"That come back."`
	UnitsHere      int64                `json:"units_here" doc:"That have been received."`
	Awaited        int64                `json:"awaited,omitempty" doc:"Units still to come, of a return of which some are here."`
	Reason         string               `json:"reason,omitempty"`
	Refund         *orderhub.Money      `json:"refund,omitempty" doc:"What the buyer gets back."`
	Compensation   *orderhub.Money      `json:"compensation,omitempty" doc:"What the channel pays the seller."`
	PickUpBy       *time.Time           `json:"pick_up_by,omitempty" doc:"When the goods are destroyed or sent on if nobody collects them."`
	AnswerBy       *time.Time           `json:"answer_by,omitempty" doc:"When silence becomes an answer."`
	Deadline       *time.Time           `json:"deadline,omitempty" doc:"The next moment by which somebody must act."`
	Due            orderhub.ReturnDue   `json:"due,omitempty" enum:"answer,pick_up" doc:"What must be done by then."`
	Waiting        bool                 `json:"waiting,omitempty" doc:"The channel takes an answer now."`
	ReceivedAt     *time.Time           `json:"received_at,omitempty" doc:"When the hub learned that the goods are here."`
	Discrepancy    string               `json:"discrepancy,omitempty" doc:"Why units are not in the book."`
	OpenedAt       *time.Time           `json:"opened_at,omitempty"`
	Version        int64                `json:"version"`
	CreatedAt      time.Time            `json:"created_at"`
	UpdatedAt      time.Time            `json:"updated_at"`
}

func returnRow(r *orderhub.Return) ReturnRow {
	s := r.Snapshot
	row := ReturnRow{
		ID: r.ID, Account: r.AccountID, Channel: r.Channel, ExternalID: s.ExternalID, ExternalNumber: s.ExternalNumber, Number: r.OrderID,
		OrderID: s.OrderID, Kind: s.Kind, State: r.State, ChannelState: s.State, Native: s.Native, NativeSub: s.NativeSub, NoGoods: s.NoGoods,
		Units: r.Units(), UnitsHere: r.UnitsHere(), Awaited: r.Awaited(), Reason: s.Reason, PickUpBy: timeOrNil(s.PickUpBy), AnswerBy: timeOrNil(s.AnswerBy), Deadline: timeOrNil(r.Deadline()),
		Waiting: len(s.Actions) > 0, ReceivedAt: timeOrNil(r.ReceivedAt), Discrepancy: r.Discrepancy, OpenedAt: timeOrNil(s.OpenedAt),
		Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	_, row.Due = r.Due()
	if !s.Refund.IsZero() {
		row.Refund = &s.Refund
	}
	if !s.Compensation.IsZero() {
		row.Compensation = &s.Compensation
	}
	return row
}

// ReturnPartView is what one half of a return says, in the channel's words.
type ReturnPartView struct {
	Part      string               `json:"part,omitempty" doc:"claim, request or goods; absent = the whole."`
	State     orderhub.ReturnState `json:"state"`
	Native    string               `json:"native,omitempty"`
	NativeSub string               `json:"native_sub,omitempty"`
	Reason    string               `json:"reason,omitempty"`
	ChangedAt *time.Time           `json:"changed_at,omitempty" doc:"The channel's own time of the last change."`
	ReadAt    time.Time            `json:"read_at"`
	Raw       int64                `json:"raw,omitempty" doc:"The raw payload that says so."`
}

// ReturnCard is a return with everything that belongs to it.
type ReturnCard struct {
	ReturnRow
	Comment   string                   `json:"comment,omitempty" personal:"text" doc:"The buyer's own text."`
	Photos    []string                 `json:"photos,omitempty" personal:"drop" doc:"The buyer's, addresses at the channel."`
	Pictures  []orderhub.Photo         `json:"pictures" doc:"Photos that the shop took of the goods, oldest first: /photos/{id}."`
	Place     string                   `json:"place,omitempty" doc:"Where the goods lie or are brought to."`
	Barcode   string                   `json:"barcode,omitempty" doc:"Opens the place."`
	Lines     []orderhub.ReturnLine    `json:"lines" doc:"What comes back, in the channel's words."`
	Here      []int64                  `json:"here" doc:"Units of each line that have been received, in the order of lines."`
	Goods     []orderhub.ReturnedGoods `json:"goods" doc:"The products that came back, kits taken apart, and what became of the units; empty until they are received and their order is known."`
	Decisions []orderhub.Decision      `json:"decisions" doc:"Oldest first; only ever added."`
	Parts     []ReturnPartView         `json:"parts"`
	Actions   []orderhub.ReturnAction  `json:"actions" doc:"The answers that the channel takes now."`
	Received  *orderhub.Actor          `json:"received_by,omitempty"`
	Drift     []orderhub.Drift         `json:"drift,omitempty"`
	Timeline  []orderhub.Event         `json:"timeline" doc:"What happened to the return, oldest first; what does not concern it alone is in its order's."`
	Effects   []*orderhub.Effect       `json:"effects" doc:"The answers that were given, oldest first, and what became of them."`
}

// ReturnPage is one page of returns.
type ReturnPage struct {
	Returns []ReturnRow `json:"returns"`
	Before  int64       `json:"before,omitempty" doc:"Continues the list; absent at its end."`
}

// returnQuery is the query of the list of returns.
type returnQuery struct {
	Account  string    `query:"account"`
	State    string    `query:"state" enum:"announced,on_the_way,at_pickup,received,decided,closed"`
	Kind     string    `query:"kind" enum:"refused,customer,defect"`
	Order    int64     `query:"order" minimum:"1" doc:"Only returns of the order with this number."`
	Open     bool      `query:"open" doc:"Only those about which something is left to do."`
	Waiting  bool      `query:"waiting" doc:"Only those that the channel takes an answer to now."`
	Due      time.Time `query:"due_before" doc:"Only those about which somebody must do something before this moment: answer, or collect the goods."`
	Deadline time.Time `query:"deadline_before" doc:"The same as due_before."`
	Before   int64     `query:"before" minimum:"1" doc:"Only ids below: the \"before\" of the previous page."`
	Limit    int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (a *API) returns(h huma.API) {
	huma.Register(h, op("list-returns", http.MethodGet, "/returns", "Returns", "List returns, newest first"),
		func(ctx context.Context, in *returnQuery) (*body[ReturnPage], error) {
			if err := a.knownAccounts(ctx, in.Account); err != nil {
				return nil, a.problem(err)
			}
			if in.Due.IsZero() {
				in.Due = in.Deadline
			}
			list, err := a.store.ListReturns(ctx, store.ReturnFilter{
				AccountID: in.Account, State: orderhub.ReturnState(in.State), Kind: orderhub.ReturnKind(in.Kind), Order: in.Order,
				Open: in.Open, Waiting: in.Waiting, DeadlineBefore: in.Due, Before: in.Before, Limit: in.Limit,
			})
			if err != nil {
				return nil, a.problem(err)
			}
			page := ReturnPage{Returns: returnRows(list)}
			if len(list) == in.Limit {
				page.Before = list[len(list)-1].ID
			}
			return answer(page), nil
		})
	huma.Register(h, op("get-return", http.MethodGet, "/returns/{id}", "Returns", "Read a return with its goods, decisions and answers"),
		func(ctx context.Context, in *returnPath) (*body[ReturnCard], error) {
			r, err := a.store.Return(ctx, in.ID)
			return a.returnCard(ctx, r, err)
		})
	a.returnWork(h)
	a.photos(h)
	a.returnLink(h)
	a.returnAnswer(h)
	a.returnPolicy(h)
}

type returnPath struct {
	ID int64 `path:"id" doc:"The hub's number of the return."`
}

func returnRows(list []*orderhub.Return) []ReturnRow {
	out := make([]ReturnRow, 0, len(list))
	for _, r := range list {
		out = append(out, returnRow(r))
	}
	return out
}

// returnCard answers with a return, or with the error of reading it.
func (a *API) returnCard(ctx context.Context, r *orderhub.Return, err error) (*body[ReturnCard], error) {
	if err != nil {
		return nil, a.problem(err)
	}
	s := r.Snapshot
	c := ReturnCard{
		ReturnRow: returnRow(r), Comment: s.Comment, Photos: s.Photos, Place: s.Place, Barcode: s.Barcode,
		Lines: append([]orderhub.ReturnLine{}, s.Lines...), Goods: append([]orderhub.ReturnedGoods{}, r.Goods...),
		Decisions: []orderhub.Decision{}, Parts: []ReturnPartView{}, Actions: append([]orderhub.ReturnAction{}, s.Actions...), Drift: s.Drift,
		Here: make([]int64, len(s.Lines)),
	}
	if !r.ReceivedAt.IsZero() {
		c.Received = &r.ReceivedBy
		for i := range c.Here {
			c.Here[i] = r.CameOf(i)
		}
	}
	for _, p := range r.Parts {
		c.Parts = append(c.Parts, ReturnPartView{
			Part: p.Snapshot.Part, State: p.Snapshot.State, Native: p.Snapshot.Native, NativeSub: p.Snapshot.NativeSub, Reason: p.Snapshot.Reason,
			ChangedAt: timeOrNil(p.Snapshot.ChangedAt), ReadAt: p.ReadAt, Raw: p.RawID,
		})
	}
	decisions, err := a.store.Decisions(ctx, r.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	c.Decisions = append(c.Decisions, decisions...)
	pictures, err := a.store.Photos(ctx, r.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	c.Pictures = append([]orderhub.Photo{}, pictures...)
	events, err := a.store.EventsOfReturn(ctx, r.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	effects, err := a.store.EffectsOfReturn(ctx, r.ID)
	if err != nil {
		return nil, a.problem(err)
	}
	c.Timeline, c.Effects = append([]orderhub.Event{}, events...), append([]*orderhub.Effect{}, effects...)
	return answer(c), nil
}

// ReceiveWish says that the goods of a return are here.
type ReceiveWish struct {
	Lines  []ReceivedLine `json:"lines,omitempty" maxItems:"500" doc:"What came; absent = all that is still to come."`
	Rest   string         `json:"rest,omitempty" enum:"expected,missing" doc:"What of the units that did not come: expected (default), or missing, which ends the return with what is here."`
	Note   string         `json:"note,omitempty" maxLength:"1000"`
	Photos []int64        `json:"photos,omitempty" maxItems:"20" doc:"Photos of the return that show what came: numbers from POST /returns/{id}/photos."`
}

// ReceivedLine is units of one line that came.
type ReceivedLine struct {
	orderhub.LineUnits
	SKU string `json:"sku,omitempty" maxLength:"200" doc:"The product, for a return whose order is not in the hub: its goods are taken into the book on your word."`
}

func (w ReceiveWish) received() pipeline.Received {
	in := pipeline.Received{Missing: w.Rest == "missing", Note: w.Note, SKUs: map[int]string{}, Photos: w.Photos}
	for _, l := range w.Lines {
		in.Units = append(in.Units, l.LineUnits)
		if l.SKU != "" {
			in.SKUs[l.Line] = l.SKU
		}
	}
	return in
}

// LinkWish names the order of a return.
type LinkWish struct {
	Number int64 `json:"number" minimum:"1" doc:"The order's number."`
}

// DecideWish says what becomes of units that came back.
type DecideWish struct {
	Goods    int                    `json:"goods" minimum:"0" doc:"The place in the return's goods, from 0."`
	Decision orderhub.GoodsDecision `json:"decision" enum:"resell,quarantine,write_off"`
	Quantity int64                  `json:"quantity" minimum:"1"`
	Why      string                 `json:"why,omitempty" maxLength:"1000" doc:"Required for write_off."`
	Photo    string                 `json:"photo,omitempty" maxLength:"500" doc:"Where a picture lies that is not in the hub: an address, or the name of a file."`
	Photos   []int64                `json:"photos,omitempty" maxItems:"20" doc:"Photos of the return by which it was decided: numbers from POST /returns/{id}/photos."`
}

func (a *API) returnWork(h huma.API) {
	type receiveIn struct {
		ID   int64  `path:"id" doc:"The hub's number of the return."`
		Key  string `header:"Idempotency-Key" maxLength:"100" doc:"Recognises a repeated request for 30 days: it books nothing again."`
		Body ReceiveWish
	}
	o := op("receive-return", http.MethodPost, "/returns/{id}/receive", "Returns", "Record that the goods of a return are here", http.StatusConflict)
	o.Description = "With the account's policy restock they can be sold again at once, goods that are said to be faulty and those of the policy inspect wait in quarantine for a decision. Never more than left with the order: the rest is told as a discrepancy. Goods may come in parts."
	huma.Register(h, o, func(ctx context.Context, in *receiveIn) (*body[ReturnCard], error) {
		what := in.Body.received()
		what.Key = in.Key
		r, err := a.hub.ReceiveReturn(ctx, in.ID, what, actor(ctx))
		return a.returnCard(ctx, r, err)
	})
	type decideIn struct {
		ID   int64  `path:"id" doc:"The hub's number of the return."`
		Key  string `header:"Idempotency-Key" maxLength:"100" doc:"Recognises a repeated request for 30 days: it moves nothing again."`
		Body DecideWish
	}
	o = op("decide-return", http.MethodPost, "/returns/{id}/decide", "Returns", "Decide what becomes of units that came back", http.StatusConflict)
	o.Description = "Units are taken from those that wait for a decision first; what was resold on receipt can be put aside or written off as long as it is on the shelf."
	huma.Register(h, o, func(ctx context.Context, in *decideIn) (*body[ReturnCard], error) {
		w := in.Body
		r, err := a.hub.DecideReturnOnce(ctx, in.ID, orderhub.Decision{
			Goods: w.Goods, Decision: w.Decision, Quantity: w.Quantity, Why: w.Why, Photo: w.Photo, Photos: w.Photos, Actor: actor(ctx),
		}, in.Key)
		return a.returnCard(ctx, r, err)
	})
}

func (a *API) returnLink(h huma.API) {
	type in struct {
		ID   int64 `path:"id" doc:"The hub's number of the return."`
		Body LinkWish
	}
	o := op("link-return", http.MethodPost, "/returns/{id}/link", "Returns", "Say to which order a return belongs", http.StatusConflict)
	o.Description = "For a return whose order the channel does not name, or names by a key that the hub does not know. From then on it is booked and answered like any other."
	huma.Register(h, o, func(ctx context.Context, in *in) (*body[ReturnCard], error) {
		r, err := a.hub.LinkReturn(ctx, in.ID, in.Body.Number, actor(ctx))
		return a.returnCard(ctx, r, err)
	})
}

// AnswerWish is an answer to a return that waits for the seller.
type AnswerWish struct {
	Action  string          `json:"action" minLength:"1" maxLength:"200" doc:"The code of one of the return's actions."`
	Reason  string          `json:"reason,omitempty" maxLength:"200" doc:"The code of one of the action's reasons, where it has some."`
	Comment string          `json:"comment,omitempty" maxLength:"4000" doc:"Where the action needs one."`
	Amount  *orderhub.Money `json:"amount,omitempty" doc:"Where the action needs one."`
}

func (a *API) returnAnswer(h huma.API) {
	type in struct {
		ID   int64 `path:"id" doc:"The hub's number of the return."`
		Body AnswerWish
	}
	o := op("answer-return", http.MethodPost, "/returns/{id}/answer", "Returns", "Answer a return that waits for the seller", http.StatusConflict)
	o.Description = "The answer is owed to the channel as an effect: it is sent, and confirmed when the channel does not offer it any more."
	huma.Register(h, o, func(ctx context.Context, in *in) (*body[orderhub.Effect], error) {
		w := pipeline.ReturnReply{Action: in.Body.Action, Reason: in.Body.Reason, Comment: in.Body.Comment}
		if in.Body.Amount != nil {
			w.Amount = *in.Body.Amount
		}
		e, err := a.hub.AnswerReturn(ctx, in.ID, w, actor(ctx))
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(*e), nil
	})
}

// ReturnRule is what an account does with goods that come back.
type ReturnRule struct {
	Policy orderhub.ReturnPolicy `json:"policy" enum:"restock,inspect" doc:"restock: what is received can be sold again at once, except what is said to be faulty; inspect: everything waits in quarantine for a decision."`
}

func (a *API) returnPolicy(h huma.API) {
	read := func(ctx context.Context, account string) (*body[ReturnRule], error) {
		if err := a.connected(ctx, account); err != nil {
			return nil, a.problem(err)
		}
		p, err := a.store.ReturnPolicy(ctx, account)
		if err != nil {
			return nil, a.problem(err)
		}
		return answer(ReturnRule{Policy: p}), nil
	}
	huma.Register(h, op("get-account-returns", http.MethodGet, "/accounts/{account}/returns", "Returns", "Read what an account does with goods that come back"),
		func(ctx context.Context, in *accountPath) (*body[ReturnRule], error) { return read(ctx, in.Account) })
	type in struct {
		Account string `path:"account"`
		Body    ReturnRule
	}
	huma.Register(h, op("set-account-returns", http.MethodPut, "/accounts/{account}/returns", "Returns", "Set what an account does with goods that come back from now on"),
		func(ctx context.Context, in *in) (*body[ReturnRule], error) {
			err := a.connected(ctx, in.Account)
			if err == nil {
				err = a.hub.SetReturnPolicy(ctx, in.Account, in.Body.Policy)
			}
			if err != nil {
				return nil, a.problem(err)
			}
			return read(ctx, in.Account)
		})
}
