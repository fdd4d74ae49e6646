package server

import (
	"context"
	"html/template"
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

// frontPage tells a newcomer where they are. It shows nothing of the shop: who
// may see orders is the API's business.
var frontPage = template.Must(template.New("front").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>orderhub</title><meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
code { padding: .1em .3em; border-radius: 3px; background: color-mix(in srgb, currentColor 10%, transparent); }
li { margin: .3rem 0; }
</style></head><body>
<h1>orderhub {{.Version}}</h1>
<p>This hub is running. The control panel is not part of this version; the REST API is complete.</p>
<ul>
<li><a href="/api/openapi.json">/api/openapi.json</a>: the document of the REST API</li>
<li><code>/api/v1/orders</code>: the orders; send <code>Authorization: Bearer &lt;token&gt;</code> with the token that the hub printed at its first start</li>
<li><a href="/metrics">/metrics</a>, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>: for machines that watch this one</li>
</ul></body></html>
`))

func (s *Server) front(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := frontPage.Execute(w, map[string]string{"Version": s.opts.Version}); err != nil {
		s.opts.Log.Warn("front page", "error", err.Error())
	}
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
