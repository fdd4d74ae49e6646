package orderhub

import "slices"

// Offer is one listing as the planner of stock figures sees it. Figures are in
// units of the listing; Takes says how many units of each product one of them
// takes (a kit takes several).
type Offer struct {
	ListingID int64
	Takes     map[string]int64
	Publish   Publish // resolved: never PublishDefault
	Policy    OversellPolicy
	// Shown is the figure sent last; -1 = none was ever sent, -2 = it is not known
	// what is shown.
	Shown int64
	// Exposure is how many units the channel may still sell without the hub
	// knowing: all that was sent and not yet seen as sold, until a settled figure
	// replaces what was before it.
	Exposure int64
	// Settled: the figure sent last is confirmed, and every sale made before it is
	// in the ledger.
	Settled bool
	// Dead offers sell nothing from now on (refused for good, account not at work,
	// taken off the catalogue): what they may still sell counts, a share they do not
	// get.
	Dead bool
	// Unknown: what the channel shows was never read, and may be anything.
	Unknown bool
	// Asks marks a channel that asks the hub before it sells (reservations of the
	// site): what it shows is for the eye and can sell nothing twice.
	Asks bool
}

// exposed is what an offer may sell behind the hub's back.
func (o Offer) exposed() int64 {
	if o.Asks {
		return 0
	}
	return o.Exposure
}

// PlanOffer works out the figure that one of the offers, number i, shall show
// now. available are the free units of each product; offers are all that take any
// of them. change is false when the offer is best left as it is.
//
// With OversellShared the figure is what is available under the offer's policy.
//
// With OversellStrict the offers share what is available, and this holds before
// and after every answer: what all channels may still sell together is not more
// than what is available. A channel that gets another figure may have sold under
// the old one up to that moment, so until the new one is settled both count:
//   - an offer is raised only by units that nobody has been shown,
//   - an offer is lowered to nothing first, and given its new share when that is
//     settled.
func PlanOffer(available map[string]int64, offers []Offer, i int) (figure int64, change bool) {
	o := offers[i]
	if o.Publish.Mode == PublishOff {
		return 0, false
	}
	all := o.most(available)
	most := o.Publish.Of(all)
	if o.Policy != OversellStrict {
		// Of a settled figure it is known what is left of it: less than was sent where
		// it was sold from, more where the channel took an order back.
		return most, most != o.Shown || (o.Settled && most != o.Exposure)
	}
	if slices.ContainsFunc(offers, func(x Offer) bool { return x.Unknown && alike(x, o) }) {
		// Nobody is given units that another channel may be selling.
		return 0, o.Shown != 0 && o.Settled && o.Exposure > 0
	}
	most = min(most, max(0, all))
	free := o.most(unshown(available, offers))
	if o.Asks {
		figure = max(0, min(most, free))
		return figure, figure != o.Shown
	}
	share := min(most, shareOf(available, offers, i))
	switch {
	case free < 0 && o.Exposure > 0:
		// More is shown than there is: goods were lost, or a channel sold beyond
		// its figure. Everybody stops; what is left is shared out again.
		return 0, o.Shown != 0 || o.Settled
	case !o.Settled:
		return 0, false
	case o.Exposure < share && min(share, free) > o.Exposure:
		return min(share, free), true
	case o.Exposure > share && (o.Publish.Of(all) < o.Exposure || starving(available, offers, i)),
		o.Exposure > 0 && share >= 2*o.Exposure && o.Exposure+free >= 2*o.Exposure:
		// To get more it must first have nothing; for less than twice as much a
		// channel is not stopped.
		return 0, true
	case o.Shown == -1:
		return 0, true
	}
	return 0, false
}

// most is how many units of the listing so many units of its products make.
func (o Offer) most(units map[string]int64) int64 {
	most := int64(1 << 40)
	for sku, n := range o.Takes {
		u := units[sku]
		if u < 0 {
			u -= n - 1 // rounded away from zero: a lack is a lack
		}
		most = min(most, u/n)
	}
	if len(o.Takes) == 0 {
		return 0
	}
	return most
}

