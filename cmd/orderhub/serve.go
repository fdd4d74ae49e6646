package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
)

type serveCmd struct {
	Listen  string        `help:"Where the hub listens. Only this machine reaches the default; put a reverse proxy with TLS in front to open it (default ${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT" env:"ORDERHUB_LISTEN"`
	Proxies []string      `help:"Networks of reverse proxies whose X-Forwarded-For is believed." placeholder:"10.0.0.0/8" env:"ORDERHUB_PROXIES"`
	Token   string        `help:"An API token of your own; without it one is made and printed at the first start." env:"ORDERHUB_TOKEN" placeholder:"TEXT"`
	Batch   int           `help:"How many raw answers are accepted in one transaction." default:"100" env:"ORDERHUB_BATCH"`
	Lag     time.Duration `help:"How late at most a marketplace shows a sale or a stock figure in its own lists; what the oversell policies promise rests on it." default:"10s" name:"stock-lag" env:"ORDERHUB_STOCK_LAG"`
	OnecDir string        `help:"Where files that 1C sends are kept while they are read; empty = beside a SQLite database, or ./orderhub.1c." placeholder:"DIR" env:"ORDERHUB_ONEC_DIR" name:"onec-dir"`
	Private []string      `help:"Networks that are not public and that webhooks and SFTP may go to all the same." placeholder:"192.168.0.0/16" env:"ORDERHUB_PRIVATE_NETWORKS" name:"private-networks"`
	FileDir string        `help:"Where the folders for the exchange of files are; without it files are exchanged over SFTP only." placeholder:"DIR" env:"ORDERHUB_EXCHANGE_DIR" name:"exchange-dir"`
	Notify  notifyFlags   `embed:""`
	People  peopleFlags   `embed:""`
	Pace    float64       `help:"Multiplies every pause of sweeps, retries and read-backs (for tests against the simulators)." default:"1" hidden:""`
	Lease   time.Duration `help:"How long the work of a process that died stays untouched before another takes it over." default:"10s" hidden:""`
	Quotas  float64       `help:"Multiplies the channels' quotas (for tests against the simulators)." default:"1" hidden:""`
}

func (c *serveCmd) Help() string {
	return `The database is migrated at start. Several of these may run on one PostgreSQL and share the work; on a SQLite file only one may run.`
}

func (c *serveCmd) Run(p *program) error {
	began := time.Now()
	proxies, err := prefixes(c.Proxies)
	if err != nil {
		return err
	}
	private, err := notify.Prefixes("private-networks", c.Private)
	if err != nil {
		return err
	}
	if c.Batch < 1 || c.Batch > 1000 {
		return orderhub.InvalidField("batch", "must be 1 to 1000")
	}
	if c.Pace <= 0 || c.Quotas <= 0 || c.Lease < 100*time.Millisecond {
		return orderhub.InvalidField("pace, quotas, lease", "pace and quotas must be above 0, lease 100ms or more")
	}
	if c.Lag <= 0 || c.Lag > time.Hour {
		return orderhub.InvalidField("stock-lag", "must be above 0 and at most 1h")
	}
	tell, err := c.Notify.options()
	if err != nil {
		return err
	}
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	unlock, err := onlyOne(p.ctx, s)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.firstToken(p, s); err != nil {
		return err
	}
	door, err := c.People.people(p, s, c.Notify.PublicURL)
	if err != nil {
		return err
	}
	hub, err := pipeline.New(pipeline.Options{Store: s, Channels: all.All(), Log: p.log, Batch: c.Batch, Scale: c.Pace, QuotaScale: c.Quotas, LeaseTTL: c.Lease, StockLag: c.Lag, Notify: tell, Private: private, ExchangeDir: c.FileDir,
		HTTP: &http.Client{Timeout: 30 * time.Second, Transport: http.DefaultTransport.(*http.Transport).Clone()}})
	if err != nil {
		return err
	}
	if err := hub.Start(p.ctx); err != nil {
		return err
	}
	open := onlyHere(c.Listen, c.Notify.PublicURL, len(proxies))
	srv := server.New(server.Options{Hub: hub, Log: p.log, Version: version(), TrustedProxies: proxies, People: door, PublicURL: c.Notify.PublicURL, OpenSetup: open,
		OnecDir: onecDir(c.OnecDir, s)})
	err = listenAndServe(p.ctx, c.Listen, srv, func(addr string) {
		if err := p.firstUser(s, addr, c.Notify.PublicURL, open); err != nil {
			p.log.Warn("looking for the first user failed", "error", err.Error())
		}
		p.log.Info("orderhub is ready", "address", "http://"+addr, "database", shownDSN(p.cli.Database), "after", time.Since(began).Round(time.Millisecond).String())
	})
	grace, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, hub.Stop(grace))
}

// firstToken prints the API token once, at the first start.
func (c *serveCmd) firstToken(p *program, s *store.Store) error {
	if c.Token != "" {
		if len(c.Token) < 16 {
			return orderhub.InvalidField("token", "want at least 16 characters")
		}
		return s.SaveToken(p.ctx, "own", c.Token)
	}
	has, err := s.HasTokens(p.ctx)
	if err != nil || has {
		return err
	}
	token, err := s.CreateToken(p.ctx, "first")
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "API token, shown only now: %s\n", token)
	return nil
}

// onlyOne makes sure that one process serves a SQLite file, and forgets the
// leases of the one before, which must be dead.
func onlyOne(ctx context.Context, s *store.Store) (unlock func(), err error) {
	if s.File() == "" {
		return func() {}, nil
	}
	unlock, err = lockFile(s.File() + ".lock")
	if err != nil {
		return nil, err
	}
	return unlock, s.ForgetLeases(ctx)
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, v := range list {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			return nil, orderhub.InvalidField("proxies", "%q is not a network like 10.0.0.0/8", v)
		}
		out = append(out, p)
	}
	return out, nil
}

// listenAndServe answers until ctx ends; started is told the address.
func listenAndServe(ctx context.Context, addr string, h http.Handler, started func(addr string)) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return orderhub.Errorf(orderhub.CodeInvalid, "cannot listen on %s", addr).WithCause(err)
	}
	started(l.Addr().String())
	if s, ok := h.(*server.Server); ok {
		return s.Serve(ctx, l)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type migrateCmd struct{}

func (migrateCmd) Run(p *program) error {
	s, err := store.Open(p.ctx, store.Config{DSN: p.cli.Database, Secret: p.cli.Secret})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	before, _, err := s.SchemaVersion(p.ctx)
	if err != nil {
		return err
	}
	if err := s.Migrate(p.ctx); err != nil {
		return err
	}
	_, now, err := s.SchemaVersion(p.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s: schema %d, was %d\n", shownDSN(p.cli.Database), now, before)
	return nil
}

type tokenCmd struct {
	Name string `arg:"" help:"Whom the token is for; shown in timelines."`
}

func (c tokenCmd) Run(p *program) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	token, err := s.CreateToken(p.ctx, c.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "API token for %s, shown only now: %s\n", c.Name, token)
	return nil
}
