package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/filebox"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// filesLane exchanges files with one folder or server.
func filesLane(id int64) jobs.Lane {
	return jobs.Lane{Work: jobs.WorkFiles, Account: "files", Feed: strconv.FormatInt(id, 10)}
}

const (
	maxFileExchanges = 20
	// filesTimeout is how long one round may take.
	filesTimeout = 5 * time.Minute
	// restFor is how old a file must be: a younger one may still be written.
	restFor = 5 * time.Second
)

// SaveFileExchange adds an exchange of files or changes one. Secrets that are empty
// stay as they were.
func (h *Hub) SaveFileExchange(ctx context.Context, id int64, change func(x *orderhub.FileExchange)) (out orderhub.FileExchange, err error) {
	x := orderhub.FileExchange{State: orderhub.FilesActive, Settings: orderhub.FileSettings{Every: 15}}
	if id != 0 {
		if x, err = h.store.FileExchange(ctx, id); err != nil {
			return x, err
		}
	}
	change(&x)
	if err := h.checkFileExchange(ctx, &x); err != nil {
		return x, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		out = x
		if id == 0 {
			if out.Position, err = tx.LastEvent(ctx); err != nil {
				return err
			}
		} else {
			now, err := tx.LockFileExchange(ctx, id)
			if err != nil {
				return err
			}
			out.Position, out.RanAt, out.Error, out.FailingSince = now.Position, now.RanAt, now.Error, now.FailingSince
		}
		out.NextAt = time.Time{}
		return tx.SaveFileExchange(ctx, &out)
	})
	return out, err
}

// RemoveFileExchange ends an exchange of files; the files stay where they are.
func (h *Hub) RemoveFileExchange(ctx context.Context, id int64) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		x, err := tx.LockFileExchange(ctx, id)
		if err != nil {
			return err
		}
		x.State, x.Settings = orderhub.FilesRemoved, orderhub.FileSettings{}
		return tx.SaveFileExchange(ctx, &x)
	})
}

func (h *Hub) checkFileExchange(ctx context.Context, x *orderhub.FileExchange) error {
	var err error
	if x.Name, err = checkName(x.Name); err != nil {
		return err
	}
	s := &x.Settings
	switch {
	case s.Every < 1 || s.Every > 24*60:
		return orderhub.InvalidField("every_minutes", "want 1 to 1440")
	case s.Orders != "" && !slices.Contains([]string{"csv", "xlsx", "json"}, s.Orders):
		return orderhub.InvalidField("orders", "%.20q is no format; allowed: csv, xlsx, json", clean(s.Orders))
	case x.State != orderhub.FilesActive && x.State != orderhub.FilesPaused:
		return orderhub.InvalidField("state", "want active or paused")
	}
	list, err := h.store.FileExchanges(ctx)
	if err != nil {
		return err
	}
	if x.ID == 0 && len(list) >= maxFileExchanges {
		return orderhub.Errorf(orderhub.CodeRefused, "there are %d exchanges of files already", len(list))
	}
	switch x.Kind {
	case orderhub.FileFolder:
		if h.exchangeDir == "" {
			return orderhub.InvalidField("kind", "this hub has no folder for the exchange of files: start it with --exchange-dir")
		}
		if err := filebox.CheckName(s.Folder); err != nil {
			return orderhub.InvalidField("folder", "want the name of a folder below %s: %s", "--exchange-dir", err)
		}
		for _, o := range list {
			if o.ID != x.ID && o.Kind == x.Kind && strings.EqualFold(o.Settings.Folder, s.Folder) {
				return orderhub.InvalidField("folder", "%q is another exchange's", clean(s.Folder))
			}
		}
	case orderhub.FileSFTP:
		if err := checkServer(s); err != nil {
			return err
		}
		for _, o := range list {
			if t := o.Settings; o.ID != x.ID && o.Kind == x.Kind && strings.EqualFold(t.Address, s.Address) && t.User == s.User && t.Folder == s.Folder {
				return orderhub.InvalidField("folder", "it is another exchange's: both would take the same files")
			}
		}
	default:
		return orderhub.InvalidField("kind", "%.20q is not known; allowed: folder, sftp", clean(string(x.Kind)))
	}
	return nil
}

