// Package server puts the hub behind one HTTP address: the REST API, the
// webhooks of the channels, the control panel, health and metrics. It holds no logic of its own:
// limits, headers and routes only.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/onec"
	"github.com/orderhub/orderhub/panel"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/pipeline"
)

// Options set up a Server.
type Options struct {
	Hub     *pipeline.Hub
	Log     *slog.Logger
	Version string
	// TrustedProxies are networks whose X-Forwarded-For is believed: the last
	// address that such a proxy appended is the sender.
	TrustedProxies []netip.Prefix
	// Rate is how many requests per second a caller may make, see
	// api.Options; 0 = 50, -1 = no limit.
	Rate float64
	// People lets callers in; nil = with the usual settings.
	People *people.People
	// PublicURL is where people open the hub, "" = unknown.
	PublicURL string
	// OpenSetup: see api.Options.
	OpenSetup bool
	// Panel answers every address that is nobody else's; nil = the panel that is
	// built into the binary.
	Panel http.Handler
	// OnecDir keeps what 1C uploads; "" = there is no exchange with 1C.
	OnecDir string
}

// Server is the hub's HTTP face.
type Server struct {
	opts    Options
	handler http.Handler
	api     *api.API
	// public is the parsed PublicURL.
	public *url.URL
	onec   *onec.Handler // nil = there is none
}

// New makes a Server.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: opts}
	if u, err := url.Parse(opts.PublicURL); err == nil && u.Host != "" {
		s.public = u
	}
	mux := http.NewServeMux()
	s.api = api.Register(mux, api.Options{
		Hub: opts.Hub, Log: opts.Log, Version: opts.Version, Rate: opts.Rate, People: opts.People, Sender: s.sender, Secure: s.secure,
		PublicURL: opts.PublicURL, OpenSetup: opts.OpenSetup,
	})
	mux.HandleFunc("POST /hooks/{account}/{key}", s.hook)
	mux.HandleFunc("POST /hooks/{account}/{key}/{rest...}", s.hook) // Yandex Market appends /notification
	// The panel answers what is left over; an address that takes messages is not.
	mux.HandleFunc("/hooks/{account}/{key}", onlyPost)
	mux.HandleFunc("/hooks/{account}/{key}/{rest...}", onlyPost)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", metrics(opts.Hub, opts.Log))
	if opts.Panel == nil {
		opts.Panel = panel.Handler(opts.Version)
	}
	mux.Handle("/", opts.Panel)
	if opts.OnecDir != "" {
		s.onec = onec.New(onec.Options{Site: opts.Hub, Dir: opts.OnecDir, Log: opts.Log, Now: opts.Hub.Store().Now, Sender: s.sender})
		mux.Handle("/1c/exchange", s.onec)
		mux.Handle("/bitrix/admin/1c_exchange.php", s.onec) // where 1C looks when it is told no path
	}
	s.handler = s.recover(s.headers(compress(mux)))
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers on a listener until ctx ends, then lets running requests finish.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// Requests that wait for news (GET /stock?wait=30) are told to come back when
	// the hub stops.
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	srv := &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		Handler:     s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(s.api.EndStreams)
	if s.opts.People != nil {
		go s.tidy(base)
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		time.AfterFunc(5*time.Second, end)
		err := srv.Shutdown(grace)
		s.api.Flush(grace)
		stopped <- err
	}()
	if s.onec != nil {
		defer s.onec.Close()
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// tidyEvery is between two times that what is over is forgotten.
const tidyEvery = time.Hour

// tidy forgets ended sessions and the old end of the audit log.
func (s *Server) tidy(ctx context.Context) {
	for {
		if err := s.opts.People.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.opts.Log.Warn("forgetting ended sessions failed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tidyEvery):
		}
	}
}

// headers sets what every answer carries.
func (s *Server) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "geolocation=(), microphone=(), payment=(), usb=()") // the camera scans barcodes
		if s.secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recover turns a panic into a 500 with nothing of the inside in it.
func (s *Server) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.opts.Log.Error("request panicked", "method", r.Method, "panic", p, "trace", string(debug.Stack()))
			const sentence = "something went wrong inside the hub; the log has the details"
			if strings.HasPrefix(r.URL.Path, "/api/") {
				api.WriteProblem(w, http.StatusInternalServerError, sentence)
				return
			}
			writeText(w, http.StatusInternalServerError, sentence)
		}()
		next.ServeHTTP(w, r)
	})
}

// hook takes a message of a channel. Here every channel has the same limit: which
// channel it is, only who knows the key may learn. The channel's own limit is the
// pipeline's to keep.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, pipeline.WebhookLimit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			writeText(w, http.StatusRequestEntityTooLarge, "the message is larger than 1 MiB")
			return
		}
		writeText(w, http.StatusBadRequest, "the message broke off")
		return
	}
	reply, err := s.opts.Hub.ReceiveWebhook(r.Context(), r.PathValue("account"), r.PathValue("key"), r, body, s.sender(r))
	if err != nil {
		writeText(w, hookStatus(err), pipeline.Sentence(err))
		return
	}
	writeReply(w, reply)
}

// onlyPost refuses what is no message.
func onlyPost(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	writeText(w, http.StatusMethodNotAllowed, "this address takes POST")
}

func writeReply(w http.ResponseWriter, reply channel.Reply) {
	if reply.ContentType != "" {
		w.Header().Set("Content-Type", reply.ContentType)
	}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

// secure tells whether a request came by https: to the hub itself, to a trusted
// proxy that says so, or to the hub's public address.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if s.public != nil && s.public.Scheme == "https" && strings.EqualFold(r.Host, s.public.Host) {
		return true
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && s.trusted(from.Addr().Unmap()) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// sender is the address a message came from, behind a trusted proxy the one
// that the proxy appended. What a trusted proxy appended and nobody can read is
// nobody's address, not the proxy's.
func (s *Server) sender(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().Unmap()
	if !s.trusted(addr) {
		return addr
	}
	forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	if strings.TrimSpace(forwarded) == "" {
		return addr
	}
	list := strings.Split(forwarded, ",")
	for i := len(list) - 1; i >= 0; i-- {
		a, err := parseForwarded(strings.TrimSpace(list[i]))
		if err != nil {
			return netip.Addr{}
		}
		addr = a.Unmap()
		if !s.trusted(addr) {
			break
		}
	}
	return addr
}

// parseForwarded reads an address; some proxies write the port with it.
func parseForwarded(text string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(text, "[]"))
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.opts.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// healthz says that the process lives.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") }

// readyz says that the hub can take orders: the database answers.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	if err := s.opts.Hub.Store().Ping(ctx); err != nil {
		s.opts.Log.Error("not ready", "error", err.Error())
		writeText(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	writeText(w, http.StatusOK, "ready")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text, and nosniff forbids to take it for anything else
}

// metrics serves what can be told; while the database is away that is less.
func metrics(hub *pipeline.Hub, log *slog.Logger) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(hub.Metrics(), backlog{hub}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}
