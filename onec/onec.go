// Package onec is the site's end of 1C's «Обмен с сайтом»: the HTTP dialogue in
// which a 1C logs in, fetches orders and sends orders, goods and stock. It knows
// the words of the dialogue and keeps uploaded files; what orders there are, and
// what a file means, it asks the hub through Site. It knows no database.
package onec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
)

// Site is the hub behind the dialogue.
type Site interface {
	OnecLogin(ctx context.Context, login, password string) (token string, s orderhub.OnecSession, ended []int64, ok bool, err error)
	OnecSession(ctx context.Context, token string) (s orderhub.OnecSession, n orderhub.OnecNode, ok bool, err error)
	OnecSessions(ctx context.Context) ([]int64, error)
	OnecQuery(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode) ([]byte, error)
	OnecSuccess(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode) error
	OnecDocuments(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode, file io.Reader) (int64, error)
	OnecGoods(ctx context.Context, n orderhub.OnecNode, name string, file io.Reader, p *orderhub.OnecProgress) ([]orderhub.OnecBadRow, error)
	OnecFile(ctx context.Context, f orderhub.OnecFile) error
	OnecFileDone(ctx context.Context, s orderhub.OnecSession, name string) (bool, error)
	OnecFailed(ctx context.Context, nodeID int64, sentence string) error
}

// Options set up a Handler.
type Options struct {
	Site Site
	// Dir keeps uploaded files, a folder for each session.
	Dir string
	Log *slog.Logger
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Sender tells who sent a request; nil = whoever is connected.
	Sender func(*http.Request) netip.Addr
	// Hold is how long an answer waits for an import to end before it says
	// progress; 0 = 1.5 s.
	Hold time.Duration
}

// Handler answers 1C. Close it to end imports that run.
type Handler struct {
	opts   Options
	doors  *doors
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	sessions map[int64]*session
}

// New makes a Handler and clears away the files of sessions that are no more.
func New(opts Options) *Handler {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Hold == 0 {
		opts.Hold = 1500 * time.Millisecond
	}
	h := &Handler{opts: opts, doors: newDoors(opts.Now), sessions: map[int64]*session{}}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.sweepFolders()
	return h
}

// Close ends what runs in the background; it goes on when 1C asks again.
func (h *Handler) Close() {
	h.cancel()
	h.work.Wait()
}

// cookieName is the cookie that 1C is told to send.
const cookieName = "orderhub_1c"

// request is one request of 1C.
type request struct {
	http    *http.Request
	writer  http.ResponseWriter
	kind    string // type: sale, catalog
	mode    string
	name    string // filename, as it came
	version string
	sessid  string
	session orderhub.OnecSession
	node    orderhub.OnecNode
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{http: r, writer: w}
	args := queryOf(r.URL.RawQuery)
	q.kind, q.mode = strings.ToLower(args["type"]), strings.ToLower(args["mode"])
	q.name, q.version, q.sessid = args["filename"], args["version"], args["sessid"]
	if q.mode == "checkauth" {
		h.checkauth(q)
		return
	}
	if !h.open(q) {
		return
	}
	if r.Method != http.MethodPost && (q.mode == "file" || r.Method != http.MethodGet) {
		h.fail(q, "Неверный метод запроса: файлы передаются методом POST, всё остальное — GET.")
		return
	}
	h.answer(q)
}

// queryOf reads the query as 1C writes it: names of files are put in without
// escaping. What cannot be unescaped stays as it is.
func queryOf(raw string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(part, "=")
		if plain, err := url.PathUnescape(v); err == nil {
			v = plain
		}
		if _, twice := out[k]; !twice && len(out) < 20 {
			out[k] = v
		}
	}
	return out
}

// checkauth is the login.
func (h *Handler) checkauth(q *request) {
	login, password, given := q.http.BasicAuth()
	sender := h.sender(q.http)
	if !given {
		h.refuse(q, "Укажите имя пользователя и пароль узла обмена.")
		return
	}
	if !h.doors.mayTry(sender, login) {
		h.refuse(q, "Слишком много неверных попыток входа. Повторите через минуту.")
		return
	}
	token, s, ended, ok, err := h.opts.Site.OnecLogin(q.http.Context(), login, password)
	h.forget(ended)
	if err != nil {
		if q.http.Context().Err() == nil {
			h.opts.Log.Error("1C: login failed", "error", err.Error())
		}
		h.say(q, "failure\n"+internal)
		return
	}
	h.doors.tried(sender, login, ok)
	if !ok {
		h.opts.Log.Warn("1C: wrong login", "sender", sender.String())
		h.refuse(q, "Неверное имя пользователя или пароль.")
		return
	}
	lines := []string{"success", cookieName, token, "sessid=" + sessidOf(token)}
	if q.kind == "catalog" {
		lines = append(lines, "timestamp="+strconv.FormatInt(h.opts.Now().Unix(), 10))
	}
	h.opts.Log.Info("1C: logged in", "node", s.NodeID, "session", s.ID, "type", clip(q.kind, 20))
	h.say(q, strings.Join(lines, "\n"))
}

