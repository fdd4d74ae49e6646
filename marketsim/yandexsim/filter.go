package yandexsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// filter is the body of getBusinessOrders.
type filter struct {
	OrderIDs         []int64  `json:"orderIds,omitempty"`
	ExternalOrderIDs []string `json:"externalOrderIds,omitempty"`
	ProgramTypes     []string `json:"programTypes,omitempty"`
	CampaignIDs      []int64  `json:"campaignIds,omitempty"`
	Statuses         []string `json:"statuses,omitempty"`
	Substatuses      []string `json:"substatuses,omitempty"`
	SourcePlatforms  []string `json:"sourcePlatforms,omitempty"`
	Fake             *bool    `json:"fake,omitempty"`
	Waiting          *bool    `json:"waitingForCancellationApprove,omitempty"`
	Dates            *dates   `json:"dates,omitempty"`

	// The dates as moments, lower bounds included, upper ones not; zero = none.
	createdFrom, createdTo time.Time
	shippedFrom, shippedTo time.Time
	updateFrom, updateTo   time.Time
}

type dates struct {
	CreationDateFrom string `json:"creationDateFrom,omitempty"`
	CreationDateTo   string `json:"creationDateTo,omitempty"`
	ShipmentDateFrom string `json:"shipmentDateFrom,omitempty"`
	ShipmentDateTo   string `json:"shipmentDateTo,omitempty"`
	UpdateDateFrom   string `json:"updateDateFrom,omitempty"`
	UpdateDateTo     string `json:"updateDateTo,omitempty"`
}

const (
	day     = 24 * time.Hour
	maxDays = 30
)

var knownStatuses = []string{
	string(stPlacing), string(stReserved), string(stUnpaid), string(stPending), string(stProcess), string(stDelivery),
	string(stPickup), string(stDelivered), string(stCancelled), string(stPartly), string(stReturned), string(stUnknown),
}

// prepare checks the filter and works out its dates. now is the server's.
func (f *filter) prepare(now time.Time, keepDefault bool) *apiError {
	for _, c := range []struct {
		field string
		size  int
		given bool
	}{
		{"orderIds", len(f.OrderIDs), f.OrderIDs != nil},
		{"externalOrderIds", len(f.ExternalOrderIDs), f.ExternalOrderIDs != nil},
		{"campaignIds", len(f.CampaignIDs), f.CampaignIDs != nil},
	} {
		if c.given && (c.size < 1 || c.size > 50) {
			return refuse("%s size must be between 1 and 50 (rejected size: %d)", c.field, c.size)
		}
	}
	for _, c := range []struct {
		field         string
		values, known []string
	}{
		{"programTypes", f.ProgramTypes, []string{"FBY", "FBS", "DBS", "EXPRESS", "LAAS"}},
		{"statuses", f.Statuses, knownStatuses},
		{"sourcePlatforms", f.SourcePlatforms, []string{"MARKET", "OZON", "WILDBERRIES", "OTHER"}},
		{"substatuses", f.Substatuses, nil},
	} {
		if c.values != nil && len(c.values) == 0 {
			return refuse("%s must not be empty (rejected value: [])", c.field)
		}
		for i, v := range c.values {
			if c.known != nil && !slices.Contains(c.known, v) {
				return refuse("Illegal input at '%s[%d]'", c.field, i)
			}
		}
	}
	if foreign := f.foreignCampaigns(); foreign != "" {
		return forbidden("No access to campaigns: %s", foreign)
	}
	return f.prepareDates(now, keepDefault)
}

func (f *filter) foreignCampaigns() string {
	var out []string
	for _, id := range f.CampaignIDs {
		if _, ok := campaignByID(id); !ok {
			out = append(out, fmt.Sprint(id))
		}
	}
	return strings.Join(out, ", ")
}

