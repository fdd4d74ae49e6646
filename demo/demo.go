package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
)

// Options set up a demo.
type Options struct {
	// DSN is the hub's database; "" = a SQLite file in Dir.
	DSN    string
	Secret string
	// Dir keeps the database; "" = a temporary folder, removed at the end.
	Dir string
	// Addr and SimAddr are where hub and simulators listen; "" = 127.0.0.1:0.
	Addr, SimAddr string
	// For ends the demo after this time; 0 = when ctx ends.
	For time.Duration
	// Orders are placed over For; 0 = a steady two per second.
	Orders int
	Seed   uint64
	Faults marketsim.Faults
	Log    *slog.Logger
	// Started is called when everything runs, with the addresses and the token.
	Started func(Started)
	// Policy makes goods scarce and lets the markets sell only what the hub
	// publishes; "" = everything can be bought.
	Policy orderhub.OversellPolicy
	// ByHand leaves all to whoever watches: nobody buys, works or delivers but over
	// the panel, the API and the simulators' control API.
	ByHand bool
	// Onec adds a 1C that exchanges with the hub and keeps a book of its own.
	Onec bool
	// Shops adds the web shops on engines of others.
	Shops bool
	// Private are networks that webhooks may go to, FileDir is where files are exchanged;
	// "" = nowhere.
	Private []netip.Prefix
	FileDir string
	// Hooks sabotage the hub, for tests of the comparison.
	Hooks *pipeline.Hooks
	// Version is shown by the hub.
	Version string

	// What the measurements of this package change: 0 and nil = as the demo has it.
	pace, quotas float64
	lag          time.Duration
	goods        []marketsim.Product
	units        int64 // of each of the goods
	watch        func(http.Handler) http.Handler
}

// Started tells where things are.
type Started struct {
	Hub, Sims, Token string
	// Login and Password let a person in, an owner.
	Login, Password string
	DSN             string
}

// Report is what a demo that ended has to say.
type Report struct {
	Seed     uint64                 `json:"seed"`
	Engine   string                 `json:"engine"`
	Seconds  float64                `json:"seconds"`
	Settle   float64                `json:"settle_seconds"`
	Traffic  marketsim.TrafficStats `json:"traffic"`
	Manager  ManagerStats           `json:"manager"`
	Faults   map[string]int         `json:"faults"`
	MemoryMB int                    `json:"memory_peak_mb"`
	Desk     DeskStats              `json:"returns_desk"`
	Goods    *GoodsReport           `json:"goods,omitempty"`
	Told     *ToldReport            `json:"told,omitempty"`
	Onec     *OnecReport            `json:"1c,omitempty"`
	Comparison
}

// scale shortens the hub's pauses; quotas multiplies its and the simulators'
// quotas alike: so a minute shows what takes hours in life.
const (
	scale  = 0.02
	quotas = 10
)

// toldWithin is how long messages may be on their way when all else is at rest.
const toldWithin = 15 * time.Second

// stockLag is longer than the simulators' replicas are behind.
const stockLag = 4 * time.Second

// Run runs a demo and compares at the end.
func Run(ctx context.Context, opts Options) (Report, error) {
	w, err := start(ctx, opts)
	if err != nil {
		return Report{}, err
	}
	defer w.close()
	if opts.Started != nil {
		opts.Started(w.where)
	}
	return w.run(ctx)
}

// world is a running demo.
type world struct {
	opts    Options
	log     *slog.Logger
	store   *store.Store
	hub     *pipeline.Hub
	running bool
	sims    *Sims
	client  *Client
	traffic *marketsim.Traffic
	manager *Manager
	desk    *desk
	phone   *phone
	onec    *onecOffice // nil = there is none
	shelf   *marketsim.Shelf
	where   Started
	began   time.Time

	stop  context.CancelFunc
	tasks sync.WaitGroup
	tmp   string
}

