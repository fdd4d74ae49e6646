package orderhub

// StatusTable is what a channel tells of its statuses: which native words mean
// which headline, and who can cause each step. It lives in the adapter's
// status.go; the drawing in docs/ is generated from it.
type StatusTable struct {
	Native []NativeStatus
	Steps  []Step
}

// NativeStatus maps a pair of native words to a headline.
type NativeStatus struct {
	// Scheme limits the row to one scheme; "" = any.
	Scheme Scheme
	// Word is the native status; Sub the native substatus, "*" = any.
	Word, Sub string
	Status    Status
	// Leads is a step that was taken and that the channel will show by itself,
	// days later perhaps (Ozon: conditionally delivered leads to delivered).
	Leads Status
	// Note says what the row means where it is not obvious.
	Note string
}

// StepKind says who can cause a step.
type StepKind string

// The kinds of steps.
const (
	// StepPush: there is a call; asking for it sends it to the channel.
	StepPush StepKind = "push"
	// StepLocal: the channel has no such step; the hub keeps it.
	StepLocal StepKind = "local"
	// StepTell: the hub decides and the channel is told (a shop's own site): the
	// headline moves at once, the message is an effect of its own.
	StepTell StepKind = "tell"
	// StepObserved: only the channel can cause it; asking gets a refusal.
	StepObserved StepKind = "observed"
)

// Step tells how an order of a scheme comes to a status.
type Step struct {
	Scheme Scheme // "" = any
	To     Status
	Kind   StepKind
	// From limits the headlines from which the step can be asked; nil = as the
	// machine allows.
	From []Status
	// Call is the API call of a push, for documents and people.
	Call string
	// Actions: one of these words must be among Snapshot.Actions, where the
	// channel lists what it offers; nil = no such check.
	Actions []string
	// Note is for people: why it is observed, what it takes along.
	Note string
}

// Lookup translates native words. Rows with an exact scheme and substatus win
// over wildcards, in the order of the table. ok is false when no row fits: the
// order becomes StatusUnknown and the words are kept.
func (t StatusTable) Lookup(scheme Scheme, word, sub string) (s Status, ok bool) {
	n, ok := t.native(scheme, word, sub)
	if !ok {
		return StatusUnknown, false
	}
	return n.Status, true
}

// LeadsTo reports whether an order with these native words will come to a status
// by itself: the step was taken, the channel shows it later.
func (t StatusTable) LeadsTo(scheme Scheme, word, sub string, to Status) bool {
	n, ok := t.native(scheme, word, sub)
	return ok && n.Leads != "" && n.Leads == to
}

// native finds the row that fits best.
func (t StatusTable) native(scheme Scheme, word, sub string) (row NativeStatus, ok bool) {
	best := -1
	for _, n := range t.Native {
		if n.Word != word || (n.Scheme != "" && n.Scheme != scheme) || (n.Sub != "*" && n.Sub != sub) {
			continue
		}
		score := 0
		if n.Sub != "*" {
			score += 2
		}
		if n.Scheme != "" {
			score++
		}
		if score > best {
			best, row = score, n
		}
	}
	return row, best >= 0
}

// Step finds how an order of the scheme comes to a status. A step that the
// table does not list is observed: the hub never guesses that it may act.
func (t StatusTable) Step(scheme Scheme, from, to Status) Step {
	fallback := Step{Scheme: scheme, To: to, Kind: StepObserved}
	best := -1
	for _, st := range t.Steps {
		if st.To != to || (st.Scheme != "" && st.Scheme != scheme) {
			continue
		}
		score := 0
		if st.Scheme != "" {
			score++
		}
		if len(st.From) > 0 {
			if !hasStatus(st.From, from) {
				continue
			}
			score += 2
		}
		if score > best {
			best, fallback = score, st
		}
	}
	return fallback
}

func hasStatus(list []Status, s Status) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
