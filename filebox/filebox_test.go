package filebox

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// sftpServer serves a folder of this machine to the user "erp" with the password "pass".
func sftpServer(t *testing.T) (address, hostKey string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ssh.ServerConfig{PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == "erp" && string(password) == "pass" {
			return nil, nil
		}
		return nil, errors.New("no")
	}}
	cfg.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, cfg)
		}
	}()
	return l.Addr().String(), string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
}

func serve(conn net.Conn, cfg *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		srv, err := sftp.NewServer(channel)
		if err != nil {
			return
		}
		go func() { _ = srv.Serve() }()
	}
}

func TestBoxes(t *testing.T) {
	t.Parallel()
	address, hostKey := sftpServer(t)
	dial := (&net.Dialer{}).DialContext
	for name, open := range map[string]func(dir string) (Box, error){
		"folder": func(dir string) (Box, error) { return OpenFolder(dir, "erp") },
		"sftp": func(dir string) (Box, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			t.Cleanup(cancel)
			return OpenServer(ctx, Server{Address: address, User: "erp", Password: "pass", HostKey: hostKey, Folder: filepath.Join(dir, "erp")}, dial)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			box, err := open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer box.Close()
			inside := func(parts ...string) string { return filepath.Join(append([]string{dir, "erp"}, parts...)...) }
			for i, data := range []string{"one", "two"} {
				if err := box.Write(Out, "orders.csv", []byte(data)); err != nil {
					t.Fatalf("%d: %v", i, err)
				}
			}
			if got, err := box.Read(Out, "orders.csv"); err != nil || string(got) != "two" {
				t.Errorf("%q, %v", got, err)
			}
			secret := filepath.Join(dir, "secret")
			for path, data := range map[string]string{secret: "secret", inside("in", "stock.csv"): "sku", inside("in", ".half"): "", inside("in", "x.tmp"): ""} {
				if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(secret, inside("in", "link.csv")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(inside("in", "folder.csv"), 0o700); err != nil {
				t.Fatal(err)
			}
			list, err := box.List(In)
			if err != nil || len(list) != 1 || list[0].Name != "stock.csv" || list[0].Size != 3 {
				t.Errorf("%+v, %v", list, err)
			}
			for _, wrong := range []string{"../secret", "link.csv", "..", "", "a/b", `a\b`, "x.tmp", "folder.csv", strings.Repeat("x", 300)} {
				if got, err := box.Read(In, wrong); err == nil || bytes.Contains(got, []byte("secret")) {
					t.Errorf("%q was read", wrong)
				}
			}
			if err := box.Write(Out, "../x", nil); err == nil {
				t.Error("written outside")
			}
			if err := box.Move(In, Archive, "stock.csv", "1-stock.csv"); err != nil {
				t.Error(err)
			}
			if got, err := os.ReadFile(inside("archive", "1-stock.csv")); err != nil || string(got) != "sku" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestServerMustBeKnown: another host key, or a wrong password, ends before any file.
func TestServerMustBeKnown(t *testing.T) {
	t.Parallel()
	address, hostKey := sftpServer(t)
	_, other := sftpServer(t)
	for name, s := range map[string]Server{
		"host key": {Address: address, User: "erp", Password: "pass", HostKey: other},
		"password": {Address: address, User: "erp", Password: "secret-word", HostKey: hostKey},
	} {
		_, err := OpenServer(t.Context(), s, (&net.Dialer{}).DialContext)
		if !errors.Is(err, ErrLogin) || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenFolder(t.TempDir(), "../etc"); err == nil {
		t.Error("a folder outside")
	}
}
