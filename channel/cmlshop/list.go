package cmlshop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// position is the cursor. The shop keeps the true position itself and moves it
// when it hears success, so the cursor is what success needs: the log-in under
// which the orders were given. The core stores it together with those orders;
// success is therefore said only of what is safe.
type position struct {
	Talk *talk `json:"talk,omitempty"`
	// Seen is the digest of the file that was given: a shop that gives the same
	// again after success is not asked a third time in one sweep.
	Seen string `json:"seen,omitempty"`
}

// List asks for what is to be taken. In the mode confirm a page is one query; the
// next call says success for it and asks once more, until the shop has nothing. In
// the mode read nothing moves at the shop, and a page is the whole.
func (a *adapter) List(ctx context.Context, feed string, cursor channel.Cursor) (channel.Page, error) {
	if feed != feedOrders {
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "cml_shop: no feed %.40q", feed)
	}
	if !a.confirm {
		return a.listAll(ctx)
	}
	var at position
	if len(cursor) > 0 {
		if err := json.Unmarshal(cursor, &at); err != nil {
			return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "cml_shop: the position cannot be read")
		}
	}
	t, err := a.confirmed(ctx, at)
	if err != nil {
		return channel.Page{}, err
	}
	items, err := a.query(ctx, t)
	if err != nil || len(items) == 0 {
		return channel.Page{Done: true}, err // the next sweep begins with a log-in of its own
	}
	sum := digest(items)
	next, err := json.Marshal(position{Talk: &t, Seen: sum})
	if err != nil {
		return channel.Page{}, orderhub.Errorf(orderhub.CodeInvalid, "cml_shop: the position cannot be written")
	}
	// A repetition of what was confirmed ends the sweep; it is confirmed in the next.
	return channel.Page{Items: items, Next: next, Done: at.Seen == sum}, nil
}

// listAll reads without confirming: some shops give all in one answer again and
// again, others the next portion to each query of a log-in.
func (a *adapter) listAll(ctx context.Context) (channel.Page, error) {
	t, err := a.checkauth(ctx, typeSale)
	if err != nil {
		return channel.Page{}, err
	}
	page, seen := channel.Page{Done: true}, ""
	for len(page.Items) <= maxDocuments {
		items, err := a.query(ctx, t)
		if err != nil {
			return channel.Page{}, err
		}
		sum := digest(items)
		if len(items) == 0 || sum == seen {
			break
		}
		page.Items, seen = append(page.Items, items...), sum
	}
	return page, nil
}

// query asks for one file of orders.
func (a *adapter) query(ctx context.Context, t talk) ([]channel.Item, error) {
	file, err := a.call(ctx, t, typeSale, "query", "", nil)
	if err != nil {
		return nil, err
	}
	if lines := answerLines(file); lines[0] == "failure" {
		return nil, a.failed(orderhub.ClassRetry, "query", lines)
	}
	items, err := readFile(file)
	if err != nil {
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, op("query"), err.Error(), nil)
	}
	return items, nil
}

// confirmed says success for the page before, if there is one, and logs in for the
// next. Each log-in asks one query: the shop confirms what it gave last under the
// log-in, so a success repeated after a lost answer must find the same page there.
// When the shop has forgotten the log-in the orders come again, which costs
// nothing: the hub knows them.
func (a *adapter) confirmed(ctx context.Context, at position) (talk, error) {
	if at.Talk != nil {
		_, err := a.call(ctx, *at.Talk, typeSale, "success", "", nil)
		if c := orderhub.ClassOf(err); err != nil && c != orderhub.ClassAuth && c != orderhub.ClassRejected {
			return talk{}, err
		}
	}
	return a.checkauth(ctx, typeSale)
}

// digest is of the documents alone: each file has a time of its own.
func digest(items []channel.Item) string {
	h := sha256.New()
	for _, it := range items {
		_, _ = h.Write(it.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Check logs in. It asks for no orders: a query alone may move the position of
// some engines.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	result := channel.CheckResult{Can: []string{"orders", "statuses", "stock"}}
	t, err := a.checkauth(ctx, typeSale)
	if err != nil {
		return result, err
	}
	if _, err := a.init(ctx, t, typeSale); err != nil {
		result.Warnings = append(result.Warnings, "the shop takes no files: statuses and stock cannot be sent")
	}
	if a.confirm {
		result.Warnings = append(result.Warnings,
			"the shop has one position for everybody: if a real 1C uses this address too, each takes the other's orders; then choose the mode read")
	} else {
		result.Warnings = append(result.Warnings,
			"read: the hub sees an order only as long as the real 1C has not taken it; orders taken within a sweep's pause are missed")
	}
	return result, nil
}
