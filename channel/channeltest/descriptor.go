package channeltest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var (
	wordPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	secretPattern = regexp.MustCompile(`token|secret|password|api_key`)
)

// checkDescriptor: the account form, the documents and the limiter are made
// from it, so nothing may be missing.
func checkDescriptor(t testing.TB, s *Suite) {
	d := s.Channel.Descriptor
	if !wordPattern.MatchString(string(d.Name)) {
		t.Errorf("Name %q: want a word of a-z, 0-9 and _", d.Name)
	}
	if d.Title == "" || d.Doc == "" {
		t.Errorf("Title and Doc must be filled in")
	}
	checkSettingList(t, s)
	checkFeedsAndLimits(t, s)
	seen := map[string]bool{}
	for _, r := range d.CancelReasons {
		key := r.Code + " " + string(r.Scheme)
		if r.Code == "" || r.Title == "" || seen[key] {
			t.Errorf("cancel reason %q: want a code, a title, and each code once per scheme", key)
		}
		seen[key] = true
		for _, from := range r.From {
			if _, err := orderhub.ParseStatus(string(from)); err != nil {
				t.Errorf("cancel reason %q: %v", r.Code, err)
			}
		}
	}
	for _, ip := range d.WebhookIPs {
		if _, err := netip.ParsePrefix(ip); err != nil {
			t.Errorf("WebhookIPs: %q is not a network like 192.0.2.0/24", ip)
		}
	}
	if d.ReadBatch < 0 || d.PushBatch < 0 || d.RefreshOpen < 0 || d.Patience < 0 || d.WebhookLimit < 0 {
		t.Errorf("a figure of the descriptor is negative")
	}
}

func checkSettingList(t testing.TB, s *Suite) {
	seen := map[string]bool{}
	for _, set := range s.Channel.Descriptor.Settings {
		if !wordPattern.MatchString(set.Key) || seen[set.Key] {
			t.Errorf("setting %q: want a word of a-z, 0-9 and _, and each key once", set.Key)
		}
		seen[set.Key] = true
		if set.Title == "" || set.Help == "" {
			t.Errorf("setting %q needs a title and a help text that tells a newcomer where to find the value", set.Key)
		}
		if secretPattern.MatchString(set.Key) && !set.Secret {
			t.Errorf("setting %q looks like a secret and is not marked as one", set.Key)
		}
		if set.Default != "" && set.Check != nil {
			if err := set.Check(set.Default); err != nil {
				t.Errorf("setting %q refuses its own default: %v", set.Key, err)
			}
		}
		if set.Secret && set.Default != "" {
			t.Errorf("setting %q: a secret has no default", set.Key)
		}
	}
	if s.Connect == nil && !seen[channel.SettingBaseURL] {
		t.Errorf("the settings lack %s (channel.BaseURLSetting)", channel.SettingBaseURL)
	}
}

func checkFeedsAndLimits(t testing.TB, s *Suite) {
	d := s.Channel.Descriptor
	if s.NoList != (len(d.Feeds) == 0) {
		t.Errorf("Suite.NoList is %v and the descriptor has %d feeds", s.NoList, len(d.Feeds))
	}
	seen := map[string]bool{}
	for _, f := range d.Feeds {
		if !wordPattern.MatchString(f.Name) || seen[f.Name] || f.Every <= 0 {
			t.Errorf("feed %q: want a word, each name once, and a pause", f.Name)
		}
		seen[f.Name] = true
	}
	seen = map[string]bool{}
	for _, l := range d.Limits {
		if l.Group == "" || seen[l.Group] || l.Calls <= 0 || l.Period <= 0 || l.Burst < 0 || l.Parallel < 0 {
			t.Errorf("limit %q: want a group named once, calls and a period", l.Group)
		}
		seen[l.Group] = true
		if l.Source == "" {
			t.Errorf("limit %q: name the document that the figure comes from", l.Group)
		}
	}
}

