// Package filebox reaches the files of a system that can only exchange files: a folder
// on this machine, or one on an SFTP server. It keeps inside that folder whatever files
// are called, knows no orders and no database.
package filebox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// MaxFile is how large a file may be, MaxList how many of a folder are looked at.
const (
	MaxFile = 64 << 20
	MaxList = 1000
)

// Folders of a box.
const (
	In      = "in"      // what the other side brings
	Out     = "out"     // what it fetches
	Archive = "archive" // what was taken
	Errors  = "errors"  // what was not, and why
)

// Info is a file in a box.
type Info struct {
	Name string
	Size int64
	At   time.Time
}

// Box is a place of files. It is for one goroutine.
type Box interface {
	// List lists the files of a folder, whole ones with fit names only.
	List(dir string) ([]Info, error)
	// Stat tells of one file; fs.ErrNotExist = there is none.
	Stat(dir, name string) (Info, error)
	// Read reads a whole file.
	Read(dir, name string) ([]byte, error)
	// Write writes a file under another name and renames it: nobody finds a half one.
	Write(dir, name string, data []byte) error
	// Move moves a file to another folder, over one that is there.
	Move(from, to, name, as string) error
	Close() error
}

// CheckName refuses names that could lead elsewhere, or are of files that are still
// being written.
func CheckName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 200 || !utf8.ValidString(name):
		return errors.New("a file's name has 1 to 200 bytes of UTF-8")
	case strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("a file's name has no slashes, colons and control characters")
	case name[0] == '.' || name[0] == '~' || strings.HasSuffix(lower, ".tmp") || strings.HasSuffix(lower, ".part") || strings.HasSuffix(lower, ".filepart"):
		return errors.New("a file that is still being written")
	}
	return nil
}

// files is what a folder and a server have in common.
type files interface {
	readDir(dir string) ([]os.FileInfo, error)
	open(name string) (io.ReadCloser, error)
	create(name string) (io.WriteCloser, error)
	rename(from, to string) error
	remove(name string) error
	mkdir(dir string) error
	lstat(name string) (os.FileInfo, error)
	close() error
}

type box struct{ files }

func newBox(f files) (Box, error) {
	for _, dir := range []string{In, Out, Archive, Errors} {
		if info, err := f.lstat(dir); err == nil && info.IsDir() {
			continue
		}
		if err := f.mkdir(dir); err != nil {
			return nil, errors.Join(fmt.Errorf("make the folder %s: %w", dir, err), f.close())
		}
	}
	return box{f}, nil
}

func (b box) Close() error { return b.close() }

func (b box) List(dir string) ([]Info, error) {
	list, err := b.readDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var out []Info
	for _, f := range list {
		if !f.Mode().IsRegular() || CheckName(f.Name()) != nil {
			continue // a link leads elsewhere
		}
		if out = append(out, Info{f.Name(), f.Size(), f.ModTime()}); len(out) == MaxList {
			break
		}
	}
	return out, nil
}

func (b box) Stat(dir, name string) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, err
	}
	f, err := b.lstat(path.Join(dir, name))
	if err != nil {
		return Info{}, fmt.Errorf("look at a file of %s: %w", dir, err)
	}
	return Info{f.Name(), f.Size(), f.ModTime()}, nil
}

// ErrTooLarge tells that a file has more than MaxFile bytes.
var ErrTooLarge = errors.New("the file is larger than 64 MiB")

