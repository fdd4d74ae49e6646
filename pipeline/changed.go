package pipeline

import (
	"encoding/json"
	"slices"

	"github.com/orderhub/orderhub"
)

// sameContent compares what lines and search words are made of.
func sameContent(a, b orderhub.Snapshot) bool {
	strip := func(s orderhub.Snapshot) orderhub.Snapshot {
		return orderhub.Snapshot{
			ExternalID: s.ExternalID, ExternalNumber: s.ExternalNumber, GroupKey: s.GroupKey, Lines: s.Lines, Customer: s.Customer,
			Shipping: orderhub.Shipping{Tracking: s.Shipping.Tracking},
		}
	}
	return orderhub.SameSnapshot(strip(a), strip(b))
}

// changedWhy names what changed besides the headline.
func changedWhy(a, b orderhub.Snapshot) string {
	ja, jb := fields(a), fields(b)
	var names []string
	for k, v := range jb {
		if string(ja[k]) != string(v) {
			names = append(names, k)
		}
	}
	for k := range ja {
		if _, ok := jb[k]; !ok {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	why := "changed: "
	for i, name := range names {
		if i > 0 {
			why += ", "
		}
		why += name
	}
	return why
}

// fields gives the JSON fields of a snapshot.
func fields(s orderhub.Snapshot) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	b, err := json.Marshal(s)
	if err == nil {
		_ = json.Unmarshal(b, &out) // it was just made
	}
	return out
}

func cancelWhy(s orderhub.Snapshot) string {
	if s.Cancellation == nil {
		return ""
	}
	return s.Cancellation.Reason
}
