package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
)

// ReturnComparison holds a market's returns against the hub's. Lists hold ids.
type ReturnComparison struct {
	Theirs int `json:"theirs"`
	Ours   int `json:"ours"`
	// States counts the hub's returns by state, Answers those that were answered.
	States  map[orderhub.ReturnState]int `json:"states"`
	Answers int                          `json:"answers"`
	// Lost are in the books and not in the hub, Foreign the other way round.
	Lost       []string `json:"lost"`
	Doubled    []string `json:"doubled"`
	Foreign    []string `json:"foreign"`
	WrongState []string `json:"wrong_state"`
	WrongUnits []string `json:"wrong_units"`
	// WrongAnswers are answers that are confirmed and never arrived, or arrived
	// twice.
	WrongAnswers []string `json:"wrong_answers"`
}

func (c *ReturnComparison) clean() bool {
	return len(c.Lost)+len(c.Doubled)+len(c.Foreign)+len(c.WrongState)+len(c.WrongUnits)+len(c.WrongAnswers) == 0 && c.Theirs == c.Ours
}

func compareReturns(ctx context.Context, c *Client, account string, m marketsim.Market, effects []*orderhub.Effect) (ReturnComparison, error) {
	out := ReturnComparison{States: map[orderhub.ReturnState]int{}}
	books, ok := m.(marketsim.Returning)
	if !ok {
		return out, nil
	}
	ours, err := allReturns(ctx, c, url.Values{"account": {account}})
	if err != nil {
		return out, err
	}
	byID := map[string][]api.ReturnRow{}
	for _, r := range ours {
		byID[r.ExternalID] = append(byID[r.ExternalID], r)
		out.States[r.State]++
	}
	answers := map[string][]*orderhub.Effect{}
	for _, e := range effects {
		if e.Kind == orderhub.EffectAnswerReturn {
			answers[e.Params["return"]] = append(answers[e.Params["return"]], e)
		}
	}
	truth := books.Returns()
	out.Theirs, out.Ours = len(truth), len(ours)
	for _, t := range truth {
		rows := byID[t.ID]
		delete(byID, t.ID)
		if len(rows) == 0 {
			out.Lost = append(out.Lost, t.ID)
			continue
		}
		if len(rows) > 1 {
			out.Doubled = append(out.Doubled, t.ID)
		}
		out.compare(t, rows[0], answers[strconv.FormatInt(rows[0].ID, 10)])
	}
	for id := range byID {
		out.Foreign = append(out.Foreign, id)
	}
	slices.Sort(out.Foreign)
	return out, nil
}

// compare compares one return. What the hub has decided was received; how much of
// a return that is closed would have come back is nobody's matter.
func (c *ReturnComparison) compare(t marketsim.TruthReturn, r api.ReturnRow, answers []*orderhub.Effect) {
	state := r.State
	if state == orderhub.ReturnDecided {
		state = orderhub.ReturnReceived
	}
	if state != t.State || r.ChannelState != t.State {
		c.WrongState = append(c.WrongState, fmt.Sprintf("%s of order %s: hub %s (%s/%s: %s), books %s", t.ID, t.Order, r.State, r.Native, r.NativeSub, r.ChannelState, t.State))
	}
	units := int64(0)
	for _, n := range t.Units {
		units += n
	}
	switch {
	case t.State == orderhub.ReturnClosed:
	case r.Units != units:
		c.WrongUnits = append(c.WrongUnits, fmt.Sprintf("%s: hub %d units, books %d", t.ID, r.Units, units))
	case r.Number == 0:
		c.WrongUnits = append(c.WrongUnits, t.ID+": matched to no order")
	case r.Discrepancy != "":
		c.WrongUnits = append(c.WrongUnits, t.ID+": "+r.Discrepancy)
	}
	for _, e := range answers {
		if e.State != orderhub.EffectConfirmed {
			continue
		}
		c.Answers++
		// A market that does not hear for long decides by itself, and the answer is not
		// taken any more.
		decided := t.State != orderhub.ReturnAnnounced || t.RefundMinor > 0
		if len(t.Answers) == 0 && !decided {
			c.WrongAnswers = append(c.WrongAnswers, fmt.Sprintf("%s: effect %d (%s) never arrived", t.ID, e.ID, e.Params["action"]))
		}
	}
	if len(t.Answers) > len(answers) {
		c.WrongAnswers = append(c.WrongAnswers, fmt.Sprintf("%s: answered %d times, the hub meant to %d times", t.ID, len(t.Answers), len(answers)))
	}
}

func allReturns(ctx context.Context, c *Client, q url.Values) ([]api.ReturnRow, error) {
	var out []api.ReturnRow
	q.Set("limit", "200")
	for {
		var page api.ReturnPage
		if err := c.Do(ctx, http.MethodGet, "/returns?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Returns...)
		if page.Before == 0 {
			return out, nil
		}
		q.Set("before", strconv.FormatInt(page.Before, 10))
	}
}