func (f *filter) prepareDates(now time.Time, keepDefault bool) *apiError {
	d := dates{}
	if f.Dates != nil {
		d = *f.Dates
	}
	var fail *apiError
	if f.createdFrom, f.createdTo, fail = dayRange("creationDate", "Order creation start date", d.CreationDateFrom, d.CreationDateTo, now); fail != nil {
		return fail
	}
	if f.shippedFrom, f.shippedTo, fail = dayRange("shipmentDate", "Order shipment start date", d.ShipmentDateFrom, d.ShipmentDateTo, now); fail != nil {
		return fail
	}
	if fail = f.updateRange(d.UpdateDateFrom, d.UpdateDateTo, now); fail != nil {
		return fail
	}
	byID := len(f.OrderIDs) > 0 || len(f.ExternalOrderIDs) > 0
	otherDates := !f.updateFrom.IsZero() || !f.shippedFrom.IsZero()
	if f.createdFrom.IsZero() && !byID && (keepDefault || !otherDates) {
		f.createdFrom, f.createdTo = midnight(now).AddDate(0, 0, -maxDays), midnight(now).AddDate(0, 0, 1)
	}
	return nil
}

// updateRange: the documents give no default; an open end is taken as thirty
// days from the other one, cut off at the present.
func (f *filter) updateRange(from, to string, now time.Time) *apiError {
	var err error
	if from != "" {
		if f.updateFrom, err = time.Parse(time.RFC3339, from); err != nil {
			return refuse("Illegal input at 'dates.updateDateFrom'")
		}
	}
	if to != "" {
		if f.updateTo, err = time.Parse(time.RFC3339, to); err != nil {
			return refuse("Illegal input at 'dates.updateDateTo'")
		}
	}
	if from == "" && to == "" {
		return nil
	}
	if from == "" {
		f.updateFrom = f.updateTo.AddDate(0, 0, -maxDays)
	}
	end := f.updateTo
	if to == "" {
		end = now
	}
	if from != "" && to != "" && !f.updateFrom.Before(f.updateTo) {
		return refuse("Order update start is required to be less than end date")
	}
	if end.Sub(f.updateFrom) > maxDays*day {
		return refuse("Invalid filters: interval between updateDateFrom and updateDateTo is more than %d days.", maxDays)
	}
	return nil
}

// dayRange reads a pair of days in Moscow time. The last day is not included; a
// range shorter than a day becomes one day. Without a last day the documents
// say "today"; that today's orders are then left out is too odd to believe.
func dayRange(field, words, from, to string, now time.Time) (start, end time.Time, fail *apiError) {
	if from == "" && to == "" {
		return start, end, nil
	}
	var err error
	if from != "" {
		if start, err = time.ParseInLocation(time.DateOnly, from, moscow); err != nil {
			return start, end, refuse("Illegal input at 'dates.%sFrom'", field)
		}
	}
	end = midnight(now)
	if field == "shipmentDate" {
		end = start.AddDate(0, 0, maxDays) // shipments lie ahead; no default is documented
	}
	if to != "" {
		if end, err = time.ParseInLocation(time.DateOnly, to, moscow); err != nil {
			return start, end, refuse("Illegal input at 'dates.%sTo'", field)
		}
	}
	if from == "" {
		start = end.AddDate(0, 0, -maxDays)
	}
	if end.Before(start) {
		return start, end, refuse("%s is required to be less than end date", words)
	}
	if end.Sub(start) > maxDays*day {
		return start, end, refuse("Invalid filters: interval between %sFrom and %sTo is more than %d days.", field, field, maxDays)
	}
	if to == "" || end.Sub(start) < day {
		end = end.AddDate(0, 0, 1)
	}
	return start, end, nil
}

func midnight(t time.Time) time.Time {
	y, mon, d := t.In(moscow).Date()
	return time.Date(y, mon, d, 0, 0, 0, 0, moscow)
}

// matches tells whether an order in a state passes.
func (f *filter) matches(o *order, s *state) bool {
	if f.Fake != nil && *f.Fake {
		return false // the simulator has no test orders
	}
	if f.Waiting != nil && *f.Waiting != s.waitsForCancelAnswer() {
		return false
	}
	return allows(f.OrderIDs, o.id) && allows(f.ExternalOrderIDs, s.externalID) &&
		allows(f.CampaignIDs, o.shop.id) && allows(f.ProgramTypes, string(o.shop.program)) &&
		allows(f.Statuses, string(s.status)) && allows(f.Substatuses, string(s.sub)) &&
		allows(f.SourcePlatforms, "MARKET") &&
		within(o.created, f.createdFrom, f.createdTo) && (f.shippedFrom.IsZero() || within(midnight(s.shipDate), f.shippedFrom, f.shippedTo)) &&
		within(s.updated, f.updateFrom, f.updateTo)
}

func allows[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
}
