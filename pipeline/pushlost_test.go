package pipeline

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	lost := func(w *world, happened bool) func([]channel.Push) ([]channel.PushResult, error) {
		return func(pushes []channel.Push) ([]channel.PushResult, error) {
			if len(w.fake.pushed()) > 1 {
				return w.fake.obey(pushes), nil
			}
			if happened {
				w.fake.obey(pushes)
			}
			return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake: push", "no answer in time", nil)
		}
	}
	for name, tc := range map[string]struct {
		happened bool
		calls    int
	}{"it happened": {true, 1}, "it did not happen": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.fake.onPush = lost(w, tc.happened)
				w.sold("1")
				w.push()
				w.wantEffect("1", orderhub.EffectSent, "no answer in time")
				readings := 0
				for len(w.fake.pushed()) == 1 && readings < 50 && w.effect("1").State == orderhub.EffectSent {
					w.clock.add(2 * time.Minute)
					before := w.fake.readCount()
					w.push()
					readings += w.fake.readCount() - before
				}
				if !tc.happened && readings < checksBeforeRepeat {
					t.Errorf("repeated after %d readings, want %d", readings, checksBeforeRepeat)
				}
				w.pushFor(10 * time.Second)
				w.wantEffect("1", orderhub.EffectConfirmed)
				if n := len(w.fake.pushed()); n != tc.calls {
					t.Errorf("%d calls, want %d", n, tc.calls)
				}
				if p := w.fake.pushes[tc.calls-1]; p.Attempt != tc.calls {
					t.Errorf("the adapter was told attempt %d, want %d", p.Attempt, tc.calls)
				}
			})
		})
	}
}

func TestLostAnswerWhileReadingFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1", "2")
		w.fake.onPush = failing(orderhub.ClassUncertain, "no answer")
		w.push()
		w.fake.script(func(f *fake) {
			f.onPush = nil
			f.onRead = func([]channel.Ref) ([]channel.Item, error) {
				return nil, orderhub.NewBorderError(orderhub.ClassRetry, "fake: read", "down", nil)
			}
		})
		for range 20 {
			w.clock.add(time.Hour)
			w.push()
		}
		same(t, "pushes", w.fake.pushed(), "1 confirmed", "2 confirmed")
		w.wantEffect("1", orderhub.EffectSent)
		w.fake.script(func(f *fake) { f.onRead = nil })
		for range 10 {
			w.clock.add(time.Hour)
			w.push()
		}
		w.wantEffect("1", orderhub.EffectConfirmed)
		w.wantEffect("2", orderhub.EffectConfirmed)
	})
}

func TestOrderThatCannotBeReadBackEndsUncertain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1", "2", "3")
		w.fake.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
			if len(w.fake.reads) > 500 {
				t.Fatal("the channel is asked in a tight loop")
			}
			if slices.ContainsFunc(refs, func(r channel.Ref) bool { return r.ExternalID == "2" }) {
				return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake: read", "2 is in the archive", nil)
			}
			return w.fake.read(refs), nil
		}
		for range 3 * checksAfterAccept {
			w.push()
			w.clock.add(3 * time.Minute)
		}
		w.wantEffect("1", orderhub.EffectConfirmed)
		w.wantEffect("3", orderhub.EffectConfirmed)
		w.wantEffect("2", orderhub.EffectUncertain, "cannot be read back", "2 is in the archive")
		if o := w.order("2"); o.Requested != "" {
			t.Errorf("on its way %q", o.Requested)
		}
	})
}

