package orderhub

import (
	"slices"
	"strings"
)

// Cause says what moves an order along a transition.
type Cause uint8

// The causes, a bit set.
const (
	// Asked: a manager, an API client or a rule asks for the status.
	Asked Cause = 1 << iota
	// News: the channel reports the status.
	News
)

// Guard is a condition of a transition that is asked for. News of the channel
// pass no guards: they are facts.
type Guard struct {
	// Name is the guard's word in documents, Rule says there what must hold.
	Name, Rule string
	// Refuse returns nil to let the request pass. It sees the order as it is.
	Refuse func(o *Order, req Request) *Error
}

// Transition is one row of the status machine.
type Transition struct {
	From, To Status
	By       Cause
	Guards   []Guard
}

// Transitions is the status machine: every move that can happen to an order
// and what must hold when it is asked for. Whether a move is a call to the
// channel, local, or only the channel's to make is the channel's table
// (StatusTable.Steps). docs/status-machine.md is drawn from this variable.
//
// News of the channel are facts: they move an order to any further step, and
// each such move is listed. A move back is not: it is older news until Merge is
// convinced of it.
var Transitions = []Transition{
	{StatusUnknown, StatusPending, News, nil},
	{StatusUnknown, StatusNew, News, nil},
	{StatusUnknown, StatusConfirmed, News, nil},
	{StatusUnknown, StatusPacked, News, nil},
	{StatusUnknown, StatusShipped, News, nil},
	{StatusUnknown, StatusReadyForPickup, News, nil},
	{StatusUnknown, StatusDelivered, News, nil},
	{StatusUnknown, StatusCancelled, News, nil},
	{StatusUnknown, StatusPartiallyReturned, News, nil},
	{StatusUnknown, StatusReturned, News, nil},

	{StatusPending, StatusNew, News | Asked, work},
	{StatusPending, StatusConfirmed, News, nil},
	{StatusPending, StatusPacked, News, nil},
	{StatusPending, StatusShipped, News, nil},
	{StatusPending, StatusReadyForPickup, News, nil},
	{StatusPending, StatusDelivered, News, nil},
	{StatusPending, StatusCancelled, News | Asked, cancel},
	{StatusPending, StatusPartiallyReturned, News, nil},
	{StatusPending, StatusReturned, News, nil},

	{StatusNew, StatusConfirmed, News | Asked, work},
	{StatusNew, StatusPacked, News, nil},
	{StatusNew, StatusShipped, News, nil},
	{StatusNew, StatusReadyForPickup, News, nil},
	{StatusNew, StatusDelivered, News, nil},
	{StatusNew, StatusCancelled, News | Asked, cancel},
	{StatusNew, StatusPartiallyReturned, News, nil},
	{StatusNew, StatusReturned, News, nil},

	{StatusConfirmed, StatusPacked, News | Asked, work},
	{StatusConfirmed, StatusShipped, News | Asked, handOver},
	{StatusConfirmed, StatusReadyForPickup, News, nil},
	{StatusConfirmed, StatusDelivered, News, nil},
	{StatusConfirmed, StatusCancelled, News | Asked, cancel},
	{StatusConfirmed, StatusPartiallyReturned, News, nil},
	{StatusConfirmed, StatusReturned, News, nil},

	{StatusPacked, StatusShipped, News | Asked, handOver},
	{StatusPacked, StatusReadyForPickup, News, nil},
	{StatusPacked, StatusDelivered, News, nil},
	{StatusPacked, StatusCancelled, News | Asked, cancel},
	{StatusPacked, StatusPartiallyReturned, News, nil},
	{StatusPacked, StatusReturned, News, nil},

	{StatusShipped, StatusReadyForPickup, News | Asked, deliver},
	{StatusShipped, StatusDelivered, News | Asked, deliver},
	{StatusShipped, StatusCancelled, News | Asked, cancel},
	{StatusShipped, StatusPartiallyReturned, News, nil},
	{StatusShipped, StatusReturned, News, nil},

	{StatusReadyForPickup, StatusDelivered, News | Asked, deliver},
	{StatusReadyForPickup, StatusCancelled, News | Asked, cancel},
	{StatusReadyForPickup, StatusPartiallyReturned, News, nil},
	{StatusReadyForPickup, StatusReturned, News, nil},

	// A delivered order is not beyond recall: an arbitration may cancel it.
	{StatusDelivered, StatusCancelled, News, nil},
	{StatusDelivered, StatusPartiallyReturned, News, nil},
	{StatusDelivered, StatusReturned, News, nil},
	{StatusPartiallyReturned, StatusCancelled, News, nil},
	{StatusPartiallyReturned, StatusReturned, News, nil},
	{StatusReturned, StatusCancelled, News, nil},
	// Goods that were cancelled on their way may still come back.
	{StatusCancelled, StatusPartiallyReturned, News, nil},
	{StatusCancelled, StatusReturned, News, nil},
}

