package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

type endpointCmd struct {
	Add       endpointAdd       `cmd:"" help:"Tell a program events by webhook and print its secret."`
	List      endpointList      `cmd:"" help:"List the endpoints and how they go."`
	Rotate    endpointRotate    `cmd:"" help:"Give an endpoint a new secret; the old one signs beside it for a while."`
	Redeliver endpointRedeliver `cmd:"" help:"Send again what was given up, or all since a moment."`
	Remove    endpointRemove    `cmd:"" help:"Remove an endpoint and all that it was and is to be told."`
}

type endpointAdd struct {
	Name     string   `arg:"" help:"Whose program it is."`
	URL      string   `arg:"" help:"Where events are posted: https://…"`
	Kinds    []string `help:"Only these kinds of events, see docs/erp.md." placeholder:"KIND"`
	Accounts []string `help:"Only orders of these accounts." placeholder:"ACCOUNT"`
	Personal bool     `help:"With the buyer's data."`
	Networks []string `help:"Networks that are not public and may be called all the same; give them to serve, too." placeholder:"192.168.0.0/16" env:"ORDERHUB_PRIVATE_NETWORKS" name:"private-networks"`
}

func (c *endpointAdd) Run(p *program) error {
	private, err := notify.Prefixes("private-networks", c.Networks)
	if err != nil {
		return err
	}
	e := orderhub.Endpoint{
		Name: c.Name, URL: c.URL, Personal: c.Personal, Filter: orderhub.EventFilter{Kinds: eventKinds(c.Kinds), Accounts: c.Accounts}, CreatedBy: "command line",
	}
	return p.withHubOf(private, func(h *pipeline.Hub, _ *store.Store) error {
		e, secret, err := h.AddEndpoint(p.ctx, e)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "endpoint  %d\nsecret    %s   (shown only now)\n", e.ID, secret)
		return nil
	})
}

type endpointList struct{}

func (endpointList) Run(p *program) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	list, err := s.Endpoints(p.ctx)
	if err != nil {
		return err
	}
	counts, err := s.CountDeliveries(p.ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		n := counts[e.ID]
		fmt.Fprintf(p.out, "%d\t%s\t%s\t%s\tdelivered %s\t%d waiting\t%d dead\t%s\n", e.ID, e.Name, e.State, e.URL, moment(e.DeliveredAt), n.Pending, n.Dead, e.Error)
	}
	return nil
}

// moment is when something was last.
func moment(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format(time.RFC3339)
}

type endpointRotate struct {
	ID      int64         `arg:"" help:"Its number in the list."`
	Overlap time.Duration `help:"For how long the old secret signs beside the new one." default:"24h"`
}

func (c *endpointRotate) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error {
		e, secret, err := h.RotateEndpointSecret(p.ctx, c.ID, c.Overlap)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "endpoint  %d\nsecret    %s   (shown only now)\n", e.ID, secret)
		return nil
	})
}

type endpointRedeliver struct {
	ID       int64  `arg:"" help:"Its number in the list."`
	Delivery int64  `help:"One delivery alone; without it, all that were given up." placeholder:"ID"`
	Since    string `help:"Everything since this moment, delivered or not: 2026-11-20T00:00:00Z." placeholder:"TIME"`
}

func (c *endpointRedeliver) Run(p *program) error {
	if c.Delivery != 0 && c.Since != "" {
		return orderhub.InvalidField("since", "say a delivery or a moment, not both")
	}
	return p.withHub(func(h *pipeline.Hub) error {
		n, err := c.again(p, h)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%d to be sent again; the running hub does it\n", n)
		return nil
	})
}

func (c *endpointRedeliver) again(p *program, h *pipeline.Hub) (int64, error) {
	switch {
	case c.Delivery != 0:
		return 1, h.RedeliverOne(p.ctx, c.ID, c.Delivery)
	case c.Since != "":
		since, err := time.Parse(time.RFC3339, c.Since)
		if err != nil {
			return 0, orderhub.InvalidField("since", "want a moment like 2026-11-20T00:00:00Z")
		}
		return h.RedeliverSince(p.ctx, c.ID, since)
	}
	return h.RedeliverDead(p.ctx, c.ID)
}

type endpointRemove struct {
	ID int64 `arg:"" help:"Its number in the list."`
}

