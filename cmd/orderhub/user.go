package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/store"
)

// peopleFlags say how people sign in.
type peopleFlags struct {
	Idle     time.Duration `help:"How long after its last use a session ends." default:"12h" env:"ORDERHUB_SESSION_IDLE" name:"session-idle"`
	Max      time.Duration `help:"How long after its beginning a session ends in any case." default:"720h" env:"ORDERHUB_SESSION_MAX" name:"session-max"`
	Issuer   string        `help:"A sign-in provider (OpenID Connect): its issuer. The address to tell it is PUBLIC-URL/api/v1/oidc/callback." placeholder:"URL" env:"ORDERHUB_OIDC_ISSUER" name:"oidc-issuer"`
	Name     string        `help:"What stands on the provider's button." placeholder:"TEXT" env:"ORDERHUB_OIDC_NAME" name:"oidc-name"`
	ClientID string        `help:"The hub's id at the provider." placeholder:"TEXT" env:"ORDERHUB_OIDC_CLIENT_ID" name:"oidc-client-id"`
	Secret   string        `help:"The hub's secret at the provider." placeholder:"TEXT" env:"ORDERHUB_OIDC_CLIENT_SECRET" name:"oidc-client-secret"`
	Domains  []string      `help:"Domains of e-mail addresses that may sign in; without them all that the provider knows." placeholder:"example.org" env:"ORDERHUB_OIDC_DOMAINS" name:"oidc-domains"`
	Default  string        `help:"The role of those who come for the first time; without it the owner adds them first." placeholder:"viewer" env:"ORDERHUB_OIDC_DEFAULT_ROLE" name:"oidc-default-role"`
	Claim    string        `help:"The claim that names roles." placeholder:"groups" env:"ORDERHUB_OIDC_ROLE_CLAIM" name:"oidc-role-claim"`
	Roles    []string      `help:"What the claim means, looked at each time." placeholder:"warehouse-team=warehouse" env:"ORDERHUB_OIDC_ROLES" name:"oidc-roles"`
}

// people makes the door of the hub.
func (f peopleFlags) people(p *program, s *store.Store, publicURL string) (*people.People, error) {
	opts := people.Options{Store: s, Log: p.log, Idle: f.Idle, Absolute: f.Max}
	if f.Issuer != "" || f.ClientID != "" || f.Secret != "" {
		opts.Provider = &people.Provider{
			Name: f.Name, Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: f.Secret, Redirect: strings.TrimRight(publicURL, "/") + api.ProviderCallback,
			Domains: f.Domains, DefaultRole: orderhub.Role(f.Default), RoleClaim: f.Claim, Roles: map[string]orderhub.Role{},
		}
		for _, r := range f.Roles {
			word, role, ok := strings.Cut(r, "=")
			if !ok {
				return nil, orderhub.InvalidField("oidc-roles", "%q is not word=role", r)
			}
			opts.Provider.Roles[word] = orderhub.Role(role)
		}
	}
	return people.New(opts)
}

// firstUser tells how the first user is made, while there is none. The code is
// needed where others may be quicker.
func (p *program) firstUser(s *store.Store, addr, publicURL string, open bool) error {
	needed, err := s.NeedsUser(p.ctx)
	if err != nil || !needed {
		return err
	}
	address := "http://" + addr + "/setup"
	if publicURL != "" {
		address = strings.TrimRight(publicURL, "/") + "/setup"
	}
	if !open {
		address += "?code=" + url.QueryEscape(s.SetupCode())
	}
	fmt.Fprintf(p.out, "Nobody can sign in yet. Make the first user here: %s\n", address)
	return nil
}