// The guard lists of the table.
var (
	work     = []Guard{guardWritable, guardNothingOnItsWay, guardKnown, guardNotHeld}
	handOver = []Guard{guardWritable, guardNothingOnItsWay, guardKnown, guardNotHeld}
	deliver  = []Guard{guardWritable, guardNothingOnItsWay, guardKnown}
	cancel   = []Guard{guardWritable}
)

// Request is somebody's wish to move an order.
type Request struct {
	To    Status
	Actor Actor
	// Reason is the code of a cancel reason where the channel has a list, or
	// free text.
	Reason string
	// Comment is kept with the event and sent where the channel takes one.
	Comment string
	// Params are extras for the push call: "code" (WB hand-over code),
	// "packages" (how to split), "delivered_on". The adapter names what it takes.
	Params map[string]string
}

// Plan is the machine's answer to a Request: the local steps to record and, at
// the end, at most one call to the channel.
type Plan struct {
	// Local are the headlines to record at once, in order.
	Local []Status
	// Tell are those of them that the channel must be told of, in order.
	Tell []Status
	// Push is the call to make after them, nil = none.
	Push *Step
}

// Decide answers a Request with a Plan, or with an error of CodeRefused whose
// sentence says why. Steps that the channel does not have are walked through on
// the way: new → packed on Yandex Market is confirmed (local), then packed (push).
func Decide(o *Order, req Request, table StatusTable) (Plan, error) {
	path := findPath(o, req.To, table)
	if path == nil {
		return Plan{}, noPathRefusal(o, req, table)
	}
	plan, refusal := planAlong(path, o, req, table)
	if refusal != nil {
		return Plan{}, refusal
	}
	return plan, nil
}

// NextAsked lists the statuses that can be asked of the order now: those for
// which Decide has a plan.
func NextAsked(o *Order, table StatusTable) []Status {
	var out []Status
	for _, to := range Statuses() {
		path := findPath(o, to, table)
		if path == nil {
			continue
		}
		if _, refusal := planAlong(path, o, Request{To: to}, table); refusal == nil {
			out = append(out, to)
		}
	}
	return out
}

// findPath looks for the shortest way from the headline to a status whose
// intermediate steps are all local. A way that ends in a step of the channel's
// own is the last choice: it is good for telling why not. nil = there is no way.
func findPath(o *Order, to Status, table StatusTable) []Status {
	type way struct {
		at   Status
		path []Status
	}
	var observed []Status
	queue := []way{{at: o.Headline}}
	seen := map[Status]bool{o.Headline: true}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		for _, tr := range Transitions {
			if tr.From != w.at || tr.By&Asked == 0 || seen[tr.To] {
				continue
			}
			path := append(slices.Clone(w.path), tr.To)
			kind := table.Step(o.Snapshot.Scheme, w.at, tr.To).Kind
			switch {
			case tr.To != to:
				if kind == StepLocal {
					seen[tr.To] = true
					queue = append(queue, way{tr.To, path})
				}
			case kind != StepObserved || to == StatusCancelled:
				// Nobody walks an order forward in order to cancel it.
				return path
			case observed == nil:
				observed = path
			}
		}
	}
	return observed
}

// planAlong turns a way into a plan, or says what forbids it.
func planAlong(path []Status, o *Order, req Request, table StatusTable) (Plan, *Error) {
	if o.Requested == req.To {
		return Plan{}, Errorf(CodeRefused, "order %s: %s is already on its way to the channel", o.Number(), req.To)
	}
	var plan Plan
	at := o.Headline
	for _, next := range path {
		tr, _ := transition(at, next, Asked)
		for _, guard := range tr.Guards {
			if refusal := guard.Refuse(o, req); refusal != nil {
				return Plan{}, refusal
			}
		}
		step := table.Step(o.Snapshot.Scheme, at, next)
		switch step.Kind {
		case StepLocal:
			plan.Local = append(plan.Local, next)
		case StepTell:
			plan.Local = append(plan.Local, next)
			plan.Tell = append(plan.Tell, next)
		case StepPush:
			if refusal := refuseNotOffered(o, step); refusal != nil {
				return Plan{}, refusal
			}
			plan.Push = &step
		case StepObserved:
			return Plan{}, observedRefusal(o, next, step)
		}
		at = next
	}
	return plan, nil
}

