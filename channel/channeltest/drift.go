package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// martian is a word that no channel has.
const martian = "zz_martian_word"

// spot is one place in a JSON tree.
type spot struct {
	path   string
	value  any
	set    func(any)
	remove func() // nil inside arrays
}

func decode(body []byte) (root any, err error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err = dec.Decode(&root); err != nil {
		return nil, err
	}
	if _, err = dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return root, nil
}

// spots lists every place, the root first.
func spots(root *any) []spot {
	var out []spot
	var walk func(path string, v any, set func(any), remove func())
	walk = func(path string, v any, set func(any), remove func()) {
		out = append(out, spot{path: path, value: v, set: set, remove: remove})
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(path+"."+k, x, func(n any) { v[k] = n }, func() { delete(v, k) })
			}
		case []any:
			for i, x := range v {
				walk(path+"["+strconv.Itoa(i)+"]", x, func(n any) { v[i] = n }, nil)
			}
		}
	}
	walk("", *root, func(n any) { *root = n }, nil)
	return out
}

// changed gives the body with one change at a place, and undoes it.
func (sp spot) changed(root *any, to any) []byte {
	sp.set(to)
	defer sp.set(sp.value)
	return []byte(mustJSON(*root))
}

// enumLike matches words that may be enum values; three capitals are a currency.
var (
	enumLike     = regexp.MustCompile(`^[A-Za-z]+(_[A-Za-z]+)*$`)
	currencyLike = regexp.MustCompile(`^[A-Z]{3}$`)
)

// checkDrift: a channel adds words without asking. Unknown statuses, fields and
// enum values never make an order unreadable.
func checkDrift(t testing.TB, s *Suite) {
	b := s.canned(t, http.NotFoundHandler())
	ad := b.open()
	statuses := 0
	for _, it := range s.bodies(t, b, ad) {
		root, err := decode(it.Body)
		if err != nil {
			continue
		}
		snap, ok := b.normalise(ad, it)
		if !ok {
			continue
		}
		if snap.Native != "" && b.unknownStatus(ad, it, &root, snap) {
			statuses++
		}
		b.unknownFields(ad, it, snap)
		for _, sp := range spots(&root) {
			word, ok := sp.value.(string)
			if !ok || len(word) < 2 || word == it.ExternalID || !enumLike.MatchString(word) || currencyLike.MatchString(word) {
				continue
			}
			changed := channel.Item{Kind: it.Kind, ExternalID: it.ExternalID, Body: sp.changed(&root, martian)}
			b.tolerates(ad, changed, "an unknown word in "+sp.path)
		}
	}
	if statuses == 0 && !s.NoList {
		t.Errorf("no sample carries its status word as a string; the kit could not try an unknown one")
	}
}

// tolerates expects a snapshot whatever the words are.
func (b *bench) tolerates(ad channel.Adapter, it channel.Item, what string) (snap orderhub.Snapshot, ok bool) {
	b.t.Helper()
	err := b.call("normalise", func(context.Context) (err error) {
		snap, err = ad.Normalise(it.Kind, it.Body)
		return err
	})
	if err != nil {
		b.t.Errorf("normalise %s with %s: %v", it.Kind, what, err)
		return snap, false
	}
	if _, err := orderhub.ParseStatus(string(snap.Status)); err != nil {
		b.t.Errorf("normalise %s with %s: %v", it.Kind, what, err)
	}
	return snap, true
}

// unknownStatus replaces the native word wherever it stands; false when the
// body does not hold it.
func (b *bench) unknownStatus(ad channel.Adapter, it channel.Item, root *any, snap orderhub.Snapshot) bool {
	b.t.Helper()
	replace := func(word string) bool {
		found := false
		for _, sp := range spots(root) {
			if sp.value == word {
				sp.set(martian)
				defer sp.set(sp.value)
				found = true
			}
		}
		if !found {
			return false
		}
		got, ok := b.tolerates(ad, channel.Item{Kind: it.Kind, Body: []byte(mustJSON(*root))}, "an unknown word for "+word)
		if !ok {
			return true
		}
		if got.Native != martian && got.NativeSub != martian {
			b.t.Errorf("normalise %s: the unknown word is not kept: native %q, sub %q", it.Kind, got.Native, got.NativeSub)
		}
		_, known := b.s.Channel.Descriptor.Statuses.Lookup(got.Scheme, got.Native, got.NativeSub)
		// A second word that is known may decide alone, where it is an end (WB wbStatus).
		decided := got.Status.IsEnd() && got.NativeSub != "" && got.NativeSub != martian
		if got.Native == martian && got.Status != orderhub.StatusUnknown && !decided {
			b.t.Errorf("normalise %s: the unknown status became %s", it.Kind, got.Status)
		}
		if !known && len(got.Drift) == 0 {
			b.t.Errorf("normalise %s: the unknown status is not reported as Drift", it.Kind)
		}
		return true
	}
	found := replace(snap.Native)
	if snap.NativeSub != "" && snap.NativeSub != snap.Native {
		replace(snap.NativeSub)
	}
	return found
}

// unknownFields adds members at every level: nothing may change by it.
func (b *bench) unknownFields(ad channel.Adapter, it channel.Item, want orderhub.Snapshot) {
	b.t.Helper()
	root, err := decode(it.Body)
	if err != nil {
		return
	}
	for _, sp := range spots(&root) {
		if m, ok := sp.value.(map[string]any); ok {
			m["zz_new_field"] = map[string]any{"a": []any{1, "x", nil}}
			m["zz_new_flag"] = true
		}
	}
	got, ok := b.tolerates(ad, channel.Item{Kind: it.Kind, Body: []byte(mustJSON(root))}, "unknown fields")
	if !ok {
		return
	}
	got.Drift, want.Drift = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("normalise %s: unknown fields change the snapshot (-without +with):\n%s", it.Kind, diff)
	}
}

// checkDamage: whatever is missing or of another type, Normalise answers with a
// snapshot of a known order or with an error that quotes no values.
func checkDamage(t testing.TB, s *Suite) {
	b := s.canned(t, http.NotFoundHandler())
	ad := b.open()
	try := func(kind string, body []byte) {
		var snap orderhub.Snapshot
		err := b.call("normalise "+kind+" of a damaged body", func(context.Context) (err error) {
			snap, err = ad.Normalise(kind, body)
			return err
		})
		if err != nil {
			return
		}
		if _, perr := orderhub.ParseStatus(string(snap.Status)); snap.ExternalID == "" || perr != nil {
			t.Errorf("normalise %s of a damaged body: id %q, status %q and no error: %.300s", kind, snap.ExternalID, snap.Status, body)
		}
	}
	for _, it := range s.bodies(t, b, ad) {
		root, err := decode(it.Body)
		if err != nil {
			continue
		}
		for _, sp := range spots(&root) {
			for _, junk := range []any{nil, "", "-", "99999999999999999999999", json.Number("1e400"), json.Number("-1"), true, []any{}, map[string]any{}, []any{nil}} {
				try(it.Kind, sp.changed(&root, junk))
			}
			if sp.remove != nil {
				sp.remove()
				try(it.Kind, []byte(mustJSON(root)))
				sp.set(sp.value)
			}
		}
		try(it.Kind, it.Body[:len(it.Body)/2])
		try("no_such_kind", it.Body)
	}
}
