package wildberries

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// supplyKey is what the orders of one supply have in common. Wildberries takes
// the flags from the first order and refuses others later; the warehouse it
// does not even show, so the key is part of the supply's name.
type supplyKey struct {
	warehouse, cargo, crossBorder string
	b2b                           bool
}

// keyOf reads the key from what the order's import kept.
func keyOf(attrs map[string]string) (supplyKey, bool) {
	k := supplyKey{
		warehouse: attrs[attrWarehouse], cargo: attrs[attrCargoType], crossBorder: attrs[attrCrossBorder],
		b2b: attrs[attrB2B] == "true",
	}
	return k, k.warehouse != ""
}

// name is the supply's name: always the same for the same key, so that an open
// supply is found again, also when the answer to its creation was lost.
func (k supplyKey) name(prefix string) string {
	name := fmt.Sprintf("%s w%s c%s x%s", prefix, k.warehouse, k.cargo, k.crossBorder)
	if k.b2b {
		name += " b2b"
	}
	return name
}

// fits reports whether the supply is an open one of this key. Its flags have no
// value as long as it is empty.
func (k supplyKey) fits(s supply, prefix string) bool {
	return !s.Done && s.ID != "" && s.Name == k.name(prefix) &&
		(s.CargoType == 0 || formatID(s.CargoType) == k.cargo) &&
		(s.CrossBorderType == nil || formatID(*s.CrossBorderType) == k.crossBorder) &&
		(s.IsB2B == nil || *s.IsB2B == k.b2b)
}

// acceptFBS puts orders into open supplies, which makes them confirmed. There
// is no other call for it.
func (a *adapter) acceptFBS(ctx context.Context, tasks []task, out *batch) {
	a.accepting.Lock()
	defer a.accepting.Unlock()
	tasks = a.stillToMove(ctx, tasks, out)
	groups := groupByKey(tasks, out)
	if len(groups) == 0 {
		return
	}
	open, err := a.openSupplies(ctx)
	for _, g := range groups {
		if err != nil {
			out.failAll(g.tasks, err)
			continue
		}
		ctx := forTasks(ctx, g.tasks)
		id, err := a.supplyFor(ctx, g.key, open)
		if err != nil {
			out.failAll(g.tasks, err)
			continue
		}
		for part := range slices.Chunk(g.tasks, maxSupplyAdd) {
			a.add(ctx, id, part, false, out)
		}
	}
}

type supplyGroup struct {
	key   supplyKey
	tasks []task
}

// groupByKey sorts orders by the supply that they need, in order of appearance.
func groupByKey(tasks []task, out *batch) []supplyGroup {
	var groups []supplyGroup
	for _, t := range tasks {
		k, ok := keyOf(t.push.Order.Snapshot.Attrs)
		if !ok {
			out.fail(t, retry("the order's warehouse is not known yet; it comes with the next sweep"))
			continue
		}
		n := slices.IndexFunc(groups, func(g supplyGroup) bool { return g.key == k })
		if n < 0 {
			n = len(groups)
			groups = append(groups, supplyGroup{key: k})
		}
		groups[n].tasks = append(groups[n].tasks, t)
	}
	return groups
}

// openSupplies lists the hub's own open supplies, oldest first.
func (a *adapter) openSupplies(ctx context.Context) ([]supply, error) {
	var out []supply
	var next int64
	for {
		page, err := a.c.supplies(ctx, next)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Supplies {
			if !s.Done && strings.HasPrefix(s.Name, a.prefix) {
				out = append(out, s)
			}
		}
		if len(page.Supplies) == 0 || page.Next == 0 || page.Next == next {
			break
		}
		next = page.Next
	}
	slices.SortStableFunc(out, func(x, y supply) int { return strings.Compare(x.CreatedAt, y.CreatedAt) })
	return out, nil
}

// supplyFor finds the open supply of a key or makes one. When the answer to the
// creation is lost, it looks once more; if there is still none, nothing has
// happened to the orders and the push may be repeated.
func (a *adapter) supplyFor(ctx context.Context, k supplyKey, open []supply) (string, error) {
	find := func(list []supply) string {
		for _, s := range list {
			if k.fits(s, a.prefix) {
				return s.ID
			}
		}
		return ""
	}
	if id := find(open); id != "" {
		return id, nil
	}
	id, err := a.c.createSupply(ctx, k.name(a.prefix))
	if err == nil && id != "" {
		return id, nil
	}
	if err != nil && orderhub.ClassOf(err) != orderhub.ClassUncertain {
		return "", err
	}
	open, listErr := a.openSupplies(ctx)
	if listErr != nil {
		return "", listErr
	}
	if id := find(open); id != "" {
		return id, nil
	}
	return "", retry("no answer to the creation of a supply, and no such supply is there yet; no order was touched")
}

// add puts orders into a supply. A refusal names no order, so what is no longer
// new is sorted out first, then the rest is halved until the culprits are alone.
func (a *adapter) add(ctx context.Context, supplyID string, tasks []task, sorted bool, out *batch) {
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.id
	}
	ctx = forTasks(ctx, tasks)
	err := a.c.addToSupply(ctx, supplyID, ids)
	switch {
	case err == nil:
		for _, t := range tasks {
			out.set(t, channel.PushResult{
				Outcome: channel.OutcomeAccepted, Attrs: map[string]string{attrSupply: supplyID}, Note: "put into the supply " + supplyID,
			})
		}
		return
	case !isStatus(err, http.StatusConflict, http.StatusNotFound):
		out.failAll(tasks, err)
		return
	}
	if !sorted {
		s, readErr := a.c.supply(ctx, supplyID)
		if isStatus(readErr, http.StatusNotFound) || (readErr == nil && s.Done) {
			out.failAll(tasks, retry("the supply %s was closed meanwhile; the next attempt takes another one", supplyID))
			return
		}
		left := a.stillToMove(ctx, tasks, out)
		switch {
		case len(left) == 0:
			return
		case len(left) < len(tasks):
			a.add(ctx, supplyID, left, true, out)
			return
		}
	}
	if len(tasks) == 1 {
		out.fail(tasks[0], err)
		return
	}
	half := len(tasks) / 2
	a.add(ctx, supplyID, tasks[:half], true, out)
	a.add(ctx, supplyID, tasks[half:], true, out)
}
