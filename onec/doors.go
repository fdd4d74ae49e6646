package onec

import (
	"net/netip"
	"sync"
	"time"
)

// doors keeps those out for a while who try passwords. A login is blocked for an
// address, not for everybody: nobody can lock a shop's 1C out from elsewhere.
type doors struct {
	now func() time.Time
	mu  sync.Mutex
	bad map[string]*tries
}

type tries struct {
	n    int
	last time.Time
}

// How many wrong passwords there may be until one waits a minute after the last:
// of one address for one login, and for all logins.
const (
	triesOfLogin  = 5
	triesOfSender = 50
	waitAtDoor    = time.Minute
	maxDoors      = 10_000
)

func newDoors(now func() time.Time) *doors { return &doors{now: now, bad: map[string]*tries{}} }

func (d *doors) mayTry(sender netip.Addr, login string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free(sender.String(), triesOfSender) && d.free(sender.String()+" "+clip(login, 100), triesOfLogin)
}

func (d *doors) free(key string, most int) bool {
	t := d.bad[key]
	if t == nil {
		return true
	}
	if d.now().Sub(t.last) >= waitAtDoor {
		delete(d.bad, key)
		return true
	}
	return t.n < most
}

// tried notes how a try went.
func (d *doors) tried(sender netip.Addr, login string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := sender.String() + " " + clip(login, 100)
	if ok {
		delete(d.bad, key)
		return
	}
	if len(d.bad) >= maxDoors {
		clear(d.bad) // memory is worth more than the count of a flood
	}
	for _, k := range []string{key, sender.String()} {
		if d.bad[k] == nil {
			d.bad[k] = &tries{}
		}
		d.bad[k].n++
		d.bad[k].last = d.now()
	}
}