// noPathRefusal says why there is no way to a status.
func noPathRefusal(o *Order, req Request, table StatusTable) *Error {
	if o.Headline == req.To {
		return Errorf(CodeRefused, "order %s is already %s", o.Number(), o.Headline)
	}
	if allowed := NextAsked(o, table); len(allowed) > 0 {
		return Errorf(CodeRefused, "order %s is %s and cannot become %s from there; possible now: %s",
			o.Number(), o.Headline, clip(string(req.To), 40), joinStatuses(allowed))
	}
	if !o.Headline.IsEnd() {
		for _, guard := range []Guard{guardWritable, guardKnown, guardNothingOnItsWay} {
			if refusal := guard.Refuse(o, req); refusal != nil {
				return refusal
			}
		}
	}
	return Errorf(CodeRefused, "order %s is %s: nothing more can be asked of it", o.Number(), o.Headline)
}

// transition finds the row of the table.
func transition(from, to Status, by Cause) (Transition, bool) {
	for _, tr := range Transitions {
		if tr.From == from && tr.To == to && tr.By&by != 0 {
			return tr, true
		}
	}
	return Transition{}, false
}

func observedRefusal(o *Order, to Status, step Step) *Error {
	why := step.Note
	if why == "" {
		why = "only " + string(o.Channel) + " itself can cause it"
	}
	return Errorf(CodeRefused, "order %s cannot be set to %s from the hub: %s", o.Number(), to, why)
}

// The guards.
var (
	guardWritable = Guard{
		"writable", "the order is not one that the channel handles alone (its own warehouse)", refuseReadOnly,
	}
	guardNothingOnItsWay = Guard{
		"nothing on its way", "no other request for the order waits for the channel's answer", refuseOnItsWay,
	}
	guardKnown = Guard{
		"known", "the channel's status word is one that the hub knows", refuseUnknown,
	}
	guardNotHeld = Guard{
		"not held", "no hold stops the order: manual, arbitration, cancel_request, conflict, short", refuseHeld,
	}
)

func refuseReadOnly(o *Order, _ Request) *Error {
	if o.Snapshot.ReadOnly {
		return Errorf(CodeRefused, "order %s is handled by %s alone and can only be watched", o.Number(), o.Channel)
	}
	return nil
}

func refuseUnknown(o *Order, _ Request) *Error {
	if o.Snapshot.Status == StatusUnknown {
		return Errorf(CodeRefused, "order %s: the channel's status %q is not known to the hub; nothing is sent on a guess",
			o.Number(), clip(o.Snapshot.Native, 60))
	}
	return nil
}

func refuseOnItsWay(o *Order, _ Request) *Error {
	if o.Requested != "" {
		return Errorf(CodeRefused, "order %s: %s is on its way to the channel; wait for its answer", o.Number(), o.Requested)
	}
	return nil
}

func refuseHeld(o *Order, _ Request) *Error {
	for _, h := range o.Holds() {
		switch h {
		case HoldManual, HoldArbitration, HoldCancelRequest, HoldConflict, HoldShort:
			return Errorf(CodeRefused, "order %s is on hold (%s): lift the hold first", o.Number(), h)
		case HoldUnmapped, HoldNotAccepted, HoldShipFailed:
			// shown, but no reason to stop work
		}
	}
	return nil
}

// refuseNotOffered refuses a call that the channel does not offer for the order.
func refuseNotOffered(o *Order, step Step) *Error {
	if len(step.Actions) == 0 || o.Snapshot.Actions == nil {
		return nil
	}
	for _, a := range step.Actions {
		if slices.Contains(o.Snapshot.Actions, a) {
			return nil
		}
	}
	return Errorf(CodeRefused, "order %s: %s does not offer %s for it now (offered: %s)",
		o.Number(), o.Channel, strings.Join(step.Actions, " or "), joinWords(o.Snapshot.Actions))
}

func joinWords(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
