package pipeline

import (
	"slices"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// calls are exchanges as the store keeps them. byKey are the effects behind the
// keys of channel.For.
func calls(accountID, purpose string, wire []channel.Exchange, byKey map[string][]int64) []store.Call {
	out := make([]store.Call, len(wire))
	for i, e := range wire {
		var effects []int64
		for _, key := range e.Keys {
			effects = append(effects, byKey[key]...)
		}
		out[i] = store.Call{
			AccountID: accountID, Purpose: purpose, At: e.At, Took: e.Took, Method: e.Method, Path: text(e.Path),
			Status: e.Status, Failure: text(e.Failure), Request: e.Request, Reply: e.Reply,
			Effects: effects,
		}
	}
	return out
}

// failures are the exchanges that brought nothing. What a reading brought is in
// the inbox, order by order.
func failures(wire []channel.Exchange) []channel.Exchange {
	return slices.DeleteFunc(wire, func(e channel.Exchange) bool { return !e.Failed() && e.Failure == "" })
}
