package marketsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/orderhub/orderhub"
)

// maxControlBody caps a control call.
const maxControlBody = 1 << 20

// Control is the control API of running simulators, under /_sim/: look into the
// books, buy, act as the buyer, move the couriers, set faults. It is for tests
// and the demo, has no keys, and must not be reachable from outside. No fault is
// ever put in front of it. See README.md.
func Control(markets []Market, in map[orderhub.Channel]*Injector) http.Handler {
	c := &control{markets: markets, in: in}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", c.list)
	mux.HandleFunc("GET /_sim/{channel}/truth", c.market(c.truth))
	mux.HandleFunc("GET /_sim/{channel}/returns", c.market(c.returns))
	mux.HandleFunc("POST /_sim/{channel}/orders", c.market(c.place))
	mux.HandleFunc("POST /_sim/{channel}/orders/{id}/act", c.market(c.act))
	mux.HandleFunc("POST /_sim/{channel}/orders/{id}/progress", c.market(c.progress))
	mux.HandleFunc("GET /_sim/{channel}/faults", c.market(c.getFaults))
	mux.HandleFunc("PUT /_sim/{channel}/faults", c.market(c.setFaults))
	mux.HandleFunc("POST /_sim/{channel}/notify", c.market(c.notify))
	mux.HandleFunc("GET /_sim/{channel}/pictures/{file}", servePicture)
	mux.HandleFunc("/_sim/", c.unknown)
	return mux
}

type control struct {
	markets []Market
	in      map[orderhub.Channel]*Injector
}

// controlError is an answer that is not 200.
type controlError struct {
	status int
	text   string
}

func (e *controlError) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &controlError{status, fmt.Sprintf(format, args...)}
}

type marketHandler func(m Market, r *http.Request) (any, error)

// market finds the simulator of the path and writes the answer as JSON.
func (c *control) market(h marketHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		name := orderhub.Channel(r.PathValue("channel"))
		for _, m := range c.markets {
			if m.Channel() != name {
				continue
			}
			v, err := h(m, r)
			writeControl(w, v, err)
			return
		}
		writeControl(w, nil, refuse(http.StatusNotFound, "no simulator %q; running: %v", name, c.channels()))
	}
}

func (c *control) channels() []orderhub.Channel {
	out := []orderhub.Channel{}
	for _, m := range c.markets {
		out = append(out, m.Channel())
	}
	return out
}

func (c *control) unknown(w http.ResponseWriter, r *http.Request) {
	writeControl(w, nil, refuse(http.StatusNotFound, "%s %s is no control call; see marketsim/README.md", r.Method, r.URL.Path))
}

func writeControl(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	if err != nil {
		var ce *controlError
		status = http.StatusConflict // the market said no
		if errors.As(err, &ce) {
			status = ce.status
		}
		v = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the caller is gone
}

// decodeControl reads a body strictly: a misspelt field must not pass silently.
func decodeControl(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return refuse(http.StatusBadRequest, "the call needs a JSON body")
		}
		return refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
	}
	if dec.More() {
		return refuse(http.StatusBadRequest, "the body has something behind its JSON")
	}
	return nil
}

type marketInfo struct {
	Channel orderhub.Channel        `json:"channel"`
	Orders  int                     `json:"orders"`
	Status  map[orderhub.Status]int `json:"by_status"`
	Faults  map[Fault]int           `json:"faults_caused"`
}

func (c *control) list(w http.ResponseWriter, _ *http.Request) {
	out := []marketInfo{}
	for _, m := range c.markets {
		info := marketInfo{Channel: m.Channel(), Status: map[orderhub.Status]int{}, Faults: map[Fault]int{}}
		for _, o := range m.Truth() {
			info.Orders++
			info.Status[o.Headline]++
		}
		if in := c.in[m.Channel()]; in != nil {
			info.Faults = in.Stats()
		}
		out = append(out, info)
	}
	writeControl(w, out, nil)
}

func (c *control) truth(m Market, _ *http.Request) (any, error) {
	orders := m.Truth()
	if orders == nil {
		orders = []TruthOrder{}
	}
	return orders, nil
}

func (c *control) returns(m Market, _ *http.Request) (any, error) {
	out := []TruthReturn{}
	if books, ok := m.(Returning); ok {
		out = append(out, books.Returns()...)
	}
	return out, nil
}

func (c *control) place(m Market, r *http.Request) (any, error) {
	var spec OrderSpec
	if err := decodeControl(r, &spec); err != nil {
		return nil, err
	}
	ids, err := m.Place(spec)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	return map[string][]string{"ids": ids}, nil
}

func (c *control) act(m Market, r *http.Request) (any, error) {
	var body struct {
		Act BuyerAct `json:"act"`
	}
	if err := decodeControl(r, &body); err != nil {
		return nil, err
	}
	switch body.Act {
	case ActPay, ActCancel, ActRequestCancel, ActRefuse, ActReturn:
	default:
		return nil, refuse(http.StatusBadRequest, "act %q is not known; known: %s, %s, %s, %s, %s",
			body.Act, ActPay, ActCancel, ActRequestCancel, ActRefuse, ActReturn)
	}
	if err := wantOrder(m, r); err != nil {
		return nil, err
	}
	if err := m.Act(r.PathValue("id"), body.Act); err != nil {
		return nil, err
	}
	return findOrder(m, r.PathValue("id")), nil
}

