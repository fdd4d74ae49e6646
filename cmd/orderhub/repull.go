package main

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

type repullCmd struct {
	Account string   `arg:"" help:"The account."`
	IDs     []string `name:"ids" help:"External ids, with commas."`
	From    string   `help:"Everything placed on or after this day, UTC …" placeholder:"DAY"`
	To      string   `help:"… up to and with this day." placeholder:"DAY"`
}

func (c repullCmd) Help() string {
	return "Idempotent: what the hub has already stays as it is. A running serve accepts what is read; without one it is accepted at once."
}

func (c repullCmd) Run(p *program) error {
	given := len(c.IDs) > 0
	c.IDs = slices.DeleteFunc(c.IDs, func(id string) bool { return strings.TrimSpace(id) == "" })
	if given && len(c.IDs) == 0 {
		return orderhub.InvalidField("ids", "names no order")
	}
	if (len(c.IDs) > 0) == (c.From != "") {
		return orderhub.InvalidField("ids", "give either --ids, or --from and --to")
	}
	return p.withHub(func(h *pipeline.Hub) error {
		var res pipeline.Repulled
		var err error
		if len(c.IDs) > 0 {
			res, err = h.RepullIDs(p.ctx, c.Account, c.IDs)
		} else {
			first, last, rangeErr := dayRange(c.From, c.To, time.Now().UTC())
			if rangeErr != nil {
				return rangeErr
			}
			res, err = h.RepullRange(p.ctx, c.Account, first, last.AddDate(0, 0, 1))
		}
		if err != nil {
			return err
		}
		if err := h.AcceptPending(p.ctx, c.Account); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%d answers read, %d of them new to the hub\n", res.Read, res.Saved)
		if len(res.NotFound) > 0 {
			sort.Strings(res.NotFound)
			fmt.Fprintln(p.out, "The channel does not show:", strings.Join(res.NotFound, ", "))
			return errDiffers
		}
		return nil
	})
}

type replayCmd struct {
	Raw     []string `arg:"" optional:"" help:"Numbers of raw payloads, as in the inbox and on timelines."`
	Account string   `help:"All quarantined payloads of this account."`
	DryRun  bool     `help:"Only print what today's adapter would change."`
}

func (c replayCmd) Run(p *program) error {
	if (len(c.Raw) > 0) == (c.Account != "") {
		return orderhub.InvalidField("raw", "give either numbers of raw payloads or --account")
	}
	return p.withHub(func(h *pipeline.Hub) error {
		raws, err := c.find(p, h)
		if err != nil {
			return err
		}
		if c.DryRun {
			return c.dry(p, h, raws)
		}
		byAccount := map[string][]int64{}
		for _, r := range raws {
			byAccount[r.AccountID] = append(byAccount[r.AccountID], r.ID)
		}
		for account, ids := range byAccount {
			n, err := h.ReplayAny(p.ctx, account, ids)
			if err != nil {
				return err
			}
			if err := h.AcceptPending(p.ctx, account); err != nil {
				return err
			}
			left := 0
			for _, id := range ids {
				r, err := h.Store().Raw(p.ctx, id)
				if err != nil {
					return err
				}
				if r.State == store.RawQuarantined {
					left++
					fmt.Fprintf(p.out, "raw %d stays in quarantine: %s\n", id, r.Error)
				}
			}
			fmt.Fprintf(p.out, "%s: %d interpreted again, %d stay in quarantine\n", account, n, left)
		}
		return nil
	})
}

func (c replayCmd) find(p *program, h *pipeline.Hub) ([]store.Raw, error) {
	if c.Account != "" {
		if _, err := h.Store().Account(p.ctx, c.Account); err != nil {
			return nil, err
		}
		return h.Store().ListRaw(p.ctx, store.RawFilter{AccountID: c.Account, State: store.RawQuarantined, Limit: 10000})
	}
	var out []store.Raw
	for _, w := range c.Raw {
		id, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, orderhub.InvalidField("raw", "%q is not a number", w)
		}
		r, err := h.Store().Raw(p.ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (c replayCmd) dry(p *program, h *pipeline.Hub, raws []store.Raw) error {
	for _, r := range raws {
		rep, err := h.ReplayDry(p.ctx, r.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "raw %d (%s %s %s, read %s by %s, %s): ", r.ID, r.AccountID, r.Kind, r.ExternalID, r.ReadAt.Format(time.RFC3339), r.Source, r.State)
		if rep.Err != nil {
			fmt.Fprintln(p.out, "cannot be read:", rep.Err)
			continue
		}
		fmt.Fprintf(p.out, "%s %s\n", rep.Verdict, rep.Why)
		for _, d := range rep.Diff {
			fmt.Fprintln(p.out, "  "+d)
		}
	}
	return nil
}