func (b box) Read(dir, name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	info, err := b.lstat(path.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no plain file")
	}
	f, err := b.open(path.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	if len(data) > MaxFile {
		return nil, ErrTooLarge
	}
	return data, nil
}

func (b box) Write(dir, name string, data []byte) error {
	if err := CheckName(name); err != nil {
		return err
	}
	temp := path.Join(dir, "."+name+".tmp")
	f, err := b.create(temp)
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	_, err = f.Write(data)
	if s, ok := f.(interface{ Sync() error }); ok && err == nil {
		err = s.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = b.rename(temp, path.Join(dir, name))
	}
	if err != nil {
		_ = b.remove(temp)
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

func (b box) Move(from, to, name, as string) error {
	if err := errors.Join(CheckName(name), CheckName(as)); err != nil {
		return err
	}
	if err := b.rename(path.Join(from, name), path.Join(to, as)); err != nil {
		return fmt.Errorf("move to %s: %w", to, err)
	}
	return nil
}

// folder is one on this machine. The root keeps links from leading out of it.
type folder struct{ root *os.Root }

// OpenFolder opens a folder below base. Both are made when they are missing.
func OpenFolder(base, name string) (Box, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(base, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of exchanges: %w", err)
	}
	outer, err := os.OpenRoot(base)
	if err != nil {
		return nil, fmt.Errorf("open the folder of exchanges: %w", err)
	}
	defer func() { _ = outer.Close() }()
	if err := outer.Mkdir(name, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	root, err := outer.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	return newBox(folder{root})
}

func (f folder) readDir(dir string) ([]os.FileInfo, error) {
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	list, err := d.Readdir(10 * MaxList)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, err
}

func (f folder) open(name string) (io.ReadCloser, error) { return f.root.Open(name) }

func (f folder) create(name string) (io.WriteCloser, error) {
	return f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
}

func (f folder) rename(from, to string) error           { return f.root.Rename(from, to) }
func (f folder) remove(name string) error               { return f.root.Remove(name) }
func (f folder) mkdir(dir string) error                 { return f.root.Mkdir(dir, 0o750) }
func (f folder) lstat(name string) (os.FileInfo, error) { return f.root.Lstat(name) }
func (f folder) close() error                           { return f.root.Close() }

// Server is an SFTP server and who is known there.
type Server struct {
	Address  string // host:port
	User     string
	Password string
	// Key is a private key in PEM; "" = by password.
	Key string
	// HostKey is the server's public key as in authorized_keys.
	HostKey string
	// Folder is below the user's home, or absolute.
	Folder string
}

// ParseHostKey reads a server's public key.
func ParseHostKey(text string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, errors.New("want the server's public key like \"ssh-ed25519 AAAA…\" (ssh-keyscan shows it)")
	}
	return key, nil
}

// ParseKey reads a private key.
func ParseKey(pem string) (ssh.Signer, error) {
	key, err := ssh.ParsePrivateKey([]byte(pem))
	if err != nil {
		return nil, errors.New("want a private key in PEM without a passphrase")
	}
	return key, nil
}

// ErrLogin tells that the server did not let the hub in.
var ErrLogin = errors.New("the server does not let the hub in, or is another than its host key says")

// OpenServer connects. dial makes the connection; everything must be over at the
// deadline of ctx.
func OpenServer(ctx context.Context, s Server, dial func(ctx context.Context, network, address string) (net.Conn, error)) (Box, error) {
	host, err := ParseHostKey(s.HostKey)
	if err != nil {
		return nil, err
	}
	cfg := &ssh.ClientConfig{User: s.User, HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: algorithmsOf(host), Timeout: 15 * time.Second}
	if s.Key != "" {
		key, err := ParseKey(s.Key)
		if err != nil {
			return nil, err
		}
		cfg.Auth = append(cfg.Auth, ssh.PublicKeys(key))
	}
	if s.Password != "" {
		cfg.Auth = append(cfg.Auth, ssh.Password(s.Password))
	}
	conn, err := dial(ctx, "tcp", s.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	shell, channels, requests, err := ssh.NewClientConn(conn, s.Address, cfg)
	if err != nil {
		_ = conn.Close()
		return nil, ErrLogin // its text may hold what the server says
	}
	client := ssh.NewClient(shell, channels, requests)
	f, err := sftp.NewClient(client)
	if err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("begin SFTP: %w", err)
	}
	root := s.Folder
	if root == "" {
		root = "."
	}
	return newBox(server{f, client, root})
}

// algorithmsOf are the signatures that a host key can make: RSA keys make better ones
// than their type says.
func algorithmsOf(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

type server struct {
	sftp *sftp.Client
	ssh  *ssh.Client
	root string
}

func (s server) at(name string) string                     { return path.Join(s.root, name) }
func (s server) readDir(dir string) ([]os.FileInfo, error) { return s.sftp.ReadDir(s.at(dir)) }
func (s server) open(name string) (io.ReadCloser, error)   { return s.sftp.Open(s.at(name)) }
func (s server) remove(name string) error                  { return s.sftp.Remove(s.at(name)) }
func (s server) mkdir(dir string) error                    { return s.sftp.MkdirAll(s.at(dir)) }
func (s server) lstat(name string) (os.FileInfo, error)    { return s.sftp.Lstat(s.at(name)) }

// close ends the connection first: a server need not end its side of the talk.
func (s server) close() error {
	err := s.ssh.Close()
	_ = s.sftp.Close()
	return err
}

// create hides the file's Sync: few servers have it.
func (s server) create(name string) (io.WriteCloser, error) {
	f, err := s.sftp.Create(s.at(name))
	if err != nil {
		return nil, err
	}
	return struct{ io.WriteCloser }{f}, nil
}

// rename replaces what is there where the server can do that at once.
func (s server) rename(from, to string) error {
	err := s.sftp.PosixRename(s.at(from), s.at(to))
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = s.sftp.Remove(s.at(to))
	return s.sftp.Rename(s.at(from), s.at(to))
}