// sessidOf is the session's name in addresses, which land in logs: it must not be
// what opens the session.
func sessidOf(token string) string {
	sum := sha256.Sum256([]byte("sessid " + token))
	return hex.EncodeToString(sum[:16])
}

// open finds the session of a request.
func (h *Handler) open(q *request) bool {
	const again = "Сессия не найдена или закончилась. Войдите заново (mode=checkauth)."
	cookie, err := q.http.Cookie(cookieName)
	if err != nil || cookie.Value == "" {
		h.say(q, "failure\n"+again)
		return false
	}
	var ok bool
	q.session, q.node, ok, err = h.opts.Site.OnecSession(q.http.Context(), cookie.Value)
	switch {
	case err != nil:
		h.opts.Log.Error("1C: the session cannot be read", "error", err.Error())
		h.say(q, "failure\n"+internal)
	case !ok:
		h.say(q, "failure\n"+again)
	case q.sessid == "" && q.node.Settings.DemandSession:
		h.say(q, "failure\nВ адресе нет sessid, а узел его требует. Включите в настройках обмена 1С использование идентификатора сессии.")
	case q.sessid != "" && q.sessid != sessidOf(cookie.Value):
		h.say(q, "failure\nНеверный sessid. Войдите заново (mode=checkauth).")
	default:
		return true
	}
	return false
}

// answer is the switch over modes.
func (h *Handler) answer(q *request) {
	if q.kind != "sale" && q.kind != "catalog" {
		h.fail(q, "Неизвестный вид обмена type="+clip(q.kind, 20)+"; есть sale и catalog.")
		return
	}
	switch q.mode {
	case "init":
		h.init(q)
	case "file":
		h.file(q)
	case "import":
		h.importFile(q)
	case "deactivate", "complete":
		h.say(q, "success")
	case "query", "success", "info":
		if q.kind != "sale" {
			h.fail(q, "Режим mode="+q.mode+" есть только у type=sale.")
			return
		}
		h.sale(q)
	default:
		h.fail(q, "Неизвестный режим mode="+clip(q.mode, 20)+".")
	}
}

// sale answers what only orders have.
func (h *Handler) sale(q *request) {
	ctx := q.http.Context()
	switch q.mode {
	case "query":
		body, err := h.opts.Site.OnecQuery(ctx, q.session, q.node)
		if err != nil {
			h.failErr(q, err)
			return
		}
		h.xml(q, body)
	case "success":
		if err := h.opts.Site.OnecSuccess(ctx, q.session, q.node); err != nil {
			h.failErr(q, err)
			return
		}
		h.say(q, "success")
	case "info":
		body, err := wordsOf(q.node.Settings)
		if err != nil {
			h.failErr(q, err)
			return
		}
		h.xml(q, body)
	}
}

// init says in which parts files are to be sent, and drops those that are here.
// УТ wants exactly two lines; those that ask for a version get two more.
func (h *Handler) init(q *request) {
	if err := h.session(q.session.ID).clear(); err != nil {
		h.failErr(q, err)
		return
	}
	text := "zip=no\nfile_limit=" + strconv.FormatInt(q.node.Settings.FileLimit, 10)
	if q.version != "" {
		cookie, err := q.http.Cookie(cookieName)
		if err != nil {
			h.failErr(q, err)
			return
		}
		text += "\nsessid=" + sessidOf(cookie.Value) + "\nversion=" + q.node.Settings.Version
	}
	h.say(q, text)
}

func (h *Handler) sender(r *http.Request) netip.Addr {
	if h.opts.Sender != nil {
		return h.opts.Sender(r)
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// failErr answers a fault: the sentence of a domain error is for people, any other
// text goes to the log.
func (h *Handler) failErr(q *request, err error) {
	if errors.Is(err, context.Canceled) && q.http.Context().Err() != nil {
		return // nobody listens any more
	}
	h.fail(q, h.sentence(q.node.ID, q.mode, err))
}

func (h *Handler) sentence(node int64, mode string, err error) string {
	var told *orderhub.Error
	if errors.As(err, &told) && told.Code != orderhub.CodeUnavailable {
		return told.Sentence
	}
	h.opts.Log.Error("1C: a request failed", "node", node, "mode", mode, "error", err.Error())
	return internal
}

// fail answers failure with a reason, and shows it at the node.
func (h *Handler) fail(q *request, reason string) {
	h.opts.Log.Warn("1C: failure answered", "node", q.node.ID, "session", q.session.ID, "type", clip(q.kind, 20), "mode", clip(q.mode, 20), "reason", reason)
	if q.node.ID != 0 {
		if err := h.opts.Site.OnecFailed(context.WithoutCancel(q.http.Context()), q.node.ID, fmt.Sprintf("%s, %s: %s", clip(q.kind, 20), clip(q.mode, 20), reason)); err != nil {
			h.opts.Log.Error("1C: the failure cannot be noted", "node", q.node.ID, "error", err.Error())
		}
	}
	h.say(q, "failure\n"+reason)
}
