package onec

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
)

// What one session may upload. maxPart caps one request: some clients do not cut
// their files as they are told.
const (
	maxPart    = 256 << 20
	maxFile    = 1 << 30
	maxSession = 2 << 30
	maxFiles   = 2000
	maxRatio   = 200     // of an archive: unpacked to packed
	minRatio   = 1 << 20 // below this size nobody looks at the ratio
)

// session is the folder of a session and what is done with its files.
type session struct {
	dir string

	mu    sync.Mutex
	names map[string]string // name → path, of what is whole or still grows
	bytes int64
	jobs  map[string]*job
	zips  map[string]int64 // archives that were unpacked, at which size
}

// session gives the state of a session; its files survive the process.
func (h *Handler) session(id int64) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[id]
	if s == nil {
		s = &session{dir: filepath.Join(h.opts.Dir, strconv.FormatInt(id, 10)), names: map[string]string{}, jobs: map[string]*job{}, zips: map[string]int64{}}
		s.load()
		h.sessions[id] = s
	}
	return s
}

// forget drops sessions that are over.
func (h *Handler) forget(ids []int64) {
	for _, id := range ids {
		h.mu.Lock()
		delete(h.sessions, id)
		h.mu.Unlock()
		if err := os.RemoveAll(filepath.Join(h.opts.Dir, strconv.FormatInt(id, 10))); err != nil {
			h.opts.Log.Warn("1C: files of an ended session stay", "session", id, "error", err.Error())
		}
	}
}

// sweepFolders drops the folders of sessions that ended while nobody looked.
func (h *Handler) sweepFolders() {
	list, err := os.ReadDir(h.opts.Dir)
	if err != nil || len(list) == 0 {
		return
	}
	live, err := h.opts.Site.OnecSessions(h.ctx)
	if err != nil {
		h.opts.Log.Warn("1C: old files stay", "error", err.Error())
		return
	}
	for _, e := range list {
		if id, err := strconv.ParseInt(e.Name(), 10, 64); err == nil && e.IsDir() && !slices.Contains(live, id) {
			h.forget([]int64{id})
		}
	}
}

// The name of a file is kept beside it: on disk it has another one, so that no
// name of a client ever becomes a path.
const nameSuffix = ".name"

func (s *session) load() {
	list, err := filepath.Glob(filepath.Join(s.dir, "*"+nameSuffix))
	if err != nil {
		return
	}
	for _, at := range list {
		name, err := os.ReadFile(at) //nolint:gosec // our own folder
		file := strings.TrimSuffix(at, nameSuffix)
		info, statErr := os.Stat(file)
		if err == nil && statErr == nil {
			s.names[string(name)] = file
			s.bytes += info.Size()
		}
	}
}

// clear drops the files of the session.
func (s *session) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if !j.ended() {
			return orderhub.Errorf(orderhub.CodeConflict, "Загрузка файла этой сессии ещё идёт.")
		}
	}
	s.names, s.jobs, s.zips, s.bytes = map[string]string{}, map[string]*job{}, map[string]int64{}, 0
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("clear the folder of a session: %w", err)
	}
	return nil
}

