package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// withHub opens the database and a hub that does no background work.
func (p *program) withHub(f func(h *pipeline.Hub) error) error {
	return p.withHubOf(nil, func(h *pipeline.Hub, _ *store.Store) error { return f(h) })
}

// withHubOf does the same with the store, and with networks that may be called.
func (p *program) withHubOf(private []netip.Prefix, f func(h *pipeline.Hub, s *store.Store) error) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	h, err := pipeline.New(pipeline.Options{Store: s, Channels: all.All(), Log: p.log, Private: private})
	if err != nil {
		return err
	}
	return f(h, s)
}

type accountCmd struct {
	Add    accountAdd    `cmd:"" help:"Connect an account."`
	List   accountList   `cmd:"" help:"List accounts with their health."`
	Set    accountSet    `cmd:"" help:"Change settings of an account: a renewed key."`
	Check  accountCheck  `cmd:"" help:"Try an account's credentials."`
	Pause  accountPause  `cmd:"" help:"Stop reading and sending for an account."`
	Resume accountResume `cmd:"" help:"Go on after a pause."`
	Remove accountRemove `cmd:"" help:"Remove an account; its orders stay."`
}

type accountAdd struct {
	ID       string   `arg:"" help:"A short word of your choice: ozon-main."`
	Channel  string   `arg:"" help:"The name of a channel, see docs/channels: ozon, site, woocommerce…"`
	Settings []string `arg:"" optional:"" help:"Settings as key=value; key=- takes the next line of standard input, so that the value is in no history."`
	Name     string   `help:"A name for people." placeholder:"TEXT"`
}

func (c *accountAdd) Help() string {
	var b strings.Builder
	b.WriteString("The settings by channel:\n")
	for _, ch := range all.All() {
		fmt.Fprintf(&b, "\n%s (%s)\n", ch.Descriptor.Name, ch.Descriptor.Title)
		for _, s := range ch.Descriptor.Settings {
			var marks []string
			if s.Required {
				marks = append(marks, "required")
			}
			if s.Secret {
				marks = append(marks, "secret")
			}
			if s.Default != "" {
				marks = append(marks, "default "+s.Default)
			}
			mark := ""
			if len(marks) > 0 {
				mark = " [" + strings.Join(marks, ", ") + "]"
			}
			fmt.Fprintf(&b, "  %s%s: %s\n", s.Key, mark, s.Help)
		}
	}
	return b.String()
}

func (c *accountAdd) Run(p *program) error {
	settings, err := readSettings(p, os.Stdin, c.Settings)
	if err != nil {
		return err
	}
	return p.withHub(func(h *pipeline.Hub) error {
		a, err := h.AddAccount(p.ctx, c.ID, orderhub.Channel(c.Channel), c.Name, settings)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Account %s is connected. Webhooks go to <public address of the hub>/hooks/%s/%s (keep it secret).\nTry it: orderhub account check %s\n",
			a.ID, a.ID, a.HookKey, a.ID)
		return nil
	})
}

// readSettings takes key=value words apart. A value "-" is the next line of stdin.
func readSettings(p *program, stdin *os.File, words []string) (map[string]string, error) {
	settings := map[string]string{}
	lines := bufio.NewReader(io.LimitReader(stdin, 64<<10))
	for _, kv := range words {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, orderhub.InvalidField("settings", "%q is not key=value", kv)
		}
		if v == "-" {
			if info, err := stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				fmt.Fprintf(p.errOut, "%s: ", k)
			}
			line, err := lines.ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read the value of %s: %w", k, err)
			}
			if v = strings.TrimSpace(line); v == "" {
				return nil, orderhub.InvalidField(k, "nothing stands on standard input for it")
			}
		}
		settings[k] = v
	}
	return settings, nil
}

type accountSet struct {
	ID       string   `arg:"" help:"The account."`
	Settings []string `arg:"" help:"Settings as key=value; key=- takes the next line of standard input; key= takes a setting back."`
}

func (c *accountSet) Run(p *program) error {
	settings, err := readSettings(p, os.Stdin, c.Settings)
	if err != nil {
		return err
	}
	return p.withHub(func(h *pipeline.Hub) error {
		if err := h.ChangeSettings(p.ctx, c.ID, settings); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Account %s is changed; a running hub takes it up at once. Try it: orderhub account check %s\n", c.ID, c.ID)
		return nil
	})
}

type accountList struct{}

func (accountList) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error {
		list, err := h.Freshness(p.ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(p.out, "No account is connected yet. Begin with: orderhub account add --help")
			return nil
		}
		fmt.Fprintf(p.out, "%-20s %-14s %-8s %-10s %s\n", "account", "channel", "state", "last sweep", "trouble")
		for _, f := range list {
			worst, swept := time.Duration(0), true
			for _, feed := range f.Feeds {
				if feed.Feed == pipeline.ReconcileFeed {
					continue // once a night
				}
				worst = max(worst, feed.Lag)
				swept = swept && !feed.ConfirmedAt.IsZero()
			}
			age := worst.Round(time.Second).String()
			if !swept {
				age = "never"
			}
			if len(f.Feeds) == 0 {
				age = "pushes"
			}
			trouble := f.Problem
			if trouble == "" {
				trouble = "-"
			}
			fmt.Fprintf(p.out, "%-20s %-14s %-8s %-10s %s\n", f.Account.ID, f.Account.Channel, f.Account.State, age, trouble)
		}
		return nil
	})
}

type accountCheck struct {
	ID string `arg:"" help:"The account."`
}

func (c accountCheck) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error {
		res, err := h.CheckAccount(p.ctx, c.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s: the credentials work", c.ID)
		if res.Name != "" {
			fmt.Fprintf(p.out, " (%s)", res.Name)
		}
		if !res.Expires.IsZero() {
			fmt.Fprintf(p.out, ", until %s", res.Expires.Format(time.DateOnly))
		}
		fmt.Fprintln(p.out)
		if len(res.Can) > 0 {
			fmt.Fprintln(p.out, "They allow:", strings.Join(res.Can, ", "))
		}
		for _, w := range res.Warnings {
			fmt.Fprintln(p.out, "Warning:", w)
		}
		return nil
	})
}

type (
	accountPause struct {
		ID string `arg:"" help:"The account."`
	}
	accountResume struct {
		ID string `arg:"" help:"The account."`
	}
	accountRemove struct {
		ID string `arg:"" help:"The account."`
	}
)

func (c accountPause) Run(p *program) error  { return p.setState(c.ID, orderhub.AccountPaused) }
func (c accountResume) Run(p *program) error { return p.setState(c.ID, orderhub.AccountActive) }
func (c accountRemove) Run(p *program) error { return p.setState(c.ID, orderhub.AccountRemoved) }

func (p *program) setState(id string, state orderhub.AccountState) error {
	return p.withHub(func(h *pipeline.Hub) error {
		if err := h.SetAccountState(p.ctx, id, state); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s is %s\n", id, state)
		return nil
	})
}