func (c *endpointRemove) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error { return h.RemoveEndpoint(p.ctx, c.ID) })
}

type feedCmd struct {
	Add    feedAdd    `cmd:"" help:"Add a reader; it begins with the first event."`
	List   feedList   `cmd:"" help:"List who reads the feed of orders, and how far each is."`
	Reset  feedReset  `cmd:"" help:"Move a reader, to read again or to leave things out."`
	Remove feedRemove `cmd:"" help:"Forget a reader and its position."`
}

type feedAdd struct {
	Name  string   `arg:"" help:"Small letters, digits and ._-"`
	Kinds []string `help:"Only these kinds of events, see docs/erp.md." placeholder:"KIND"`
}

func (c *feedAdd) Run(p *program) error {
	filter := orderhub.EventFilter{Kinds: eventKinds(c.Kinds)}
	return p.withHub(func(h *pipeline.Hub) error {
		_, err := h.SetConsumer(p.ctx, c.Name, pipeline.ConsumerChange{Filter: &filter})
		return err
	})
}

func eventKinds(words []string) (out []orderhub.EventKind) {
	for _, w := range words {
		out = append(out, orderhub.EventKind(w))
	}
	return out
}

type feedList struct{}

func (feedList) Run(p *program) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	list, err := s.FeedConsumers(p.ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		lag, err := s.LagAfter(p.ctx, c.Position)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s\tposition %d\t%d behind\tread %s\tacknowledged %s\n", c.Name, c.Position, lag.Events, moment(c.ReadAt), moment(c.AckedAt))
	}
	return nil
}

type feedReset struct {
	Name string `arg:"" help:"The reader's name."`
	To   string `arg:"" help:"A position, 0 for the beginning, now for the end, or a moment like 2026-11-20T00:00:00Z."`
}

func (c *feedReset) Run(p *program) error {
	change := pipeline.ConsumerChange{Position: &c.To}
	if strings.Contains(c.To, "-") {
		since, err := time.Parse(time.RFC3339, c.To)
		if err != nil {
			return orderhub.InvalidField("to", "want a position, now, or a moment like 2026-11-20T00:00:00Z")
		}
		change = pipeline.ConsumerChange{Since: &since}
	}
	return p.withHubOf(nil, func(h *pipeline.Hub, s *store.Store) error {
		// A slip of the pen makes no new reader.
		if _, err := s.FeedConsumer(p.ctx, c.Name); err != nil {
			return err
		}
		now, err := h.SetConsumer(p.ctx, c.Name, change)
		if err != nil {
			return err
		}
		position, err := h.Position(p.ctx, now.Position)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s reads on behind position %s\n", now.Name, position)
		return nil
	})
}

type feedRemove struct {
	Name string `arg:"" help:"The reader's name."`
}

func (c *feedRemove) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error { return h.DeleteConsumer(p.ctx, c.Name) })
}

type filesCmd struct {
	List   filesList   `cmd:"" help:"List the exchanges of files and what became of the last files of each."`
	Remove filesRemove `cmd:"" help:"End an exchange of files; the files stay."`
}

type filesList struct {
	Last int `help:"How many files of each." default:"5"`
}

func (c *filesList) Run(p *program) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	list, err := s.FileExchanges(p.ctx)
	if err != nil {
		return err
	}
	for _, x := range list {
		fmt.Fprintf(p.out, "%d\t%s\t%s\t%s\tlooked %s\t%s\n", x.ID, x.Name, x.Kind, x.State, moment(x.RanAt), x.Error)
		files, err := s.ExchangedFiles(p.ctx, x.ID, 0, min(max(c.Last, 0), 500))
		if err != nil {
			return err
		}
		for _, f := range files {
			fmt.Fprintf(p.out, "\t%s\t%s\t%s\t%d rows\t%d bad\t%s\n", f.CreatedAt.Format(time.RFC3339), f.Name, f.State, f.Rows, f.Bad, f.Error)
		}
	}
	return nil
}

type filesRemove struct {
	ID int64 `arg:"" help:"Its number in the list."`
}

func (c *filesRemove) Run(p *program) error {
	return p.withHub(func(h *pipeline.Hub) error { return h.RemoveFileExchange(p.ctx, c.ID) })
}