// onlyHere tells whether a hub is reached from this machine alone, as far as it
// can know.
func onlyHere(listen, publicURL string, proxies int) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || publicURL != "" || proxies > 0 {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

type userCmd struct {
	Add      userAdd      `cmd:"" help:"Add a person who may sign in; the first one is an owner."`
	List     userList     `cmd:"" help:"List those who may sign in."`
	Password userPassword `cmd:"" help:"Give a person a new password; their sessions end."`
	Disable  userDisable  `cmd:"" help:"Let a person in no more; their sessions end."`
	Enable   userEnable   `cmd:"" help:"Let a person in again."`
}

// withPeople opens the database for changes by the operator.
func (p *program) withPeople(f func(d *people.People, s *store.Store) error) error {
	s, err := p.openStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	d, err := people.New(people.Options{Store: s, Log: p.log})
	if err != nil {
		return err
	}
	return f(d, s)
}

// operator is how the audit log names what is done on the command line.
func operator(operation string) orderhub.AuditEntry {
	return orderhub.AuditEntry{Actor: orderhub.Actor{Kind: orderhub.ActorHub, Name: "command line"}, Permission: orderhub.UsersManage, Operation: operation}
}

func anyRole(orderhub.Role) error { return nil }

type passwordFlag struct {
	Stdin bool `help:"Take the password from the first line of standard input; without it one is made and printed." name:"password-stdin"`
}

// password reads the password, or makes one: made tells which.
func (f passwordFlag) password(in io.Reader) (text string, made bool, err error) {
	if !f.Stdin {
		b := make([]byte, 10)
		_, _ = rand.Read(b) // never fails, see crypto/rand
		return strings.ToLower(base32.StdEncoding.EncodeToString(b)), true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), false, nil
}

func (p *program) sayPassword(login, password string, made bool) {
	if made {
		fmt.Fprintf(p.out, "Password of %s, shown only now: %s\n", login, password)
	}
}

type userAdd struct {
	Login    string `arg:"" help:"What the person types to sign in."`
	Name     string `help:"The person's name (default: the login)." placeholder:"TEXT"`
	Role     string `help:"owner, manager, warehouse, accountant or viewer." required:"" placeholder:"ROLE"`
	Language string `help:"ru or en; without it the browser's." placeholder:"LANG"`
	passwordFlag
}

func (c userAdd) Run(p *program) error {
	password, made, err := c.password(os.Stdin)
	if err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = c.Login
	}
	return p.withPeople(func(d *people.People, _ *store.Store) error {
		u, err := d.AddUser(p.ctx, people.NewUser{Login: c.Login, Name: c.Name, Role: orderhub.Role(c.Role), Language: orderhub.Language(c.Language), Password: password}, operator("add-user"))
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s may sign in (%s).\n", u.Login, u.Role)
		p.sayPassword(u.Login, password, made)
		return nil
	})
}

type userList struct{}

func (userList) Run(p *program) error {
	return p.withPeople(func(_ *people.People, s *store.Store) error {
		list, err := s.Users(p.ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(p.out, "Nobody can sign in yet. Begin with: orderhub user add LOGIN --role owner")
			return nil
		}
		fmt.Fprintf(p.out, "%-24s %-12s %-10s %s\n", "login", "role", "state", "name")
		for _, u := range list {
			state := "active"
			if u.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(p.out, "%-24s %-12s %-10s %s\n", u.Login, u.Role, state, u.Name)
		}
		return nil
	})
}

type userPassword struct {
	Login     string `arg:"" help:"The person."`
	ResetTOTP bool   `help:"Ask for codes no more: for somebody who lost phone and recovery codes." name:"reset-totp"`
	passwordFlag
}

func (c userPassword) Run(p *program) error {
	password, made, err := c.password(os.Stdin)
	if err != nil {
		return err
	}
	return p.withPeople(func(d *people.People, _ *store.Store) error {
		u, err := d.User(p.ctx, c.Login)
		if err != nil {
			return err
		}
		if err := d.SetPassword(p.ctx, u.ID, password, anyRole, operator("set-password")); err != nil {
			return err
		}
		if c.ResetTOTP {
			if _, err := d.ChangeUser(p.ctx, u.ID, people.UserChange{ResetTOTP: true}, anyRole, operator("change-user")); err != nil {
				return err
			}
		}
		fmt.Fprintf(p.out, "%s has a new password; all their sessions ended.\n", u.Login)
		p.sayPassword(u.Login, password, made)
		return nil
	})
}

type (
	userDisable struct {
		Login string `arg:"" help:"The person."`
	}
	userEnable struct {
		Login string `arg:"" help:"The person."`
	}
)

func (c userDisable) Run(p *program) error { return p.setDisabled(c.Login, true) }
func (c userEnable) Run(p *program) error  { return p.setDisabled(c.Login, false) }

func (p *program) setDisabled(login string, disabled bool) error {
	return p.withPeople(func(d *people.People, _ *store.Store) error {
		u, err := d.User(p.ctx, login)
		if err != nil {
			return err
		}
		if _, err := d.ChangeUser(p.ctx, u.ID, people.UserChange{Disabled: &disabled}, anyRole, operator("change-user")); err != nil {
			return err
		}
		if disabled {
			fmt.Fprintf(p.out, "%s may sign in no more.\n", u.Login)
		} else {
			fmt.Fprintf(p.out, "%s may sign in again.\n", u.Login)
		}
		return nil
	})
}
