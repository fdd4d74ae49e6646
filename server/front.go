package server

import (
	"context"
	"net/http"
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
	lagDesc     = prometheus.NewDesc("orderhub_feed_lag_seconds", "Age of the last confirmed sweep.", []string{"account", "feed"}, nil)
)

func (b backlog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pendingDesc, quarDesc, openDesc, ageDesc, lagDesc} {
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
}