func start(ctx context.Context, opts Options) (w *world, err error) {
	opts.pace, opts.quotas, opts.lag = cmp.Or(opts.pace, scale), cmp.Or(opts.quotas, quotas), cmp.Or(opts.lag, stockLag)
	w = &world{opts: opts, log: opts.Log, began: time.Now()}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	ctx, w.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := w.openStore(ctx); err != nil {
		return w, err
	}
	hubAddr, err := listen(opts.Addr)
	if err != nil {
		return w, err
	}
	simAddr, err := listen(opts.SimAddr)
	if err != nil {
		return w, err
	}
	w.where.Hub, w.where.Sims = "http://"+hubAddr.Addr().String(), "http://"+simAddr.Addr().String()
	if w.where.Token, err = w.store.CreateToken(ctx, "demo"); err != nil {
		return w, err
	}
	door, err := w.letIn(ctx)
	if err != nil {
		return w, err
	}
	shop := shopsim.Options{Account: AccountID("site"), Hub: func() string { return w.where.Hub }, Token: w.where.Token}
	if opts.Policy == orderhub.OversellStrict {
		shop.Reserve = 10 * time.Minute
	}
	w.sims = NewSims(SimOptions{Seed: opts.Seed, Faults: opts.Faults, QuotaScale: opts.quotas, Fast: true, Shop: shop, WithShops: opts.Shops})
	w.phone = newPhone(opts.Seed, opts.Faults)
	w.hub, err = pipeline.New(pipeline.Options{
		Store: w.store, Channels: all.All(), Log: w.log, Scale: opts.pace, QuotaScale: opts.quotas, Hooks: opts.Hooks,
		HTTP: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, Tick: 200 * time.Millisecond,
		StockLag: opts.lag, Notify: w.phone.options(), Private: opts.Private, PicturesFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, ExchangeDir: opts.FileDir,
	})
	if err != nil {
		return w, err
	}
	w.serve(ctx, hubAddr, server.New(server.Options{Hub: w.hub, Log: w.log, Version: opts.Version, Rate: -1, People: door, OnecDir: w.onecDir()}))
	var outside http.Handler = w.sims
	if opts.watch != nil {
		outside = opts.watch(outside)
	}
	w.serve(ctx, simAddr, outside)
	w.client = &Client{Base: w.where.Hub, Token: w.where.Token}
	if err := Connect(ctx, w.hub, w.sims, w.where.Hub, w.where.Sims); err != nil {
		return w, err
	}
	if err := w.stockUp(ctx); err != nil {
		return w, err
	}
	w.manager = NewManager(w.client, w.sims, opts.Seed, 300*time.Millisecond)
	w.manager.cuts = w.shelf == nil // the shelf of scarce goods counts sales alone
	w.desk = &desk{world: w, answered: map[int64]bool{}}
	if opts.Onec {
		if err := w.openOnec(ctx); err != nil {
			return w, err
		}
	}
	err = w.hub.Start(ctx)
	w.running = err == nil
	if err == nil {
		err = w.link(ctx)
	}
	return w, err
}

// letIn makes an owner with a new password, also in a kept database.
func (w *world) letIn(ctx context.Context) (*people.People, error) {
	door, err := people.New(people.Options{Store: w.store, Log: w.log})
	if err != nil {
		return nil, err
	}
	w.where.Login, w.where.Password = "demo", strings.ToLower(rand.Text())[:16]
	entry := orderhub.AuditEntry{Actor: orderhub.Actor{Kind: orderhub.ActorHub, Name: "demo"}, Operation: "demo"}
	u, err := door.User(ctx, w.where.Login)
	switch {
	case orderhub.CodeOf(err) == orderhub.CodeNotFound:
		_, err = door.AddUser(ctx, people.NewUser{Login: w.where.Login, Name: "Demo", Role: orderhub.RoleOwner, Password: w.where.Password}, entry)
	case err == nil:
		err = door.SetPassword(ctx, u.ID, w.where.Password, func(orderhub.Role) error { return nil }, entry)
	}
	return door, err
}

func (w *world) openStore(ctx context.Context) error {
	cfg := store.Config{DSN: w.opts.DSN, Secret: w.opts.Secret}
	if cfg.DSN == "" {
		dir := w.opts.Dir
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "orderhub-demo-"); err != nil {
				return fmt.Errorf("make a folder for the demo: %w", err)
			}
			w.tmp = dir
		}
		cfg.DSN = filepath.Join(dir, "orderhub.db")
	}
	w.where.DSN = cfg.DSN
	var err error
	if w.store, err = store.Open(ctx, cfg); err != nil {
		return err
	}
	return w.store.Migrate(ctx)
}

// onecDir is where files of the 1C are kept, "" without one.
func (w *world) onecDir() string {
	switch {
	case !w.opts.Onec:
		return ""
	case w.tmp != "":
		return filepath.Join(w.tmp, "1c")
	case w.opts.Dir != "":
		return filepath.Join(w.opts.Dir, "1c")
	}
	dir, err := os.MkdirTemp("", "orderhub-demo-1c-")
	if err != nil {
		return ""
	}
	w.tmp = dir // removed at the end
	return dir
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, orderhub.Errorf(orderhub.CodeInvalid, "cannot listen on %s: is it in use?", addr).WithCause(err)
	}
	return l, nil
}

// serve answers until the demo stops.
func (w *world) serve(ctx context.Context, l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelDebug)}
	w.tasks.Add(2)
	go func() {
		defer w.tasks.Done()
		_ = srv.Serve(l)
	}()
	go func() {
		defer w.tasks.Done()
		<-ctx.Done()
		_ = srv.Close()
	}()
}

// Connect adds an account for every simulator that the hub does not have yet,
// and tells the simulators where the hub takes notifications.
// A hub that is connected to anything else is left alone.
func Connect(ctx context.Context, hub *pipeline.Hub, sims *Sims, hubURL, simURL string) error {
	if err := onlyDemo(ctx, hub); err != nil {
		return err
	}
	for _, m := range sims.Markets() {
		id := AccountID(m.Channel())
		a, err := hub.Store().Account(ctx, id)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			a, err = hub.AddAccount(ctx, id, m.Channel(), "", AccountSettings(m, simURL))
		} else if err == nil {
			// The simulators of another run listen elsewhere.
			a.Settings = AccountSettings(m, simURL)
			err = hub.Store().UpdateAccount(ctx, a)
		}
		if err != nil {
			return fmt.Errorf("connect %s: %w", m.Channel(), err)
		}
		m.Notify(hubURL + "/hooks/" + a.ID + "/" + a.HookKey)
	}
	return nil
}

