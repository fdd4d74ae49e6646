package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

type auditCmd struct {
	Account string `arg:"" optional:"" help:"The account; without it, all that can be audited."`
	From    string `help:"First day, UTC, as 2026-11-23; without it, yesterday." placeholder:"DAY"`
	To      string `help:"Last day; without it, today, or the day of --from." placeholder:"DAY"`
	Report  string `help:"text or json." default:"text" enum:"text,json"`
}

func (c auditCmd) Help() string {
	return "Exit code 1 when the channel lists orders that the hub does not hold, or cannot be asked. Mend a gap with: orderhub repull ACCOUNT --ids …"
}

func (c auditCmd) Run(p *program) error {
	from, to, err := dayRange(c.From, c.To, time.Now().UTC())
	if err != nil {
		return err
	}
	days, failed := []store.AuditDay{}, false
	err = p.withHub(func(h *pipeline.Hub) error {
		accounts, err := h.Store().Accounts(p.ctx, false)
		if err != nil {
			return err
		}
		found := false
		for _, a := range accounts {
			if c.Account != "" && a.ID != c.Account {
				continue
			}
			found = true
			for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
				d, err := h.Audit(p.ctx, a.ID, day)
				if orderhub.CodeOf(err) == orderhub.CodeUnsupported && c.Account == "" {
					break // a shop that only pushes has nothing to compare with
				}
				if err != nil && (c.Account != "" || p.ctx.Err() != nil) {
					return fmt.Errorf("audit %s: %w", a.ID, err)
				}
				if err != nil {
					// The others are compared all the same.
					fmt.Fprintf(p.errOut, "%s: cannot be compared: %s\n", a.ID, sentence(err))
					failed = true
					break
				}
				days = append(days, d)
			}
		}
		if !found {
			return orderhub.Errorf(orderhub.CodeNotFound, "there is no account %q", c.Account)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.print(p, days); err != nil {
		return err
	}
	if failed {
		return errDiffers
	}
	return nil
}

func (c auditCmd) print(p *program, days []store.AuditDay) error {
	gap := false
	if c.Report == "json" {
		enc := json.NewEncoder(p.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(days); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.out, "%-20s %-10s %8s %8s %8s %6s\n", "account", "day", "channel", "hub", "missing", "extra")
	}
	for _, d := range days {
		gap = gap || len(d.Missing) > 0
		if c.Report == "json" {
			continue
		}
		fmt.Fprintf(p.out, "%-20s %-10s %8d %8d %8d %6d\n", d.AccountID, d.Day, d.Theirs, d.Ours, len(d.Missing), len(d.Extra))
		for _, id := range d.Missing {
			fmt.Fprintln(p.out, "  missing:", id)
		}
		for _, id := range d.Extra {
			fmt.Fprintln(p.out, "  only in the hub:", id)
		}
	}
	if gap {
		return errDiffers
	}
	return nil
}

func dayRange(from, to string, now time.Time) (first, last time.Time, err error) {
	last = now.Truncate(24 * time.Hour)
	first = last.AddDate(0, 0, -1)
	if from != "" {
		if first, err = time.Parse(time.DateOnly, from); err != nil {
			return first, last, orderhub.InvalidField("from", "%q is not a day like 2026-11-23", from)
		}
		last = first
	}
	if to != "" {
		if last, err = time.Parse(time.DateOnly, to); err != nil {
			return first, last, orderhub.InvalidField("to", "%q is not a day like 2026-11-23", to)
		}
	}
	if last.Before(first) {
		return first, last, orderhub.InvalidField("to", "is before from")
	}
	return first, last, nil
}
