package pipeline

import (
	"slices"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// calls are exchanges as the store keeps them.
func calls(accountID, purpose string, wire []channel.Exchange) []store.Call {
	out := make([]store.Call, len(wire))
	for i, e := range wire {
		out[i] = store.Call{
			AccountID: accountID, Purpose: purpose, At: e.At, Took: e.Took, Method: e.Method, Path: text(e.Path),
			Status: e.Status, Failure: text(e.Failure), Request: e.Request, Reply: e.Reply,
		}
	}
	return out
}

// failures are the exchanges that brought nothing. What a reading brought is in
// the inbox, order by order.
func failures(wire []channel.Exchange) []channel.Exchange {
	return slices.DeleteFunc(wire, func(e channel.Exchange) bool { return !e.Failed() && e.Failure == "" })
}