// checkStatusTable: rows are valid and unambiguous, every step is told.
func checkStatusTable(t testing.TB, s *Suite) {
	table := s.Channel.Descriptor.Statuses
	type row struct {
		scheme    orderhub.Scheme
		word, sub string
	}
	seen := map[row]bool{}
	for _, n := range table.Native {
		if n.Word == "" {
			t.Errorf("a native row has no word (status %s)", n.Status)
		}
		if _, err := orderhub.ParseStatus(string(n.Status)); err != nil {
			t.Errorf("native row %s/%s: %v", n.Word, n.Sub, err)
		}
		if n.Status == orderhub.StatusUnknown && n.Note == "" {
			t.Errorf("native row %s/%s maps to unknown without a note that says why", n.Word, n.Sub)
		}
		key := row{n.Scheme, n.Word, n.Sub}
		if seen[key] {
			t.Errorf("native row %s/%s of scheme %q stands twice", n.Word, n.Sub, n.Scheme)
		}
		seen[key] = true
	}
	pushes := false
	for _, st := range table.Steps {
		checkStep(t, s, st)
		pushes = pushes || st.Kind == orderhub.StepPush || st.Kind == orderhub.StepTell
	}
	for _, scheme := range s.Schemes {
		for _, to := range []orderhub.Status{
			orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusReadyForPickup,
			orderhub.StatusDelivered, orderhub.StatusCancelled,
		} {
			told := slices.ContainsFunc(table.Steps, func(st orderhub.Step) bool {
				return st.To == to && (st.Scheme == "" || st.Scheme == scheme)
			})
			if !told {
				t.Errorf("Steps do not say how an order of scheme %s comes to %s; an observed step with a note will do", scheme, to)
			}
		}
	}
	if _, can := s.canned(t, http.NotFoundHandler()).open().(channel.StatusPusher); can != pushes {
		t.Errorf("the table has push or tell steps: %v; the adapter is a StatusPusher: %v", pushes, can)
	}
}

func checkStep(t testing.TB, s *Suite, st orderhub.Step) {
	for _, status := range append([]orderhub.Status{st.To}, st.From...) {
		if _, err := orderhub.ParseStatus(string(status)); err != nil {
			t.Errorf("step to %s: %v", st.To, err)
		}
	}
	switch st.Kind {
	case orderhub.StepPush, orderhub.StepTell:
		if st.Call == "" {
			t.Errorf("step %s to %s is a %s and names no call", st.Scheme, st.To, st.Kind)
		}
		tried := slices.ContainsFunc(s.Pushes, func(c PushCase) bool {
			return c.kind() == orderhub.EffectStatus && slices.ContainsFunc(c.Pushes, func(p channel.Push) bool {
				return p.To == st.To && (st.Scheme == "" || p.Order.Snapshot.Scheme == st.Scheme)
			})
		})
		if !tried {
			t.Errorf("step %s to %s is a %s and Suite.Pushes has no case of it", st.Scheme, st.To, st.Kind)
		}
	case orderhub.StepObserved:
		if st.Note == "" {
			t.Errorf("step %s to %s is observed and has no note that says who causes it", st.Scheme, st.To)
		}
	case orderhub.StepLocal:
	default:
		t.Errorf("step %s to %s: kind %q is not known", st.Scheme, st.To, st.Kind)
	}
}

// checkSettings: wrong settings are refused by name, before any call is made.
func checkSettings(t testing.TB, s *Suite) {
	var calls atomic.Int64
	b := s.canned(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	b.open()
	required := false
	for _, set := range s.Channel.Descriptor.Settings {
		if set.Required && set.Default == "" {
			required = true
			in := maps.Clone(b.settings)
			delete(in, set.Key)
			b.refused("without "+set.Key, set.Key, in)
		}
		if set.Key == channel.SettingBaseURL {
			for _, bad := range []string{"ftp://example.org", "example.org", "http://"} {
				in := maps.Clone(b.settings)
				in[set.Key] = bad
				b.refused("base_url "+bad, set.Key, in)
			}
		}
	}
	in := maps.Clone(b.settings)
	in["no_such_setting"] = "x"
	b.refused("unknown key", "no_such_setting", in)
	if required {
		err := b.call("open without settings", func(context.Context) error {
			_, err := s.Channel.Open(channel.Settings{}, channel.Deps{})
			return err
		})
		if err == nil {
			t.Errorf("Open takes empty settings although some are required")
		}
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("Open made %d calls to the outside", n)
	}
}

// refused expects that the settings are refused with the field's name.
func (b *bench) refused(what, field string, in map[string]string) {
	b.t.Helper()
	err := b.call("settings "+what, func(context.Context) error {
		settings, err := b.s.Channel.Descriptor.Resolve(in)
		if err != nil {
			return err
		}
		_, err = b.s.Channel.Open(settings, channel.Deps{HTTP: b.client})
		return err
	})
	var de *orderhub.Error
	switch {
	case err == nil:
		b.t.Errorf("settings %s: accepted", what)
	case !errors.As(err, &de) || (de.Field != field && !strings.Contains(de.Sentence, field)):
		b.t.Errorf("settings %s: want an orderhub.InvalidField that names %q, got %v", what, field, err)
	}
}
