package ozonsim

import (
	"container/heap"
	"time"

	"github.com/orderhub/orderhub"
)

// step is the second half of an asynchronous call.
type step struct {
	due time.Time
	seq int
	run func(now time.Time)
}

type stepQueue []step

func (q stepQueue) Len() int { return len(q) }
func (q stepQueue) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].seq < q[j].seq
}
func (q stepQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop serve package heap.
func (q *stepQueue) Push(x any) { *q = append(*q, x.(step)) }

// Pop takes the last element.
func (q *stepQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// later does run after a delay: by timer, and at the latest when somebody looks,
// so that a market on a set clock works too.
func (m *Market) later(now time.Time, delay time.Duration, run func(now time.Time)) {
	m.stepSeq++
	heap.Push(&m.steps, step{due: now.Add(delay), seq: m.stepSeq, run: run})
	time.AfterFunc(delay+time.Millisecond, func() {
		m.enter()
		m.mu.Unlock()
	})
}

// settle does what is due and forgets what a replica can no longer ask for.
func (m *Market) settle(now time.Time) {
	if m.closed {
		return
	}
	for len(m.steps) > 0 && !m.steps[0].due.After(now) {
		s, _ := heap.Pop(&m.steps).(step)
		s.run(now)
	}
	m.leave(now)
}

// replicaLag is the longest lag of a stale replica for which the unfulfilled
// list is still right.
const replicaLag = 10 * time.Minute

// leaver is a posting that is no longer unfulfilled.
type leaver struct {
	at time.Time
	p  *posting
}

// leave takes postings out of the unfulfilled list once no replica can see them
// there any more.
func (m *Market) leave(now time.Time) {
	n := 0
	for ; n < len(m.leaving) && now.Sub(m.leaving[n].at) > replicaLag; n++ {
		p := m.leaving[n].p
		if p.inOpen && !unfulfilled(p.state().status) {
			m.open.remove(p.placedAt, p)
			p.inOpen = false
		}
	}
	m.leaving = m.leaving[n:]
}

// create puts a new posting into the books.
func (m *Market) create(now time.Time, p *posting, st state) {
	p.seq = len(m.all) + 1
	st.statusAt = now
	m.all = append(m.all, p)
	m.postings[p.number] = p
	p.order.postings = append(p.order.postings, p)
	p.hist.Set(now, &st)
	if p.scheme == orderhub.SchemeFBO {
		m.fbo.insert(p.placedAt, p)
		m.notifyFBONew(p, st)
		return
	}
	m.byPlaced.insert(p.placedAt, p)
	m.byChanged.insert(now, p)
	m.open.insert(p.placedAt, p)
	p.inOpen = true
	m.notifyNew(p, st)
}

// set records a new state of a posting, keeps the lists in order and notifies.
func (m *Market) set(now time.Time, p *posting, st state) {
	old := p.state()
	if st.status == old.status && st.sub == old.sub {
		p.hist.Set(now, &st)
		return
	}
	st.previous = old.sub
	st.statusAt = now
	if st.status == delivering && st.handedOver.IsZero() {
		st.handedOver = now
	}
	p.hist.Set(now, &st)
	p.overtake(now, st)
	if p.scheme == orderhub.SchemeFBO {
		m.notifyFBOChange(now, p, old, st)
		return
	}
	m.byChanged.remove(old.statusAt, p)
	m.byChanged.insert(now, p)
	switch {
	case !unfulfilled(st.status):
		m.leaving = append(m.leaving, leaver{now, p})
	case !p.inOpen:
		m.open.insert(p.placedAt, p)
		p.inOpen = true
	}
	m.notifyChange(now, p, old, st)
}

// move changes the words of a posting.
func (m *Market) move(now time.Time, p *posting, status, sub string) {
	st := p.state()
	st.status, st.sub, st.busy = status, sub, ""
	m.set(now, p, st)
}

// cancel ends a posting. The document calls a cancellation "after ship" when it
// comes after the assembly, not only after the hand-over.
func (m *Market) cancel(now time.Time, p *posting, c cancellation) {
	st := p.state()
	m.sendBack(now, p, st, c)
	st.cancelledAfterShip = assembled(st.status)
	st.status, st.sub, st.busy, st.cancelAsked, st.cancellation = cancelled, subCanceled, "", false, c
	m.set(now, p, st)
}
