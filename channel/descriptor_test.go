package channel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: "demo", Title: "Demo market",
		Settings: []channel.Setting{
			{Key: "token", Title: "API token", Help: "Cabinet, Integrations.", Secret: true, Required: true},
			{Key: "region", Title: "Region", Required: true, Default: "ru"},
			{Key: "campaign", Title: "Campaign", Check: func(v string) error {
				if strings.Trim(v, "0123456789") != "" {
					return fmt.Errorf("%q is not a number", v)
				}
				return nil
			}},
			channel.BaseURLSetting(),
		},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		in    map[string]string
		want  channel.Settings
		field string
	}{
		{"least", map[string]string{"token": "x"}, channel.Settings{"token": "x", "region": "ru"}, ""},
		{
			"all, with spaces around", map[string]string{"token": " x\n", "region": "kz", "campaign": "42", "base_url": "https://proxy.example/a"},
			channel.Settings{"token": "x", "region": "kz", "campaign": "42", "base_url": "https://proxy.example/a"}, "",
		},
		{"empty is not set", map[string]string{"token": "x", "campaign": "", "region": " "}, channel.Settings{"token": "x", "region": "ru"}, ""},
		{"nothing", nil, nil, "token"},
		{"only spaces", map[string]string{"token": "  "}, nil, "token"},
		{"malformed", map[string]string{"token": "x", "campaign": "4x"}, nil, "campaign"},
		{"bad address", map[string]string{"token": "x", "base_url": "proxy.example"}, nil, "base_url"},
		{"typo", map[string]string{"token": "x", "tokn": "y"}, nil, "tokn"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := descriptor().Resolve(tc.in)
			if tc.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				return
			}
			var de *orderhub.Error
			if !errors.As(err, &de) || de.Code != orderhub.CodeInvalid || de.Field != tc.field || !strings.Contains(de.Sentence, tc.field) {
				t.Errorf("want a refusal that names %q, got %v", tc.field, err)
			}
		})
	}
}

func TestResolveHelpsWithTypos(t *testing.T) {
	t.Parallel()
	_, err := descriptor().Resolve(map[string]string{"token": "x", "tokn": "secret-value"})
	if err == nil || !strings.Contains(err.Error(), "base_url, campaign, region, token") || strings.Contains(err.Error(), "secret-value") {
		t.Errorf("want the known keys and not the value: %v", err)
	}
	_, err = descriptor().Resolve(nil)
	if err == nil || !strings.Contains(err.Error(), "Cabinet, Integrations.") {
		t.Errorf("want the help text with a missing setting: %v", err)
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	got := descriptor().Public(map[string]string{"token": "x", "region": "kz", "gone": "an old secret"})
	if diff := cmp.Diff(map[string]string{"token": "set", "region": "kz"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for v, ok := range map[string]bool{
		"https://example.org": true, "http://127.0.0.1:8080/prefix": true, "http://[::1]:80": true,
		"": false, "example.org": false, "ftp://example.org": false, "https://": false, "/path": false, "http://a b": false, "javascript:alert(1)": false,
	} {
		if err := channel.CheckURL(v); (err == nil) != ok {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	d := channel.Descriptor{CancelReasons: []channel.CancelReason{
		{Code: "any"},
		{Code: "early", From: []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed}},
		{Code: "dbs", Scheme: orderhub.SchemeDBS},
	}}
	order := func(scheme orderhub.Scheme, s orderhub.Status) *orderhub.Order {
		return &orderhub.Order{Headline: s, Snapshot: orderhub.Snapshot{Scheme: scheme}}
	}
	for _, tc := range []struct {
		order *orderhub.Order
		want  []string
	}{
		{order(orderhub.SchemeFBS, orderhub.StatusNew), []string{"any", "early"}},
		{order(orderhub.SchemeDBS, orderhub.StatusConfirmed), []string{"any", "early", "dbs"}},
		{order(orderhub.SchemeFBS, orderhub.StatusShipped), []string{"any"}},
	} {
		var got []string
		for _, r := range d.AllowedReasons(tc.order) {
			got = append(got, r.Code)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s in %s: %s", tc.order.Snapshot.Scheme, tc.order.Headline, diff)
		}
	}
	shipped := order(orderhub.SchemeFBS, orderhub.StatusShipped)
	if _, ok := d.FindReason("early", shipped); ok {
		t.Error("a reason for early orders is allowed for a shipped one")
	}
	if r, ok := d.FindReason("any", shipped); !ok || r.Code != "any" {
		t.Errorf("reason any: %v, %v", r, ok)
	}
	if r, ok := (channel.Descriptor{}).FindReason("whatever", shipped); !ok || r.Code != "whatever" {
		t.Errorf("a channel without a list takes any reason: %v, %v", r, ok)
	}
}
