package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// sheet is what the documents tell of one channel.
type sheet struct {
	channel.Descriptor
	// Folder of the adapter in the module: "channel/ozon".
	Folder string
	// Schemes in the order of the status table; "" = the channel has none.
	Schemes []orderhub.Scheme
	// Has tells for each entry of abilities whether the adapter has it.
	Has []bool
	// Kinds of raw answers that the adapter reads, by its samples.
	Kinds []string
	// Notes is the adapter's own NOTES.md, "" = it has none: how to connect, and how
	// certain the facts are that no document tells.
	Notes string
}

// ability is an interface of package channel that an adapter may have.
type ability struct {
	iface reflect.Type
	what  string
}

// abilities are asked of an open adapter, as the core does it.
var abilities = []ability{
	{reflect.TypeFor[channel.Lister](), "lists orders in feeds"},
	{reflect.TypeFor[channel.RangeLister](), "lists the orders placed in a range of time (audit, repull)"},
	{reflect.TypeFor[channel.OrderReader](), "reads single orders again"},
	{reflect.TypeFor[channel.StatusPusher](), "sends statuses"},
	{reflect.TypeFor[channel.TrackingPusher](), "sends tracking numbers"},
	{reflect.TypeFor[channel.CancelAnswerer](), "answers a buyer's wish to cancel"},
	{reflect.TypeFor[channel.LineCanceller](), "takes units out of an order"},
	{reflect.TypeFor[channel.ParcelPacker](), "takes packages and marking codes"},
	{reflect.TypeFor[channel.ReturnNormaliser](), "tells of returns"},
	{reflect.TypeFor[channel.ReturnAnswerer](), "answers returns"},
	{reflect.TypeFor[channel.Catalogue](), "lists the offers"},
	{reflect.TypeFor[channel.StockPusher](), "sends stock figures"},
	{reflect.TypeFor[channel.StockReader](), "reads stock figures back"},
	{reflect.TypeFor[channel.WebhookParser](), "takes messages of the channel"},
	{reflect.TypeFor[channel.Checker](), "checks the credentials"},
	{reflect.TypeFor[channel.QuotaReporter](), "tells what is left of the quotas"},
}

// newSheet opens the channel with sample settings and looks at what it got.
func newSheet(root string, c channel.Channel) (sheet, error) {
	settings, err := sampleSettings(c.Descriptor)
	if err != nil {
		return sheet{}, err
	}
	adapter, err := c.Open(settings, channel.Deps{})
	if err != nil {
		return sheet{}, fmt.Errorf("open with sample settings: %w", err)
	}
	s := sheet{Descriptor: c.Descriptor, Schemes: schemes(c.Descriptor.Statuses)}
	typ := reflect.TypeOf(adapter)
	for _, a := range abilities {
		s.Has = append(s.Has, typ.Implements(a.iface))
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	s.Folder = strings.TrimPrefix(typ.PkgPath(), reflect.TypeFor[orderhub.Order]().PkgPath()+"/")
	notes, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(s.Folder), "NOTES.md")) //nolint:gosec // a folder of the module
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sheet{}, err
	}
	s.Notes = strings.TrimSpace(string(notes))
	s.Kinds, err = sampleKinds(root, s.Folder)
	return s, err
}

// samples are tried in turn for a required setting; the first that the setting's
// own check takes is used.
var samples = []string{"1234567", "sample-key-of-the-documents", "https://shop.example", "https://shop.example/rest/1/samplekey1234/", "whsec_" + strings.Repeat("A", 32) + "=", "yes", "on"}

func sampleSettings(d channel.Descriptor) (channel.Settings, error) {
	in := map[string]string{}
	for _, s := range d.Settings {
		if !s.Required || s.Default != "" {
			continue
		}
		i := slices.IndexFunc(samples, func(v string) bool { return s.Check == nil || s.Check(v) == nil })
		if i < 0 {
			return nil, fmt.Errorf("setting %s takes none of docgen's samples; add one that it takes", s.Key)
		}
		in[s.Key] = samples[i]
	}
	return d.Resolve(in)
}

// sampleKinds lists the kinds of raw answers: the conformance kit wants a folder
// of samples for each.
func sampleKinds(root, folder string) ([]string, error) {
	dir := path.Join(folder, "testdata", "normalise")
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(dir)))
	if err != nil {
		return nil, fmt.Errorf("kinds: %w", err)
	}
	var kinds []string
	for _, e := range entries {
		if e.IsDir() {
			kinds = append(kinds, e.Name())
		}
	}
	if len(kinds) == 0 {
		return nil, errors.New("kinds: there are no samples in " + dir)
	}
	return kinds, nil
}

// schemes lists the schemes that a table names. A table without any has the one
// scheme "".
func schemes(t orderhub.StatusTable) []orderhub.Scheme {
	var out []orderhub.Scheme
	add := func(s orderhub.Scheme) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, st := range t.Steps {
		add(st.Scheme)
	}
	for _, n := range t.Native {
		add(n.Scheme)
	}
	if out == nil {
		return []orderhub.Scheme{""}
	}
	return out
}
