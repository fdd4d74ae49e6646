package pipeline

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// readApart reads orders. When the channel refuses a whole call, it is made
// again in halves: one order that the channel chokes on must not keep the others
// of its batch from being read. refused tells why single orders were not read;
// err is a failure of another class, or of everything that was asked.
func readApart(ctx context.Context, reader channel.OrderReader, refs []channel.Ref) (items []channel.Item, refused map[string]error, err error) {
	return readHalves(ctx, reader, refs, false)
}

// readPast is readApart for a page that failed again and again: an order that the
// channel breaks on each time, while it gives others, is passed over, too. Where it
// gives none, the failure is of everything.
func readPast(ctx context.Context, reader channel.OrderReader, refs []channel.Ref) (items []channel.Item, refused map[string]error, err error) {
	return readHalves(ctx, reader, refs, true)
}

func readHalves(ctx context.Context, reader channel.OrderReader, refs []channel.Ref, past bool) (items []channel.Item, refused map[string]error, err error) {
	refused = map[string]error{}
	failed := 0
	calls := 4 + 2*bits.Len(uint(len(refs))) // finds an order or two; a refused call may cost quota
	var read func(part []channel.Ref) error
	read = func(part []channel.Ref) error {
		calls--
		got, err := reader.ReadOrders(channel.For(ctx, externalIDs(part)...), part)
		items = append(items, got...)
		if err == nil {
			return nil
		}
		if class := orderhub.ClassOf(err); class != orderhub.ClassRejected {
			// Down to one order it takes as many calls as this before another is read.
			if failed++; !past || class != orderhub.ClassRetry || ctx.Err() != nil || len(items) == 0 && failed > bits.Len(uint(len(refs))) {
				return err
			}
		}
		part = slices.DeleteFunc(slices.Clone(part), func(r channel.Ref) bool {
			return slices.ContainsFunc(got, func(it channel.Item) bool { return it.ExternalID == r.ExternalID })
		})
		switch {
		case len(part) == 0:
			return nil
		case len(part) == 1:
			refused[part[0].ExternalID] = err
			return nil
		case calls <= 0:
			return err
		}
		if err := read(part[:len(part)/2]); err != nil {
			return err
		}
		return read(part[len(part)/2:])
	}
	err = read(refs)
	if err == nil && (len(refs) > 1 || failed > 0) && len(refused) == len(refs) {
		err = refused[refs[0].ExternalID]
	}
	return items, refused, err
}

func externalIDs(refs []channel.Ref) []string {
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ExternalID
	}
	return ids
}

// pushApart makes a push call. A call that is refused as a whole did nothing and
// is made again in halves, so that each push gets its own answer.
func pushApart(ctx context.Context, do call, pushes []channel.Push) ([]channel.PushResult, error) {
	results, err := do(channel.ForPushes(ctx, pushes), pushes)
	switch {
	case err == nil && len(results) != len(pushes):
		return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "push", "the adapter answered another number of rows than were sent", nil)
	case err == nil:
		return results, nil
	case orderhub.ClassOf(err) == orderhub.ClassRejected && len(pushes) > 1:
		half := len(pushes) / 2
		return append(pushHalf(ctx, do, pushes[:half]), pushHalf(ctx, do, pushes[half:])...), nil
	}
	var be *orderhub.BorderError
	if !errors.As(err, &be) {
		// Nothing is known of it, not even whether the call left.
		err = orderhub.NewBorderError(orderhub.ClassUncertain, "push", "the call failed in an unknown way; the log has the details", err)
	}
	return nil, err
}

func pushHalf(ctx context.Context, do call, pushes []channel.Push) []channel.PushResult {
	results, err := pushApart(ctx, do, pushes)
	if err != nil {
		results = make([]channel.PushResult, len(pushes))
		for i := range results {
			results[i] = channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
		}
	}
	return results
}
