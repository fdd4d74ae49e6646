package onec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
)

// job is the reading of one file, which goes on while 1C asks how far it is.
type job struct {
	progress orderhub.OnecProgress
	done     chan struct{}
	// err is what went wrong; read it after done.
	err error
}

func (j *job) ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// importFile starts the reading of a file, or tells how far it is. A file that
// was read already is not read again.
func (h *Handler) importFile(q *request) {
	name, _, err := fileName(q.name)
	if err != nil {
		h.fail(q, "Недопустимое имя файла.")
		return
	}
	s := h.session(q.session.ID)
	j, err := h.start(q, s, name)
	if err != nil {
		h.failErr(q, err)
		return
	}
	if j == nil {
		h.say(q, "success")
		return
	}
	timer := time.NewTimer(h.opts.Hold)
	defer timer.Stop()
	select {
	case <-j.done:
	case <-timer.C:
		h.say(q, fmt.Sprintf("progress\nПрочитано строк: %d, пропущено: %d.", j.progress.Rows(), j.progress.Bad()))
		return
	case <-q.http.Context().Done():
		return
	}
	if j.err != nil {
		h.failErr(q, j.err)
		return
	}
	text := "success"
	if n := j.progress.Rows(); n > 0 {
		text += fmt.Sprintf("\nПрочитано строк: %d, пропущено: %d.", n, j.progress.Bad())
	}
	h.say(q, text)
}

// start finds the job of a file or begins it; nil = it was done before.
func (h *Handler) start(q *request, s *session, name string) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[name]; j != nil && (!j.ended() || j.err == nil) {
		return j, nil
	}
	if s.jobs[name] == nil && s.names[name] == "" {
		// What was read is not kept; the process before may have read it.
		done, err := h.opts.Site.OnecFileDone(q.http.Context(), q.session, name)
		if err != nil || done {
			return nil, err
		}
	}
	if s.names[name] == "" || strings.EqualFold(path.Ext(name), ".zip") {
		if err := s.unpack(); err != nil {
			return nil, err
		}
	}
	if strings.EqualFold(path.Ext(name), ".zip") && s.names[name] != "" {
		return h.startAll(q, s, name), nil
	}
	at := s.names[name]
	if at == "" {
		return nil, orderhub.Errorf(orderhub.CodeNotFound, "Файл %s не загружен: сначала передайте его (mode=file).", clip(name, 60))
	}
	return h.begin(q, s, name, []string{at}), nil
}

// startAll reads all that an archive held, when 1C names the archive itself.
func (h *Handler) startAll(q *request, s *session, name string) *job {
	var files []string
	for inner, at := range s.names {
		if !strings.EqualFold(path.Ext(inner), ".zip") {
			files = append(files, at)
		}
	}
	return h.begin(q, s, name, files)
}

// begin reads files in the background. The session is locked.
func (h *Handler) begin(q *request, s *session, name string, files []string) *job {
	j := &job{done: make(chan struct{})}
	s.jobs[name] = j
	kind, on, node := q.kind, q.session, q.node
	h.work.Go(func() {
		defer close(j.done)
		j.err = h.run(kind, on, node, name, files, j)
		if j.err == nil {
			s.drop(name)
		}
	})
	return j
}

// drop removes a file that was read to its end.
func (s *session) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.names[name]
	if at == "" || strings.EqualFold(path.Ext(name), ".zip") {
		return
	}
	if info, err := os.Stat(at); err == nil {
		s.bytes -= info.Size()
	}
	delete(s.names, name)
	_ = os.Remove(at)
	_ = os.Remove(at + nameSuffix)
}

// run reads files and notes what became of them.
func (h *Handler) run(kind string, s orderhub.OnecSession, n orderhub.OnecNode, name string, files []string, j *job) error {
	note := orderhub.OnecFile{NodeID: n.ID, Session: s.ID, Name: name, State: orderhub.OnecFileRunning, StartedAt: h.opts.Now()}
	if err := h.opts.Site.OnecFile(h.ctx, note); err != nil {
		return err
	}
	var err error
	for _, at := range files {
		if err = h.read(kind, s, n, name, at, j, &note); err != nil {
			break
		}
	}
	note.State, note.FinishedAt, note.Bad = orderhub.OnecFileDone, h.opts.Now(), j.progress.Bad()
	note.Rows = j.progress.Rows()
	if err != nil {
		note.State, note.Error = orderhub.OnecFileFailed, h.sentence(n.ID, "import", err)
	}
	h.opts.Log.Info("1C: file read", "node", n.ID, "session", s.ID, "type", kind, "name", clip(name, 60), "state", string(note.State), "rows", note.Rows, "bad", note.Bad)
	return errors.Join(err, h.opts.Site.OnecFile(context.WithoutCancel(h.ctx), note))
}

func (h *Handler) read(kind string, s orderhub.OnecSession, n orderhub.OnecNode, name, at string, j *job, note *orderhub.OnecFile) error {
	f, err := os.Open(at) //nolint:gosec // the path is a digest
	if err != nil {
		return fmt.Errorf("open a file of 1C: %w", err)
	}
	defer func() { _ = f.Close() }()
	if kind == "catalog" {
		bad, err := h.opts.Site.OnecGoods(h.ctx, n, name, f, &j.progress)
		note.Report = append(note.Report, bad...)
		return err
	}
	read, err := h.opts.Site.OnecDocuments(h.ctx, s, n, f)
	for range read {
		j.progress.AddRow()
	}
	return err
}

// ordersNow reads a file of orders that may be whole, and answers. One that turns
// out to break off waits for its next part.
func (h *Handler) ordersNow(q *request, s *session, name string) {
	s.mu.Lock()
	var err error
	files := []string{s.names[name]}
	if strings.EqualFold(path.Ext(name), ".zip") {
		files = nil
		if err = s.unpack(); err == nil {
			for inner, at := range s.names {
				if strings.EqualFold(path.Ext(inner), ".xml") {
					files = append(files, at)
				}
			}
		}
	}
	if err != nil {
		s.mu.Unlock()
		h.failErr(q, err)
		return
	}
	j := h.begin(q, s, name, files)
	s.mu.Unlock()
	<-j.done
	switch {
	case errors.Is(j.err, cml.ErrTruncated):
		s.mu.Lock()
		if s.jobs[name] == j {
			delete(s.jobs, name)
		}
		s.mu.Unlock()
		h.say(q, "success")
	case j.err != nil:
		h.failErr(q, j.err)
	default:
		h.say(q, "success")
	}
}