// onlyDemo refuses a database with accounts that do not lead to simulators on
// this machine: somebody's shop is in it.
func onlyDemo(ctx context.Context, hub *pipeline.Hub) error {
	accounts, err := hub.Store().Accounts(ctx, false)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		u, err := url.Parse(a.Settings["base_url"] + a.Settings["delivery_url"])
		if err != nil || a.ID != AccountID(a.Channel) || !isLoopback(u.Hostname()) {
			return orderhub.Errorf(orderhub.CodeConflict,
				"the database holds the account %q, which is not one of the demo: give it a database of its own", a.ID)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// run lets the world live, brings it to rest and compares.
func (w *world) run(ctx context.Context) (Report, error) {
	if err := w.live(ctx); err != nil {
		return Report{}, err
	}
	rep := Report{
		Seed: w.opts.Seed, Engine: w.store.Engine(), Traffic: w.traffic.Stats(), Manager: w.manager.Stats(), Faults: w.faults(),
		Seconds: time.Since(w.began).Seconds(),
	}
	if ctx.Err() != nil {
		return rep, ctx.Err()
	}
	rep.Desk = w.desk.stats
	ended := time.Now()
	Finish(ctx, w.client, w.traffic)
	frozen := time.Now()
	if err := Quiet(ctx, w.client, w.sims, frozen, settleFor); err != nil {
		w.log.Warn("the world did not come to rest", "error", err.Error())
	}
	rep.Settle, rep.MemoryMB = time.Since(ended).Seconds(), peakMemory()
	var err error
	if rep.Comparison, err = Compare(ctx, w.client, w.sims.Markets()); err != nil {
		return rep, err
	}
	rep.Goods, err = w.compareGoods(ctx)
	if err != nil {
		return rep, err
	}
	rep.Told, err = w.compareTold(ctx, toldWithin)
	rep.OK = rep.OK && (rep.Goods == nil || len(rep.Goods.Wrong) == 0) && rep.Told != nil && rep.Told.clean()
	if err == nil && w.onec != nil {
		rep.Onec, err = w.onec.compare(ctx)
		rep.OK = rep.OK && err == nil && rep.Onec.clean()
	}
	return rep, err
}

// live lets buyers buy, couriers drive and the manager work, until the time is
// over.
func (w *world) live(ctx context.Context) error {
	opts := marketsim.TrafficOptions{Seed: w.opts.Seed, Orders: w.opts.Orders, Over: w.opts.For, Schemes: Schemes, ReturnEvery: 8}
	live, stop := context.WithCancel(ctx)
	defer stop()
	if w.opts.For > 0 {
		live, stop = context.WithTimeout(ctx, w.opts.For)
		defer stop()
	} else {
		opts.Over = 365 * 24 * time.Hour
	}
	if opts.Orders == 0 {
		opts.Orders = int(2 * opts.Over.Seconds())
	}
	if w.shelf != nil {
		opts.Goods, opts.Shelf, opts.Schemes = scarce(), w.shelf, StockedSchemes
	}
	// The last tenth of the time belongs to the orders that are there.
	opts.Over = max(0, min(opts.Over*9/10, opts.Over-time.Second/2))
	w.traffic = marketsim.NewTraffic(w.sims.Markets(), opts)
	if w.opts.ByHand {
		<-live.Done()
		return nil
	}
	var people sync.WaitGroup
	people.Add(4)
	go func() { defer people.Done(); w.deliver(live) }()
	var trafficErr error
	go func() { defer people.Done(); w.manager.Run(live) }()
	go func() { defer people.Done(); w.desk.run(live) }()
	if w.onec != nil {
		people.Go(func() { w.onec.run(live) })
	}
	go func() {
		defer people.Done()
		trafficErr = w.traffic.Run(live)
		for live.Err() == nil {
			w.traffic.Step()
			wait(live, 250*time.Millisecond)
		}
	}()
	people.Wait()
	if trafficErr != nil && live.Err() == nil {
		return trafficErr
	}
	if trafficErr != nil && !errors.Is(trafficErr, context.DeadlineExceeded) && !errors.Is(trafficErr, context.Canceled) {
		return trafficErr
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (w *world) faults() map[string]int {
	out := map[string]int{}
	for ch, in := range w.sims.injectors {
		for f, n := range in.Stats() {
			out[string(ch)+" "+string(f)] = n
		}
	}
	for f, n := range w.phone.faults.Stats() {
		out["telegram "+string(f)] = n
	}
	return out
}

// close stops everything, the hub first.
func (w *world) close() {
	if w.running {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_ = w.hub.Stop(grace)
		cancel()
	}
	w.stop()
	if w.sims != nil {
		w.sims.Close()
	}
	w.tasks.Wait()
	if w.phone != nil {
		w.phone.close()
	}
	if w.store != nil {
		_ = w.store.Close()
	}
	if w.tmp != "" {
		_ = os.RemoveAll(w.tmp)
	}
}
