package channeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/demo/demosim"
)

// fault is one way to be wrong, the check that finds it and a part of its words.
type fault struct {
	name, check, report string
	bend                func(b *broken)
}

var listFaults = []fault{
	{"loses the last page", "paging", "are lost", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			if p.Done {
				p.Items = nil
			}
			return p, err
		}
	}},
	{"stops after the first page", "paging", "are lost", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			p.Done = true
			return p, err
		}
	}},
	{"never ends", "paging", "the cursor stays", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			p.Done = false
			return p, err
		}
	}},
	{"keeps its position in memory", "resume", "are lost", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			switch {
			case c == nil:
				b.state = nil
			case b.state == nil: // a new process knows nothing and believes to be at the end
				return channel.Page{Done: true, Next: c}, nil
			}
			p, err := b.full.List(ctx, feed, b.state)
			b.state = p.Next
			return p, err
		}
	}},
	{"breaks on two goroutines", "two at once", "different orders", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			b.mu.Lock()
			if c == nil {
				b.state = nil
			}
			from := b.state
			b.mu.Unlock()
			if c == nil {
				b.meet()
			}
			p, err := b.full.List(ctx, feed, from)
			b.mu.Lock()
			defer b.mu.Unlock()
			if string(from) != string(b.state) { // the other one was faster: its page is taken for ours
				p.Items = nil
			}
			b.state = p.Next
			return p, err
		}
	}},
	{"skips what changes next", "next sweep", "placed after the sweep", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			if n, aerr := strconv.Atoi(string(p.Next)); aerr == nil && p.Done {
				p.Next = channel.Cursor(strconv.Itoa(n + 100))
			}
			return p, err
		}
	}},
	{"invents orders", "paging", "not in the market's books", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			p.Items = append(p.Items, channel.Item{Kind: "order", ExternalID: "D-9", Body: []byte(`{"id":"D-9","status":"created"}`)})
			return p, err
		}
	}},
	{"asks the range in another time zone", "range", "are lost", func(b *broken) {
		b.listRange = func(b *broken, ctx context.Context, from, to time.Time, c channel.Cursor) (channel.Page, error) {
			return b.full.ListRange(ctx, from.Add(3*time.Hour), to.Add(3*time.Hour), c)
		}
	}},
	{"takes garbage for an empty page", "garbage", "for a good answer", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			if be := (*orderhub.BorderError)(nil); errors.As(err, &be) && be.HTTPStatus == http.StatusOK {
				return channel.Page{Done: true, Next: c}, nil
			}
			return p, err
		}
	}},
	{"leaks the key in an error", "http errors", "contains a secret", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			return p, reclass(err, func(e *orderhub.BorderError) { e.Sentence += " for key " + demosim.Token })
		}
	}},
	{"leaks a buyer in the log", "paging", "contains the buyer's", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			b.deps.Log.Debug("page", "first", string(p.Items[0].Body))
			return p, err
		}
	}},
	{"takes a wrong key for a passing fault", "http errors", "want class auth", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			return p, reclass(err, func(e *orderhub.BorderError) { e.Class = orderhub.ClassRetry })
		}
	}},
	{"gives bare errors", "http errors", "want an *orderhub.BorderError", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			if err != nil {
				err = errors.New(err.Error())
			}
			return p, err
		}
	}},
	{"panics without an answer", "no answer", "panic", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			p, err := b.full.List(ctx, feed, c)
			_ = p.Items[0]
			return p, err
		}
	}},
	{"calls another host", "paging", "another host", func(b *broken) {
		b.list = func(b *broken, ctx context.Context, feed string, c channel.Cursor) (channel.Page, error) {
			if resp, err := b.deps.HTTP.Get("https://api.demo.example/v1/orders"); err == nil {
				resp.Body.Close()
			}
			return b.full.List(ctx, feed, c)
		}
	}},
	{"fails a whole read for one unknown id", "read orders", "read orders: ", func(b *broken) {
		b.read = func(b *broken, ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
			its, err := b.full.ReadOrders(ctx, refs)
			if err == nil && len(its) < len(refs) {
				return nil, errors.New("not found")
			}
			return its, err
		}
	}},
	{"reads something else than it lists", "read orders", "different things", func(b *broken) {
		b.read = func(b *broken, ctx context.Context, refs []channel.Ref) ([]channel.Item, error) {
			its, err := b.full.ReadOrders(ctx, refs)
			for i := range its {
				its[i].Body = bytes.ReplaceAll(its[i].Body, []byte(`"created"`), []byte(`"accepted"`))
			}
			return its, err
		}
	}},
}