func (c *control) progress(m Market, r *http.Request) (any, error) {
	if err := wantOrder(m, r); err != nil {
		return nil, err
	}
	moved, err := m.Progress(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"moved": moved, "order": findOrder(m, r.PathValue("id"))}, nil
}

func wantOrder(m Market, r *http.Request) error {
	if findOrder(m, r.PathValue("id")) == nil {
		return refuse(http.StatusNotFound, "%s has no order %q", m.Channel(), r.PathValue("id"))
	}
	return nil
}

func findOrder(m Market, id string) *TruthOrder {
	for _, o := range m.Truth() {
		if o.ID == id {
			return &o
		}
	}
	return nil
}

// faultsBody is Faults with durations as people write them ("300ms"), or a
// ready-made level.
type faultsBody struct {
	Level         string     `json:"level,omitempty"`
	RateLimited   float64    `json:"rate_limited"`
	ServerError   float64    `json:"server_error"`
	TimeoutBefore float64    `json:"timeout_before"`
	TimeoutAfter  float64    `json:"timeout_after"`
	Stale         float64    `json:"stale"`
	Lost          float64    `json:"lost"`
	Duplicated    float64    `json:"duplicated"`
	Late          float64    `json:"late"`
	FailRows      float64    `json:"fail_rows"`
	Hang          string     `json:"hang,omitempty"`
	Lag           string     `json:"lag,omitempty"`
	Delay         string     `json:"delay,omitempty"`
	Script        []Scripted `json:"script,omitempty"`
}

func (c *control) getFaults(m Market, _ *http.Request) (any, error) {
	in := c.in[m.Channel()]
	if in == nil {
		return nil, refuse(http.StatusNotFound, "%s runs without faults", m.Channel())
	}
	f := in.Faults()
	return map[string]any{
		"faults": faultsBody{
			RateLimited: f.RateLimited, ServerError: f.ServerError, TimeoutBefore: f.TimeoutBefore, TimeoutAfter: f.TimeoutAfter,
			Stale: f.Stale, Lost: f.Lost, Duplicated: f.Duplicated, Late: f.Late, FailRows: f.FailRows,
			Hang: f.Hang.String(), Lag: f.Lag.String(), Delay: f.Delay.String(), Script: f.Script,
		},
		"caused": in.Stats(),
	}, nil
}

func (c *control) setFaults(m Market, r *http.Request) (any, error) {
	in := c.in[m.Channel()]
	if in == nil {
		return nil, refuse(http.StatusNotFound, "%s runs without faults", m.Channel())
	}
	var body faultsBody
	if err := decodeControl(r, &body); err != nil {
		return nil, err
	}
	f, err := body.faults()
	if err != nil {
		return nil, err
	}
	in.Set(f)
	return c.getFaults(m, r)
}

func (b faultsBody) faults() (Faults, error) {
	if b.Level != "" {
		f, ok := FaultLevel(b.Level)
		if !ok {
			return f, refuse(http.StatusBadRequest, "level %q is not known; known: none, light, hard", b.Level)
		}
		return f, nil
	}
	f := Faults{
		RateLimited: b.RateLimited, ServerError: b.ServerError, TimeoutBefore: b.TimeoutBefore, TimeoutAfter: b.TimeoutAfter,
		Stale: b.Stale, Lost: b.Lost, Duplicated: b.Duplicated, Late: b.Late, FailRows: b.FailRows, Script: b.Script,
	}
	for name, v := range map[string]float64{
		"rate_limited": f.RateLimited, "server_error": f.ServerError, "timeout_before": f.TimeoutBefore, "timeout_after": f.TimeoutAfter,
		"stale": f.Stale, "lost": f.Lost, "duplicated": f.Duplicated, "late": f.Late, "fail_rows": f.FailRows,
	} {
		if v < 0 || v > 1 {
			return f, refuse(http.StatusBadRequest, "%s: %v is not a share; allowed: 0 to 1", name, v)
		}
	}
	for name, d := range map[string]struct {
		text string
		into *time.Duration
	}{"hang": {b.Hang, &f.Hang}, "lag": {b.Lag, &f.Lag}, "delay": {b.Delay, &f.Delay}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil || v < 0 || v > time.Minute {
			return f, refuse(http.StatusBadRequest, "%s: %q is not a duration; allowed: like 300ms, up to 1m", name, d.text)
		}
		*d.into = v
	}
	return f, nil
}

func (c *control) notify(m Market, r *http.Request) (any, error) {
	var body struct {
		URL string `json:"url"`
	}
	if err := decodeControl(r, &body); err != nil {
		return nil, err
	}
	if body.URL != "" {
		if u, err := url.Parse(body.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, refuse(http.StatusBadRequest, "url %q is not an address like http://127.0.0.1:8080/hooks/...; \"\" turns notifications off", body.URL)
		}
	}
	m.Notify(body.URL)
	return map[string]string{"url": body.URL}, nil
}
