package main

import (
	"fmt"
	"io"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// onecDir is where files of 1C are kept.
func onecDir(given string, s *store.Store) string {
	switch {
	case given != "":
		return given
	case s.File() != "":
		return s.File() + ".1c"
	}
	return "orderhub.1c"
}

type onecCmd struct {
	Add  onecAddCmd  `cmd:"" help:"Add an exchange with a 1C and print its password."`
	List onecListCmd `cmd:"" help:"List the exchanges and how they go."`
}

type onecAddCmd struct {
	Name     string            `arg:"" help:"Whose 1C it is; also its login unless --login is given."`
	Login    string            `help:"What 1C logs in with." placeholder:"TEXT"`
	Flavour  string            `help:"generic (УТ, КА, ERP, Розница, УНФ), unf_bitrix or bitrix." default:"generic"`
	Version  string            `help:"CommerceML: 2.05, 2.08, 2.09 or 2.10." default:"2.08"`
	Encoding string            `help:"UTF-8 or windows-1251." default:"UTF-8"`
	Zone     string            `help:"The shop's time zone." default:"Europe/Moscow"`
	Since    string            `help:"Give it orders placed since this day (2026-11-01); default: from now on." placeholder:"DAY"`
	Stock    string            `help:"Who counts the stock: hub or 1c." default:"hub"`
	Products string            `help:"Whose products count: hub or 1c." default:"hub"`
	Buyers   map[string]string `help:"The counterparty's name by account, * for all others." placeholder:"ACCOUNT=NAME"`
}

func (c *onecAddCmd) Run(p *program) error {
	n := orderhub.OnecNode{Name: c.Name, Login: c.Login, Settings: orderhub.OnecSettings{
		Flavour: orderhub.OnecFlavour(c.Flavour), Version: c.Version, Encoding: c.Encoding, Zone: c.Zone,
		Stock: orderhub.OnecMaster(c.Stock), Products: orderhub.OnecMaster(c.Products), Buyers: c.Buyers,
	}}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return orderhub.InvalidField("zone", "%q is not a time zone; want a name like Europe/Moscow", c.Zone)
	}
	if c.Since != "" {
		if n.Settings.OrdersSince, err = time.ParseInLocation(time.DateOnly, c.Since, zone); err != nil {
			return orderhub.InvalidField("since", "want a day like 2026-11-01")
		}
	}
	return p.withHub(func(h *pipeline.Hub) error {
		n, password, err := h.AddOnecNode(p.ctx, n)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "address   https://YOUR-HUB/1c/exchange\nlogin     %s\npassword  %s   (shown only now)\n", n.Login, password)
		return nil
	})
}

type onecListCmd struct{}

func (onecListCmd) Run(p *program) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	nodes, err := s.OnecNodes(p.ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		due, sticking, err := s.CountOnecDue(p.ctx, n.ID)
		if err != nil {
			return err
		}
		seen := "never"
		if !n.SeenAt.IsZero() {
			seen = n.SeenAt.Format(time.RFC3339)
		}
		fmt.Fprintf(p.out, "%d\t%s\t%s\tseen %s\t%d due\t%d sticking\t%s\n", n.ID, n.Name, n.State, seen, due, sticking, n.Error)
	}
	return nil
}

// printOnec writes how the demo's 1C fared.
func printOnec(w io.Writer, r *demo.OnecReport) {
	if r == nil {
		return
	}
	fmt.Fprintf(w, "1C: %d orders in its book, %d in the hub for it; lost %d, foreign %d, wrong %d; %d contents stored, %d came twice; the line was cut %d times; %d approved there\n\n",
		r.Theirs, r.Ours, len(r.Lost), len(r.Foreign), len(r.Wrong), r.Contents, r.Repeats, r.Cuts, r.Approved)
	for what, list := range map[string][]string{"lost": r.Lost, "foreign": r.Foreign, "wrong": r.Wrong} {
		for _, line := range list[:min(20, len(list))] {
			fmt.Fprintf(w, "1C: %s: %s\n", what, line)
		}
	}
}
