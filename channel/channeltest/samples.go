package channeltest

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func (s *Suite) fixtures() string {
	if s.Fixtures == "" {
		return "testdata"
	}
	return s.Fixtures
}

// sample is one raw answer on disk.
type sample struct {
	kind, name string
	body       []byte
}

func (s *Suite) samples(t testing.TB) []sample {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.fixtures(), "normalise", "*", "*.json"))
	if err != nil {
		t.Fatalf("samples: %v", err)
	}
	var out []sample
	for _, p := range paths {
		if strings.HasSuffix(p, ".golden.json") {
			continue
		}
		body, err := os.ReadFile(filepath.Clean(p))
		if err != nil {
			t.Fatalf("samples: %v", err)
		}
		out = append(out, sample{
			kind: filepath.Base(filepath.Dir(p)), name: strings.TrimSuffix(filepath.Base(p), ".json"), body: body,
		})
	}
	return out
}

// sampleRefs names one full order per kind of sample and scheme.
func (s *Suite) sampleRefs(t testing.TB, ad channel.Adapter) []channel.Ref {
	t.Helper()
	var out []channel.Ref
	seen := map[string]bool{}
	for _, sm := range s.samples(t) {
		snap, err := ad.Normalise(sm.kind, sm.body)
		key := sm.kind + " " + string(snap.Scheme)
		if err != nil || snap.StatusOnly || seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, ref(snap))
	}
	return out
}

// brokenPrefix begins the names of samples that Normalise must refuse.
const brokenPrefix = "broken"

// checkSamples: every sample gives its golden snapshot. Among them are a status
// and another word that the adapter does not know.
func checkSamples(t testing.TB, s *Suite) {
	all := s.samples(t)
	if len(all) == 0 {
		if !s.NoList {
			t.Errorf("no samples in %s/normalise/<kind>/<name>.json", s.fixtures())
		}
		return
	}
	b := s.canned(t, http.NotFoundHandler())
	ad := b.open()
	unknown, drift := false, false
	for _, sm := range all {
		golden := filepath.Join(s.fixtures(), "normalise", sm.kind, sm.name+".golden.json")
		var snap orderhub.Snapshot
		err := b.call("sample "+sm.kind+"/"+sm.name, func(context.Context) (err error) {
			snap, err = ad.Normalise(sm.kind, sm.body)
			return err
		})
		broken := strings.HasPrefix(sm.name, brokenPrefix)
		if broken != (err != nil) {
			t.Errorf("sample %s/%s: error %v; only samples named %s… are refused, and those must be", sm.kind, sm.name, err, brokenPrefix)
			continue
		}
		unknown = unknown || snap.Status == orderhub.StatusUnknown
		drift = drift || len(snap.Drift) > 0
		checkBuyer(t, s.Channel.Descriptor.Buyers, sm.name, snap.Customer)
		var shown any = snap
		if err != nil {
			shown = map[string]string{"error": err.Error()}
		}
		text, err := json.MarshalIndent(shown, "", "  ")
		if err != nil {
			t.Errorf("sample %s/%s: %v", sm.kind, sm.name, err)
			continue
		}
		Golden(t, golden, append(text, '\n'))
	}
	if !unknown || !drift {
		t.Errorf("the samples lack an unknown status (have: %v) or another unknown word with Drift (have: %v)", unknown, drift)
	}
}

// checkBuyer: what the table of buyers calls a substitute is marked as one, and
// nothing is told that the table does not list.
func checkBuyer(t testing.TB, table channel.Buyers, sample string, c orderhub.Customer) {
	t.Helper()
	for _, told := range []struct {
		field, value string
		kind         channel.Contact
	}{{"name", c.Name, table.Name}, {"phone", c.Phone, table.Phone}, {"e-mail", c.Email, table.Email}} {
		if told.value != "" && told.kind == channel.ContactNone {
			t.Errorf("sample %s tells the buyer's %s; Descriptor.Buyers does not", sample, told.field)
		}
	}
	if c.ProxyPhone != (c.Phone != "" && table.Phone == channel.ContactProxy) {
		t.Errorf("sample %s: ProxyPhone is %v; Descriptor.Buyers says %q", sample, c.ProxyPhone, table.Phone)
	}
	if c.ID != "" && !table.ID {
		t.Errorf("sample %s tells the buyer's id; Descriptor.Buyers does not", sample)
	}
}

// bodies are the samples that Normalise takes, and one item per kind and scheme
// of the simulator.
func (s *Suite) bodies(t testing.TB, b *bench, ad channel.Adapter) []channel.Item {
	t.Helper()
	var out []channel.Item
	for _, sm := range s.samples(t) {
		snap, err := ad.Normalise(sm.kind, sm.body)
		if err == nil {
			out = append(out, channel.Item{Kind: sm.kind, ExternalID: snap.ExternalID, Body: sm.body})
		}
	}
	if s.NoList {
		return out
	}
	mb, m := s.market(t)
	for _, scheme := range s.Schemes {
		s.placeOne(t, m, scheme, 1)
	}
	live := mb.open()
	pages, _ := mb.sweep(live, nil)
	seen := map[string]bool{}
	for _, it := range items(pages) {
		snap, ok := b.normalise(ad, it)
		if key := it.Kind + " " + string(snap.Scheme); ok && !seen[key] {
			seen[key] = true
			out = append(out, it)
		}
	}
	return out
}
