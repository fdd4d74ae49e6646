package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
)

// hookStatus maps the refusal of a webhook to a status.
func hookStatus(err error) int {
	switch orderhub.CodeOf(err) {
	case orderhub.CodeNotFound:
		return http.StatusNotFound
	case orderhub.CodeDenied:
		return http.StatusForbidden
	case orderhub.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case orderhub.CodeUnavailable:
		return http.StatusServiceUnavailable
	case orderhub.CodeInvalid, orderhub.CodeConflict, orderhub.CodeRefused, orderhub.CodeUnsupported:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// backlog collects what waits in the hub's tables, read at each scrape.
type backlog struct{ hub *pipeline.Hub }

var (
	pendingDesc = prometheus.NewDesc("orderhub_inbox_pending", "Raw answers waiting to be interpreted.", []string{"account"}, nil)
	quarDesc    = prometheus.NewDesc("orderhub_inbox_quarantined", "Raw answers in quarantine.", []string{"account"}, nil)
	openDesc    = prometheus.NewDesc("orderhub_effects", "Effects by state, confirmed ones left out.", []string{"account", "state"}, nil)
	ageDesc     = prometheus.NewDesc("orderhub_effect_oldest_seconds", "Age of the oldest open effect.", []string{"account"}, nil)
	readerDesc  = prometheus.NewDesc("orderhub_reader_lag_events", "Events that a reader of the order feed has not acknowledged, counted up to 100,000.", []string{"consumer"}, nil)
	readerAge   = prometheus.NewDesc("orderhub_reader_lag_seconds", "Age of the oldest of them.", []string{"consumer"}, nil)
	hookDesc    = prometheus.NewDesc("orderhub_endpoint_deliveries", "Events that an endpoint was not told, by state.", []string{"endpoint", "state"}, nil)
	hookAge     = prometheus.NewDesc("orderhub_endpoint_oldest_seconds", "Age of the oldest event that waits for an endpoint.", []string{"endpoint"}, nil)
	lagDesc     = prometheus.NewDesc("orderhub_feed_lag_seconds", "Age of the last confirmed sweep.", []string{"account", "feed"}, nil)
)

func (b backlog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, quarDesc, openDesc, ageDesc, lagDesc, readerDesc, readerAge, hookDesc, hookAge} {
		ch <- d
	}
}

func (b backlog) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	list, err := b.hub.Freshness(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(pendingDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, f := range list {
		id := f.Account.ID
		gauge(pendingDesc, float64(f.Backlog.Pending), id)
		gauge(quarDesc, float64(f.Backlog.Quarantined), id)
		for state, n := range f.Backlog.Effects {
			gauge(openDesc, float64(n), id, string(state))
		}
		age := 0.0
		if !f.Backlog.OldestEffect.IsZero() {
			age = b.hub.Store().Now().Sub(f.Backlog.OldestEffect).Seconds()
		}
		gauge(ageDesc, age, id)
		for _, feed := range f.Feeds {
			gauge(lagDesc, feed.Lag.Seconds(), id, feed.Feed)
		}
	}
	if err := b.programs(ctx, gauge); err != nil {
		ch <- prometheus.NewInvalidMetric(readerDesc, err)
	}
}

// programs tells how far those are who read the feed or are told by webhook.
func (b backlog) programs(ctx context.Context, gauge func(d *prometheus.Desc, v float64, labels ...string)) error {
	s := b.hub.Store()
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return s.Now().Sub(since).Seconds()
	}
	consumers, err := s.FeedConsumers(ctx)
	if err != nil {
		return err
	}
	for _, c := range consumers {
		lag, err := s.LagAfter(ctx, c.Position)
		if err != nil {
			return err
		}
		gauge(readerDesc, float64(lag.Events), c.Name)
		gauge(readerAge, age(lag.Since), c.Name)
	}
	endpoints, err := s.Endpoints(ctx)
	if err != nil {
		return err
	}
	counts, err := s.CountDeliveries(ctx)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		id, n := strconv.FormatInt(e.ID, 10), counts[e.ID]
		gauge(hookDesc, float64(n.Pending), id, string(orderhub.DeliveryPending))
		gauge(hookDesc, float64(n.Dead), id, string(orderhub.DeliveryDead))
		gauge(hookAge, age(n.Oldest), id)
	}
	return nil
}