func TestKilledBetweenCallAndRecord(t *testing.T) {
	t.Parallel()
	for name, happened := range map[string]bool{"the call arrived": true, "the call did not arrive": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.sold("1")
				w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
					if happened {
						w.fake.obey(pushes)
					}
					panic("killed")
				}
				func() {
					defer func() { _ = recover() }()
					w.push()
				}()
				w.wantEffect("1", orderhub.EffectSent)

				w.fake.script(func(f *fake) { f.onPush = nil })
				w.hub = w.newHub(Options{})
				w.clock.add(time.Minute)
				w.push()
				if w.fake.readCount() == 0 || len(w.fake.pushed()) != 1 {
					t.Errorf("%d readings, pushes %v: want a reading first", w.fake.readCount(), w.fake.pushed())
				}
				w.pushFor(time.Minute)
				w.wantEffect("1", orderhub.EffectConfirmed)
				if n := len(w.fake.pushed()); (n == 1) != happened {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

func TestFencedPushRecordsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		lease, _, err := w.store.AcquireLease(t.Context(), "push:main", "first", time.Minute)
		w.must(err)
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			w.clock.add(time.Hour)
			if _, ok, err := w.store.AcquireLease(t.Context(), lease.Name, "second", time.Minute); err != nil || !ok {
				t.Errorf("second: %v", err)
			}
			return []channel.PushResult{{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "fake", "no", nil)}}, nil
		}
		if err := w.hub.drainEffects(t.Context(), w.account(), lease); !errors.Is(err, store.ErrFenced) {
			t.Errorf("got %v, want ErrFenced", err)
		}
		w.wantEffect("1", orderhub.EffectSent)
		if err := w.hub.drainEffects(t.Context(), w.account(), lease); !errors.Is(err, store.ErrFenced) {
			t.Errorf("got %v, want ErrFenced", err)
		}
		same(t, "pushes", w.fake.pushed(), "1 confirmed")
	})
}

func TestAcceptedButNeverVisible(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.deaf = true
		w.sold("1", "2")
		for range 2 * checksAfterAccept {
			w.push()
			w.clock.add(3 * time.Minute)
		}
		w.wantEffect("1", orderhub.EffectUncertain, "did not show it")
		if len(w.fake.pushed()) != 2 {
			t.Errorf("pushes %v: an accepted call is not repeated", w.fake.pushed())
		}
		if o := w.order("1"); o.Requested != "" {
			t.Errorf("on its way %q", o.Requested)
		}
		w.take(snap("1", orderhub.StatusConfirmed))
		w.wantEffect("1", orderhub.EffectConfirmed)
		w.wantEffect("2", orderhub.EffectUncertain)
	})
}

func TestAnswersThatTellNothing(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func([]channel.Push) ([]channel.PushResult, error){
		"too few rows":  func([]channel.Push) ([]channel.PushResult, error) { return make([]channel.PushResult, 1), nil },
		"no rows":       func([]channel.Push) ([]channel.PushResult, error) { return nil, nil },
		"another error": func([]channel.Push) ([]channel.PushResult, error) { return nil, errors.New("unexpected end of JSON") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.sold("1", "2")
				w.fake.onPush = func(p []channel.Push) ([]channel.PushResult, error) {
					w.fake.obey(p)
					return script(p)
				}
				w.push()
				for _, id := range []string{"1", "2"} {
					w.wantEffect(id, orderhub.EffectSent)
				}
				w.pushFor(20 * time.Second)
				for _, id := range []string{"1", "2"} {
					w.wantEffect(id, orderhub.EffectConfirmed)
				}
				if n := len(w.fake.pushed()); n != 2 {
					t.Errorf("pushes %v: nothing is to be repeated", w.fake.pushed())
				}
			})
		})
	}
}

func TestLostAnswerOfAChannelThatCannotBeRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lose := 2
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			if lose--; lose >= 0 {
				return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer", nil)
			}
			return []channel.PushResult{{Outcome: channel.OutcomeDone}}, nil
		}
		w.sold("1")
		w.pushFor(2 * time.Minute)
		w.wantEffect("1", orderhub.EffectConfirmed)
		if p := w.fake.pushes; len(p) != 3 || p[0].Key != p[2].Key {
			t.Errorf("%d pushes", len(p))
		}
	}, func(fk *fake, _ *Options) { fk.bare = true })
}