// fileName is the name under which a file is known: the base name, whatever path
// the client wrote. keep is false for what the hub does not keep (pictures).
func fileName(raw string) (name string, keep bool, err error) {
	bad := orderhub.InvalidField("filename", "недопустимое имя файла")
	p := strings.ReplaceAll(raw, `\`, "/")
	if p == "" || len(p) > 500 || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false, bad
	}
	if slices.Contains(strings.Split(p, "/"), "..") {
		return "", false, bad
	}
	name = path.Base(p)
	if name == "." || name == "/" || len(name) > 200 {
		return "", false, bad
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".xml", ".zip":
		return name, !strings.Contains(p, "import_files/"), nil
	}
	return name, false, nil
}

// place makes a place on disk for a file.
func (s *session) place(name string) (string, error) {
	if at := s.names[name]; at != "" {
		return at, nil
	}
	if len(s.names) >= maxFiles {
		return "", orderhub.Errorf(orderhub.CodeTooLarge, "В одной сессии больше %d файлов.", maxFiles)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of a session: %w", err)
	}
	sum := sha256.Sum256([]byte(name))
	at := filepath.Join(s.dir, hex.EncodeToString(sum[:12]))
	if err := os.WriteFile(at+nameSuffix, []byte(name), 0o600); err != nil {
		return "", fmt.Errorf("keep a file: %w", err)
	}
	s.names[name] = at
	return at, nil
}

func partTooLarge() error {
	return orderhub.Errorf(orderhub.CodeTooLarge, "Часть файла больше %d МБ; уменьшите размер части в настройках обмена.", maxPart>>20)
}

// add appends a part to a file. A part that breaks off is taken back.
func (s *session) add(name string, part io.Reader) (err error) {
	at, err := s.place(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the path is a digest
	if err != nil {
		return fmt.Errorf("keep a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("keep a file: %w", err)
	}
	room := min(maxFile-size, maxSession-s.bytes)
	n, err := io.Copy(f, io.LimitReader(part, room+1))
	if err == nil && n <= room {
		s.bytes += n
		return nil
	}
	if back := f.Truncate(size); back != nil {
		return fmt.Errorf("take back a part of a file: %w", back)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return partTooLarge()
	case err != nil:
		return orderhub.Errorf(orderhub.CodeInvalid, "Передача файла оборвалась; повторите.")
	}
	return orderhub.Errorf(orderhub.CodeTooLarge, "Файл больше %d МБ или файлы сессии больше %d МБ вместе.", maxFile>>20, maxSession>>20)
}

// file takes a part of a file. Orders are read as soon as they are whole: many
// clients never ask for their import.
func (h *Handler) file(q *request) {
	name, keep, err := fileName(q.name)
	if err != nil {
		h.fail(q, "Недопустимое имя файла.")
		return
	}
	// A large part on a slow line takes longer than other requests may.
	_ = http.NewResponseController(q.writer).SetReadDeadline(time.Now().Add(15 * time.Minute))
	body := http.MaxBytesReader(q.writer, q.http.Body, maxPart)
	if !keep {
		if _, err := io.Copy(io.Discard, body); err != nil {
			h.fail(q, "Передача файла оборвалась или он слишком велик.")
			return
		}
		h.say(q, "success")
		return
	}
	if q.http.ContentLength > maxPart {
		h.failErr(q, partTooLarge()) // nothing of it is read
		return
	}
	s := h.session(q.session.ID)
	s.mu.Lock()
	j := s.jobs[name]
	if j != nil && !j.ended() {
		s.mu.Unlock()
		h.fail(q, "Этот файл как раз загружается.")
		return
	}
	delete(s.jobs, name)
	err = s.add(name, body)
	at := s.names[name]
	s.mu.Unlock()
	if err != nil {
		h.failErr(q, err)
		return
	}
	if q.kind == "sale" && h.whole(name, at) {
		h.ordersNow(q, s, name)
		return
	}
	h.say(q, "success")
}

// whole tells whether a file may be complete: of an archive the directory can be
// read, of XML the last byte closes an element.
func (h *Handler) whole(name, at string) bool {
	if strings.EqualFold(path.Ext(name), ".zip") {
		z, err := zip.OpenReader(at)
		if err != nil {
			return false
		}
		_ = z.Close()
		return true
	}
	f, err := os.Open(at) //nolint:gosec // the path is a digest
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	tail := make([]byte, min(info.Size(), 256))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return false
	}
	return strings.HasSuffix(strings.TrimRight(string(tail), " \t\r\n\x00"), ">")
}

// unpack takes the XML files out of the archives of the session. An archive that
// is not whole yet is left.
func (s *session) unpack() error {
	for name, at := range s.names {
		if !strings.EqualFold(path.Ext(name), ".zip") {
			continue
		}
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("look at an archive: %w", err)
		}
		if s.zips[name] == info.Size() {
			continue
		}
		if err := s.unzip(at); err != nil {
			return err
		}
		s.zips[name] = info.Size()
	}
	return nil
}

func (s *session) unzip(at string) error {
	z, err := zip.OpenReader(at)
	if err != nil {
		return orderhub.Errorf(orderhub.CodeInvalid, "Архив оборван или испорчен.")
	}
	defer func() { _ = z.Close() }()
	if len(z.File) > maxFiles {
		return orderhub.Errorf(orderhub.CodeTooLarge, "В архиве больше %d файлов.", maxFiles)
	}
	seen := map[string]bool{}
	for _, f := range z.File {
		if f.Mode()&fs.ModeType != 0 || strings.HasSuffix(f.Name, "/") {
			continue
		}
		name, keep, err := fileName(f.Name)
		if err != nil {
			return orderhub.Errorf(orderhub.CodeInvalid, "В архиве недопустимое имя файла.")
		}
		if !keep || !strings.EqualFold(path.Ext(name), ".xml") {
			continue
		}
		if seen[name] {
			return orderhub.Errorf(orderhub.CodeInvalid, "В архиве два файла с одним именем.")
		}
		seen[name] = true
		if err := s.take(f, name); err != nil {
			return err
		}
	}
	return nil
}

// take writes one entry of an archive, as far as it is what it says it is.
func (s *session) take(f *zip.File, name string) error {
	bomb := orderhub.Errorf(orderhub.CodeTooLarge, "Архив распаковывается во много раз больше своего размера; такой не принимается.")
	if f.UncompressedSize64 > minRatio && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
		return bomb
	}
	r, err := f.Open()
	if err != nil {
		return orderhub.Errorf(orderhub.CodeInvalid, "Архив испорчен.")
	}
	defer func() { _ = r.Close() }()
	if at := s.names[name]; at != "" {
		if info, err := os.Stat(at); err == nil {
			s.bytes -= info.Size()
		}
		if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replace a file: %w", err)
		}
	}
	// The sizes of the directory are the sender's word; what is read is counted.
	counted := &counter{r: r, left: int64(max(minRatio, f.CompressedSize64*maxRatio)), bomb: bomb}
	err = s.add(name, counted)
	switch {
	case counted.over:
		return bomb
	case counted.broke:
		return orderhub.Errorf(orderhub.CodeInvalid, "Архив испорчен; передайте его ещё раз.")
	}
	return err
}

type counter struct {
	r    io.Reader
	left int64
	bomb error
	over bool
	// broke tells that the archive could not be read on.
	broke bool
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		c.over = true
		return n, c.bomb
	}
	c.broke = err != nil && !errors.Is(err, io.EOF)
	return n, err
}
