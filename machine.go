package orderhub

import "slices"

// Cause says what moves an order along a transition.
type Cause uint8

// The causes, a bit set.
const (
	// Asked: a manager, an API client or a rule asks for the status.
	Asked Cause = 1 << iota
	// News: the channel reports the status.
	News
)

// Guard refuses a transition; it returns nil to let it pass. Guards see the
// order as it is and the request.
type Guard func(o *Order, req Request) *Error

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
// News of the channel are facts: a move that is not listed for News is refused
// as older news, see Merge.
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

	{StatusNew, StatusConfirmed, News | Asked, work},
	{StatusNew, StatusPacked, News, nil},
	{StatusNew, StatusShipped, News, nil},
	{StatusNew, StatusReadyForPickup, News, nil},
	{StatusNew, StatusDelivered, News, nil},
	{StatusNew, StatusCancelled, News | Asked, cancel},

	{StatusConfirmed, StatusPacked, News | Asked, work},
	{StatusConfirmed, StatusShipped, News | Asked, handOver},
	{StatusConfirmed, StatusReadyForPickup, News, nil},
	{StatusConfirmed, StatusDelivered, News, nil},
	{StatusConfirmed, StatusCancelled, News | Asked, cancel},

	{StatusPacked, StatusShipped, News | Asked, handOver},
	{StatusPacked, StatusReadyForPickup, News, nil},
	{StatusPacked, StatusDelivered, News, nil},
	{StatusPacked, StatusCancelled, News | Asked, cancel},

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
	{StatusPartiallyReturned, StatusReturned, News, nil},
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
	from := o.Headline
	if from == req.To {
		return Plan{}, Errorf(CodeRefused, "order %s is already %s", o.Number(), from)
	}
	if o.Requested == req.To {
		return Plan{}, Errorf(CodeRefused, "order %s: %s is already on its way to the channel", o.Number(), req.To)
	}
	path, err := findPath(o, req, table)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	at := from
	for _, next := range path {
		tr, _ := transition(at, next, Asked)
		for _, guard := range tr.Guards {
			if refusal := guard(o, req); refusal != nil {
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
			if refusal := guardAction(o, step); refusal != nil {
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

// findPath looks for the shortest way from the headline to the wish whose
// intermediate steps are all local.
func findPath(o *Order, req Request, table StatusTable) ([]Status, error) {
	type way struct {
		at   Status
		path []Status
	}
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
			if tr.To == req.To {
				return path, nil
			}
			if kind := table.Step(o.Snapshot.Scheme, w.at, tr.To).Kind; tr.To == StatusCancelled || kind != StepLocal {
				continue
			}
			seen[tr.To] = true
			queue = append(queue, way{tr.To, path})
		}
	}
	allowed := NextAsked(o, table)
	if len(allowed) == 0 {
		return nil, Errorf(CodeRefused, "order %s is %s: nothing more can be asked of it", o.Number(), o.Headline)
	}
	return nil, Errorf(CodeRefused, "order %s is %s and cannot become %s from there; possible now: %s",
		o.Number(), o.Headline, req.To, joinStatuses(allowed))
}

// NextAsked lists the statuses that can be asked of the order now.
func NextAsked(o *Order, table StatusTable) []Status {
	var out []Status
	for _, tr := range Transitions {
		if tr.From != o.Headline || tr.By&Asked == 0 {
			continue
		}
		step := table.Step(o.Snapshot.Scheme, tr.From, tr.To)
		if step.Kind == StepObserved {
			continue
		}
		if guardsPass(o, tr, step) {
			out = append(out, tr.To)
		}
	}
	return out
}

func guardsPass(o *Order, tr Transition, step Step) bool {
	for _, g := range tr.Guards {
		if g(o, Request{To: tr.To}) != nil {
			return false
		}
	}
	return step.Kind != StepPush || guardAction(o, step) == nil
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

func guardWritable(o *Order, req Request) *Error {
	if o.Snapshot.ReadOnly {
		return Errorf(CodeRefused, "order %s is handled by %s alone and can only be watched", o.Number(), o.Channel)
	}
	return nil
}

func guardKnown(o *Order, req Request) *Error {
	if o.Snapshot.Status == StatusUnknown {
		return Errorf(CodeRefused, "order %s: the channel's status %q is not known to the hub; nothing is sent on a guess",
			o.Number(), clip(o.Snapshot.Native, 60))
	}
	return nil
}

func guardNothingOnItsWay(o *Order, req Request) *Error {
	if o.Requested != "" {
		return Errorf(CodeRefused, "order %s: %s is on its way to the channel; wait for its answer", o.Number(), o.Requested)
	}
	return nil
}

func guardNotHeld(o *Order, req Request) *Error {
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

func guardAction(o *Order, step Step) *Error {
	if step.Action == "" || o.Snapshot.Actions == nil || slices.Contains(o.Snapshot.Actions, step.Action) {
		return nil
	}
	return Errorf(CodeRefused, "order %s: %s does not offer %q for it now (offered: %s)",
		o.Number(), o.Channel, step.Action, joinWords(o.Snapshot.Actions))
}

func joinWords(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ", "
		}
		out += s
	}
	return out
}
