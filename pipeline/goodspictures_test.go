package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// gallery is where the test's pictures are, and counts who asks.
type gallery struct {
	*httptest.Server
	asked atomic.Int64
	shut  atomic.Bool // answers 500
	// release lets /held answer.
	release chan struct{}
}

func newGallery(t *testing.T) *gallery {
	g := &gallery{release: make(chan struct{})}
	good := snapOf(t, 3)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		for _, h := range []string{"Authorization", "Cookie", "Referer"} {
			if r.Header.Get(h) != "" {
				t.Errorf("%s was sent along", h)
			}
		}
		switch {
		case g.shut.Load():
			http.Error(w, "closed", http.StatusInternalServerError)
		case r.URL.Path == "/good":
			_, _ = w.Write(good)
		case r.URL.Path == "/held":
			<-g.release
			_, _ = w.Write(good)
		case r.URL.Path == "/slow":
			time.Sleep(50 * time.Millisecond) // the others ask meanwhile
			_, _ = w.Write(good)
		case r.URL.Path == "/page":
			_, _ = w.Write([]byte("<html>no picture</html>"))
		case r.URL.Path == "/bomb": // says that it has 65,535 x 65,535 pixels
			_, _ = w.Write([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x02\x00\x00\x00\x00\x00\x00\x00"))
		case r.URL.Path == "/endless":
			for range 12 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case strings.HasPrefix(r.URL.Path, "/hop"):
			var n int
			_, _ = fmt.Sscanf(r.URL.Path, "/hop%d", &n)
			to := "/good"
			if n > 1 {
				to = fmt.Sprintf("/hop%d", n-1)
			}
			http.Redirect(w, r, to, http.StatusFound)
		case r.URL.Path == "/inward":
			http.Redirect(w, r, "http://10.1.2.3/secret", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// pictured writes listings with pictures and gives their numbers by key.
func (w *world) pictured(pictures map[string]string) map[string]int64 {
	w.t.Helper()
	var list []orderhub.Listing
	for key, address := range pictures {
		list = append(list, orderhub.Listing{Key: key, Article: key, Name: key, Live: true, Picture: address})
	}
	w.must(w.store.InTx(w.t.Context(), func(tx *store.Tx) error { return tx.SaveListings(w.t.Context(), acct, list, w.clock.now()) }))
	got, err := w.store.ListListings(w.t.Context(), store.ListingFilter{Accounts: []string{acct}, Limit: 100})
	w.must(err)
	out := map[string]int64{}
	for _, l := range got {
		if _, written := pictures[l.Key]; !written {
			continue
		}
		if out[l.Key] = l.ID; l.Picture != pictures[l.Key] {
			w.t.Errorf("listing %s has the picture %q, want %q", l.Key, l.Picture, pictures[l.Key])
		}
	}
	return out
}

// A picture is fetched once, when somebody looks; what cannot be had is not asked for
// again within an hour, and what is kept stays when the channel does not answer.
func TestGoodsPictures(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		g := newGallery(t)
		ids := w.pictured(map[string]string{"good": g.URL + "/good", "none": "", "hops": g.URL + "/hop3", "far": g.URL + "/hop5", "page": g.URL + "/page",
			"bomb": g.URL + "/bomb", "endless": g.URL + "/endless", "gone": g.URL + "/gone"})
		look := func(key string) (store.KeptPicture, error) { return w.hub.GoodsPicture(t.Context(), ids[key]) }
		for _, key := range []string{"good", "hops"} {
			p, err := look(key)
			if err != nil || !strings.HasPrefix(string(p.Thumb), "\xff\xd8\xff") {
				t.Fatalf("%s: %d bytes, %v", key, len(p.Thumb), err)
			}
		}
		for _, key := range []string{"none", "far", "page", "bomb", "endless", "gone"} {
			_, err := look(key)
			wantCode(t, err, orderhub.CodeNotFound)
		}
		before := g.asked.Load()
		for key := range ids {
			_, _ = look(key)
		}
		if n := g.asked.Load() - before; n != 0 {
			t.Errorf("asked %d times again", n)
		}
		w.clock.add(pictureRetry + time.Second)
		if _, err := look("gone"); err == nil || g.asked.Load() != before+1 {
			t.Errorf("an hour later: %v, asked %d times", err, g.asked.Load()-before)
		}
		w.clock.add(pictureLives)
		g.shut.Store(true)
		before = g.asked.Load()
		for range 2 {
			if p, err := look("good"); err != nil || len(p.Thumb) == 0 {
				t.Errorf("a kept one is lost when the channel is out: %v", err)
			}
		}
		if n := g.asked.Load() - before; n != 1 {
			t.Errorf("asked %d times a month later, want once", n)
		}
		// Another address is another picture.
		g.shut.Store(false)
		w.pictured(map[string]string{"good": g.URL + "/gone"})
		_, err := look("good")
		wantCode(t, err, orderhub.CodeNotFound)
		own, _, err := w.store.Pictured(t.Context(), []int64{ids["good"], ids["none"]}, []string{"", "X"})
		if err != nil || !own[ids["good"]] || own[ids["none"]] {
			t.Errorf("pictured: %v, %v", own, err)
		}
		_, err = w.hub.GoodsPicture(t.Context(), 1<<40)
		wantCode(t, err, orderhub.CodeNotFound, "there is no listing")
	})
}

// Many who look at once let the hub ask once, and who goes away ends it for nobody.
func TestGoodsPictureIsFetchedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		g := newGallery(t)
		id := w.pictured(map[string]string{"slow": g.URL + "/slow"})["slow"]
		hasty, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				ctx := t.Context()
				if i == 0 {
					ctx = hasty
				}
				if _, err := w.hub.GoodsPicture(ctx, id); err != nil && i > 0 {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Millisecond) // it has asked, as a rule; the test holds without
		leave()
		wg.Wait()
		if n := g.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Pictures come from the internet: no address leads into the shop's own network, not
// by a redirect either.
func TestGoodsPicturesStayOutside(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		g := newGallery(t)
		ids := w.pictured(map[string]string{"near": g.URL + "/good", "inward": g.URL + "/inward"})
		strict := w.newHub(Options{Private: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		_, err := strict.GoodsPicture(t.Context(), ids["near"])
		wantCode(t, err, orderhub.CodeNotFound)
		if n := g.asked.Load(); n != 0 {
			t.Errorf("a machine of the shop was asked %d times", n)
		}
		_, err = w.hub.GoodsPicture(t.Context(), ids["inward"])
		wantCode(t, err, orderhub.CodeNotFound)
	})
}

// Nobody waits long for a picture; it is there for who looks again.
func TestGoodsPictureOnItsWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		g := newGallery(t)
		id := w.pictured(map[string]string{"held": g.URL + "/held"})["held"]
		w.hub.pictureHold = time.Millisecond
		_, err := w.hub.GoodsPicture(t.Context(), id)
		wantCode(t, err, orderhub.CodeNotFound, "still on its way")
		close(g.release)
		w.hub.pictureHold = time.Minute
		if p, err := w.hub.GoodsPicture(t.Context(), id); err != nil || len(p.Thumb) == 0 || g.asked.Load() != 1 {
			t.Errorf("%d bytes, %v, asked %d times", len(p.Thumb), err, g.asked.Load())
		}
	})
}