var pushFaults = []fault{
	{"reports a lost write as retry", "lost writes", "want class uncertain", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			return r, reclass(err, func(e *orderhub.BorderError) {
				if e.Class == orderhub.ClassUncertain {
					e.Class = orderhub.ClassRetry
				}
			})
		}
	}},
	{"repeats a write by itself", "lost writes", "repeated by the adapter", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			if err != nil {
				return b.full.PushStatus(ctx, p)
			}
			return r, nil
		}
	}},
	{"forgets failures inside HTTP 200", "pushes", `outcome "accepted", want "failed"`, func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			for i := range r {
				r[i] = channel.PushResult{Outcome: channel.OutcomeAccepted}
			}
			return r, err
		}
	}},
	{"mixes up who failed", "pushes", "want", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			slices.Reverse(r)
			return r, err
		}
	}},
	{"drops results", "pushes", "results", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			return r[:len(r)-1], err
		}
	}},
	{"sends another body", "pushes", "-golden", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			p = slices.Clone(p)
			p[0].Reason = "none"
			return b.full.PushStatus(ctx, p)
		}
	}},
	{"takes a cut connection for success", "no answer", "no error", func(b *broken) {
		b.push = func(b *broken, ctx context.Context, p []channel.Push) ([]channel.PushResult, error) {
			r, err := b.full.PushStatus(ctx, p)
			if err != nil {
				r = make([]channel.PushResult, len(p))
				for i := range r {
					r[i].Outcome = channel.OutcomeAccepted
				}
			}
			return r, nil
		}
	}},
	{"fails every push", "life", "at a market without faults", func(b *broken) {
		b.push = func(*broken, context.Context, []channel.Push) ([]channel.PushResult, error) {
			return nil, orderhub.NewBorderError(orderhub.ClassRetry, "demo", "lazy", nil)
		}
	}},
	{"drops the hint of a webhook", "webhooks", "-golden", func(b *broken) {
		b.webhook = func(b *broken, r *http.Request, body []byte) (channel.Webhook, error) {
			h, err := b.full.ParseWebhook(r, body, netip.Addr{})
			h.Hints = nil
			return h, err
		}
	}},
	{"takes unsigned webhooks", "webhooks", "want refused", func(b *broken) {
		b.webhook = func(b *broken, r *http.Request, body []byte) (channel.Webhook, error) {
			r.Header.Set("X-Demo-Secret", demosim.Secret)
			return b.full.ParseWebhook(r, body, netip.Addr{})
		}
	}},
	{"panics on a damaged webhook", "webhooks", "panic", func(b *broken) {
		b.webhook = func(b *broken, r *http.Request, body []byte) (channel.Webhook, error) {
			_ = body[0]
			return b.full.ParseWebhook(r, body, netip.Addr{})
		}
	}},
	{"tells the sender the inner error", "webhooks", "contains a secret", func(b *broken) {
		b.errorReply = func(err error) channel.Reply {
			return channel.Reply{Status: http.StatusInternalServerError, Body: []byte(err.Error())}
		}
	}},
	{"acknowledges what it refuses", "webhooks", "status 200", func(b *broken) {
		b.errorReply = func(error) channel.Reply { return channel.Reply{Status: http.StatusOK} }
	}},
}

var wordFaults = []fault{
	{"fails on an unknown status", "drift", "an unknown word for", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			s, err := b.full.Normalise(kind, body)
			if s.Status == orderhub.StatusUnknown {
				return s, errors.New("status is not known")
			}
			return s, err
		}
	}},
	{"guesses an unknown status", "drift", "the unknown status became new", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) {
			if s.Status == orderhub.StatusUnknown {
				s.Status = orderhub.StatusNew
			}
		})
	}},
	{"drops the unknown word", "drift", "the unknown word is not kept", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) {
			if s.Status == orderhub.StatusUnknown {
				s.Native = ""
			}
		})
	}},
	{"keeps drift to itself", "drift", "not reported as Drift", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) { s.Drift = nil })
	}},
	{"fails on unknown fields", "drift", "unknown fields", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			if bytes.Contains(body, []byte("zz_new_field")) {
				return orderhub.Snapshot{}, errors.New("unknown field")
			}
			return b.full.Normalise(kind, body)
		}
	}},
	{"fails on an unknown enum value", "drift", "an unknown word in .delivery", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			if bytes.Contains(body, []byte(`"delivery":"`+martian)) {
				return orderhub.Snapshot{}, errors.New("delivery is not known")
			}
			return b.full.Normalise(kind, body)
		}
	}},
	{"panics on a damaged order", "damage", "panic", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			s, err := b.full.Normalise(kind, body)
			if err == nil && len(s.Lines) == 0 && s.Native == "created" {
				_ = s.Lines[0]
			}
			return s, err
		}
	}},
	{"quotes the buyer in an error", "damage", "contains the buyer's", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			s, err := b.full.Normalise(kind, body)
			if err != nil {
				err = fmt.Errorf("order %s: %w", body, err)
			}
			return s, err
		}
	}},
	{"makes orders without an id", "damage", "no error", func(b *broken) {
		b.normalise = func(b *broken, kind string, body []byte) (orderhub.Snapshot, error) {
			s, err := b.full.Normalise(kind, body)
			if err != nil {
				return orderhub.Snapshot{Status: orderhub.StatusUnknown}, nil
			}
			return s, nil
		}
	}},
	{"asks the clock", "replay", "twice", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) { s.ChangedAt = time.Now().UTC() })
	}},
	{"takes articles for numbers", "samples", "-golden", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) {
			for i := range s.Lines {
				s.Lines[i].SKU = strings.TrimLeft(s.Lines[i].SKU, "0")
			}
		})
	}},
	{"takes the line total for the unit price", "paging", "the market's books say", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) { s.Total.Minor *= 2 })
	}},
	{"reads local time as UTC", "paging", "placed at", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) { s.PlacedAt = s.PlacedAt.Add(3 * time.Hour) })
	}},
	{"leaves times in a local zone", "paging", "not in UTC", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) { s.PlacedAt = s.PlacedAt.In(time.FixedZone("MSK", 3*3600)) })
	}},
	{"translates a status wrongly", "life", "differ for long", func(b *broken) {
		b.normalise = withSnapshot(func(s *orderhub.Snapshot) {
			if s.Native == "void" {
				s.Status = orderhub.StatusDelivered
			}
		})
	}},
}