func checkServer(s *orderhub.FileSettings) error {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		s.Address = net.JoinHostPort(s.Address, "22")
	}
	if host, _, err := net.SplitHostPort(s.Address); err != nil || host == "" {
		return orderhub.InvalidField("address", "want host or host:port")
	}
	if s.User == "" || len(s.User) > 100 {
		return orderhub.InvalidField("user", "want 1 to 100 bytes")
	}
	if s.Password == "" && s.Key == "" {
		return orderhub.InvalidField("password", "want a password or a private key")
	}
	if s.Key != "" {
		if _, err := filebox.ParseKey(s.Key); err != nil {
			return orderhub.InvalidField("key", "%s", err)
		}
	}
	if _, err := filebox.ParseHostKey(s.HostKey); err != nil {
		return orderhub.InvalidField("host_key", "%s", err)
	}
	if len(s.Folder) > 500 || strings.ContainsAny(s.Folder, "\x00\\") || slices.Contains(strings.Split(s.Folder, "/"), "..") {
		return orderhub.InvalidField("folder", "want a folder on the server, without ..")
	}
	if s.Folder != "" {
		s.Folder = path.Clean(s.Folder)
	}
	return nil
}

func (h *Hub) openBox(ctx context.Context, x orderhub.FileExchange) (filebox.Box, error) {
	s := x.Settings
	switch x.Kind {
	case orderhub.FileFolder:
		if h.exchangeDir == "" {
			return nil, orderhub.Errorf(orderhub.CodeUnavailable, "this hub has no folder for the exchange of files: start it with --exchange-dir")
		}
		return filebox.OpenFolder(h.exchangeDir, s.Folder)
	case orderhub.FileSFTP:
		return filebox.OpenServer(ctx, filebox.Server{Address: s.Address, User: s.User, Password: s.Password, Key: s.Key, HostKey: s.HostKey, Folder: s.Folder},
			h.outward.Dialer(15*time.Second).DialContext)
	}
	return nil, errors.New("unknown kind of exchange: " + string(x.Kind))
}

func (h *Hub) filesOfLane(ctx context.Context, lane jobs.Lane, lease store.Lease) error {
	id, err := strconv.ParseInt(lane.Feed, 10, 64)
	if err != nil {
		return fmt.Errorf("lane %s: %w", lane, err)
	}
	return h.exchangeFiles(ctx, id, lease)
}

// exchangeFiles makes one round with an exchange: takes what came in, then writes out
// the orders that changed.
func (h *Hub) exchangeFiles(ctx context.Context, id int64, lease store.Lease) error {
	x, err := h.store.FileExchange(ctx, id)
	if orderhub.CodeOf(err) == orderhub.CodeNotFound {
		return nil
	}
	if err != nil || x.State != orderhub.FilesActive || x.NextAt.After(h.store.Now()) {
		return err
	}
	round, cancel := context.WithTimeout(ctx, filesTimeout)
	defer cancel()
	box, fault := h.openBox(round, x)
	position := x.Position
	if fault == nil {
		r := filesRound{hub: h, exchange: x, box: box, lease: lease}
		fault = r.takeIn(round)
		if x.Settings.Orders != "" && !errors.Is(fault, store.ErrFenced) {
			// What came in and cannot be taken does not keep the orders back.
			var wrote error
			position, wrote = r.writeOut(round)
			fault = cmp.Or(fault, wrote)
		}
		_ = box.Close()
	}
	if errors.Is(fault, store.ErrFenced) || ctx.Err() != nil {
		return fault
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		now, err := tx.LockFileExchange(ctx, id)
		if err != nil {
			return err
		}
		now.Position, now.RanAt, now.NextAt = position, h.store.Now(), h.store.Now().Add(h.pause(time.Duration(x.Settings.Every)*time.Minute))
		if now.Error = boxFault(fault); fault == nil {
			now.FailingSince = time.Time{}
		} else if now.FailingSince.IsZero() {
			now.FailingSince = now.RanAt
		}
		return tx.SaveFileExchange(ctx, &now)
	})
}

// boxFault says what is wrong with a place of files, without what the other side says.
func boxFault(err error) string {
	var de *orderhub.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &de):
		return Sentence(err)
	case errors.Is(err, filebox.ErrLogin):
		return filebox.ErrLogin.Error()
	}
	if why := whyNot(err); strings.Contains(why, "not public") || strings.Contains(why, "in time") {
		return why
	}
	return "the folder cannot be reached, read or written"
}