// unshown is what is available less what the channels may still sell.
func unshown(available map[string]int64, offers []Offer) map[string]int64 {
	out := make(map[string]int64, len(available))
	for sku, n := range available {
		out[sku] = n
	}
	for _, o := range offers {
		for sku, n := range o.Takes {
			out[sku] -= o.exposed() * n
		}
	}
	return out
}

// shareOf is the offer's fair part: what is available divided by the offers that
// show the same product, the first ones get one more.
func shareOf(available map[string]int64, offers []Offer, i int) int64 {
	share := int64(1 << 40)
	for sku, n := range offers[i].Takes {
		sharing, place := int64(0), int64(0)
		for j, o := range offers {
			if o.Takes[sku] == 0 || (j != i && !o.shares()) {
				continue
			}
			if j < i {
				place++
			}
			sharing++
		}
		units := max(0, available[sku]) / n
		part := units / sharing
		if place < units%sharing {
			part++
		}
		share = min(share, part)
	}
	return share
}

// shares tells whether the offer gets a part of what there is.
func (o Offer) shares() bool { return !o.Dead && o.Publish.Mode != PublishOff }

// starving tells whether another offer of the same product has nothing, is due
// something, and can get it only from offer i, which has the most.
func starving(available map[string]int64, offers []Offer, i int) bool {
	left := unshown(available, offers)
	return slices.ContainsFunc(offers, func(o Offer) bool {
		if o.ListingID == offers[i].ListingID || !o.shares() || !alike(o, offers[i]) || (!o.Asks && (o.Exposure > 0 || !o.Settled)) {
			return false // one that asks sells what nobody shows, whatever it shows itself
		}
		return o.most(left) < 1 && o.most(available) > 0 && largest(offers, o, i)
	})
}

func alike(a, b Offer) bool {
	for sku := range a.Takes {
		if b.Takes[sku] > 0 {
			return true
		}
	}
	return false
}

// largest tells whether offer i has the most exposure of those that share with
// hungry; of equals the first.
func largest(offers []Offer, hungry Offer, i int) bool {
	for j, o := range offers {
		if j == i || o.Asks || !o.shares() || !alike(o, hungry) {
			continue
		}
		if o.Exposure > offers[i].Exposure || (o.Exposure == offers[i].Exposure && j < i) {
			return false
		}
	}
	return offers[i].Exposure >= 2 || offers[i].Publish.Of(1) == 0
}

// ExposureOf is how many units of a product could be sold twice now: what the
// channels may still sell beyond what is available.
func ExposureOf(sku string, available int64, offers []Offer) int64 {
	return Exposures(map[string]int64{sku: available}, offers)[sku]
}

// Exposures is ExposureOf for many products.
func Exposures(available map[string]int64, offers []Offer) map[string]int64 {
	out := make(map[string]int64, len(available))
	for _, o := range offers {
		for sku, n := range o.Takes {
			out[sku] += o.exposed() * n
		}
	}
	for sku := range out {
		if _, asked := available[sku]; !asked {
			delete(out, sku)
		}
	}
	for sku, n := range available {
		out[sku] = max(0, out[sku]-max(0, n))
	}
	return out
}

// Group is where an offer is among the groups that Related makes.
type Group struct{ Number, Place int }

// Related splits offers into groups: those in one have products in common, directly
// or through others, and only they matter to each other.
func Related(offers []Offer) (groups [][]Offer, where []Group) {
	first := map[string]int{} // product → an offer of its group
	parent := make([]int, len(offers))
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for i, o := range offers {
		parent[i] = i
		for sku := range o.Takes {
			if j, ok := first[sku]; ok {
				parent[root(i)] = root(j)
			} else {
				first[sku] = i
			}
		}
	}
	number := map[int]int{}
	for i, o := range offers {
		n, ok := number[root(i)]
		if !ok {
			n = len(groups)
			number[root(i)] = n
			groups = append(groups, nil)
		}
		where = append(where, Group{n, len(groups[n])})
		groups[n] = append(groups[n], o)
	}
	return groups, where
}
