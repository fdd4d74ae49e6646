package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

// TestAPoisonedEvent: a receiver that breaks on one event goes on with the others.
func TestAPoisonedEvent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		e := w.endpoint(r, orderhub.Endpoint{})
		r.set(func(order, _ string) int {
			if order == "1" {
				return 500
			}
			return 200
		})
		w.take(snap("1", orderhub.StatusNew))
		w.deliver()
		w.take(snap("2", orderhub.StatusNew), snap("3", orderhub.StatusNew))
		w.deliver()
		w.clock.add(10 * time.Second)
		w.deliver()
		w.clock.add(10 * time.Second)
		w.deliver()
		if got := r.got(); len(got) != 2 {
			t.Errorf("the others wait: %v", got)
		}
		for hour := range 50 {
			w.clock.add(2 * time.Hour)
			if hour%10 == 0 {
				w.take(snap(fmt.Sprint(10+hour), orderhub.StatusNew))
			}
			w.deliver()
		}
		if dead := w.deliveries(e.ID, orderhub.DeliveryDead); len(dead) != 1 {
			t.Errorf("%+v", dead)
		}
	}, localhost)
}

// TestAPoisonedEventOfAQuietShop: nothing else is there to show that the receiver lives.
// When it is to be stopped it is asked, and the event dies instead.
func TestAPoisonedEventOfAQuietShop(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"breaks": 500, "refuses": 400} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				r := newReceiver(w)
				e := w.endpoint(r, orderhub.Endpoint{})
				r.set(func(order, kind string) int {
					if order != "3" && kind == "order.received" {
						return status
					}
					return 200
				})
				w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
				for range 50 {
					w.deliver()
					w.clock.add(2 * time.Hour)
				}
				w.take(statusOnly("1", orderhub.StatusConfirmed), snap("3", orderhub.StatusNew))
				w.deliver()
				if got := r.got(); len(got["1"]) != 1 || len(got["3"]) != 1 {
					t.Errorf("later events wait: %v", got)
				}
				now := w.endpointNow(e.ID)
				if dead := w.deliveries(e.ID, orderhub.DeliveryDead); now.State != orderhub.EndpointActive || now.Failures != 0 || len(dead) != 2 || dead[0].Status != status {
					t.Errorf("%+v, dead %+v", now, dead)
				}
			}, localhost)
		})
	}
}

// TestALostAnswer: what is told again has the id that it had, so that a receiver may drop
// it: what changed meanwhile is told by an event of its own.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		w.endpoint(r, orderhub.Endpoint{})
		r.lose = 1
		w.take(snap("1", orderhub.StatusNew))
		w.deliver()
		w.take(statusOnly("1", orderhub.StatusConfirmed))
		w.clock.add(time.Minute)
		w.deliver()
		if got := r.got()["1"]; r.times != 3 || !slices.Equal(got, []string{"order.received new", "order.status confirmed"}) {
			t.Fatalf("%d messages, %v", r.times, got)
		}
		var first, last struct{ Data FeedEntry }
		w.must(json.Unmarshal([]byte(r.bodies[0]), &first))
		w.must(json.Unmarshal([]byte(r.bodies[1]), &last))
		if first.Data.Order.Status != orderhub.StatusNew || last.Data.Order.Status != orderhub.StatusConfirmed || last.Data.Order.Version <= first.Data.Order.Version {
			t.Errorf("%s\n%s", r.bodies[0], r.bodies[1])
		}
	}, localhost)
}
