package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

const (
	typeCSV  = "text/csv"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// file sends a file to import.
func (w *world) file(t *testing.T, query, contentType string, content []byte) reply {
	t.Helper()
	return w.do(t, http.MethodPost, "/imports?"+query, content, "Content-Type", contentType)
}

// imported sends a file and waits for its end.
func (w *world) imported(t *testing.T, query, content string) api.ImportView {
	t.Helper()
	var v api.ImportView
	r := w.file(t, query+"&wait=30", typeCSV, []byte(content))
	r.into(t, http.StatusOK, &v)
	if want := fmt.Sprintf("/api/v1/imports/%d", v.ID); r.Header.Get("Location") != want {
		t.Errorf("Location is %q, want %q", r.Header.Get("Location"), want)
	}
	return v
}

// form is a form with files by the names of their parts.
func form(t *testing.T, parts ...string) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	f := multipart.NewWriter(&b)
	for i := 0; i+1 < len(parts); i += 2 {
		p, err := f.CreateFormFile(parts[i], "товары.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p, parts[i+1])
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.FormDataContentType(), b.Bytes()
}

// skus lists the products of the hub.
func (w *world) skus(t *testing.T) []string {
	t.Helper()
	list, err := w.store.ListProducts(t.Context(), store.ProductFilter{Archived: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, p := range list {
		out = append(out, p.SKU)
	}
	return out
}

func figure(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

const goodFile = "sku;name;weight_g\n0557722;Чашка;300\nB-2;Ложка;50\n"

func TestImportProducts(t *testing.T) {
	const bad = "sku;name;weight_g\nA;Чашка;300\nB;Ложка;тяжёлая\nA;Ещё одна;1\n"
	for _, tc := range []struct {
		name, query, file string
		// what came of it: outcome, rows, bad, applied; new, changed, same
		outcome            string
		rows, bad, applied int64
		figures            string
		errors             []string
		left               []string
	}{
		{"all are good", "kind=products", goodFile, "imported", 2, 0, 2, "2 0 0", nil, []string{"0557722", "B-2", "OLD"}},
		{"a dry run", "kind=products&dry_run=true", goodFile, "checked", 2, 0, 0, "2 0 0", nil, []string{"OLD"}},
		{"one is known", "kind=products", "sku;name\nOLD;Товар OLD\nNEW;Новый\n", "imported", 2, 0, 2, "1 0 1", nil, []string{"NEW", "OLD"}},
		{"one changes", "kind=products&mode=all", "sku;name\nOLD;Иначе\n", "imported", 1, 0, 1, "0 1 0", nil, []string{"OLD"}},
		{"bad rows keep the file out", "kind=products", bad, "refused", 3, 2, 0, "- - -", []string{"3 weight_g", "4 sku"}, []string{"OLD"}},
		{"bad rows are left out", "kind=products&mode=skip", bad, "imported", 3, 2, 1, "1 0 0", []string{"3 weight_g", "4 sku"}, []string{"A", "OLD"}},
		{"bad rows of a dry run", "kind=products&mode=skip&dry_run=true", bad, "checked", 3, 2, 0, "- - -", []string{"3 weight_g", "4 sku"}, []string{"OLD"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, options{}, func(t *testing.T, w *world) {
				w.product(t, "OLD", 0)
				v := w.imported(t, tc.query, tc.file)
				if v.State != api.ImportEnded || string(v.Outcome) != tc.outcome || v.Rows != tc.rows || v.Bad != tc.bad || v.Applied != tc.applied || v.Percent != 100 || v.By != "tester" {
					t.Errorf("%+v", v)
				}
				if got := figure(v.New) + " " + figure(v.Changed) + " " + figure(v.Same); got != tc.figures {
					t.Errorf("new, changed, same: %s, want %s", got, tc.figures)
				}
				var places []string
				for _, e := range v.Errors {
					places = append(places, fmt.Sprintf("%d %s", e.Line, e.Column))
				}
				if !slices.Equal(places, tc.errors) || v.MoreErrors != 0 {
					t.Errorf("errors: %+v", v.Errors)
				}
				if got := w.skus(t); !slices.Equal(got, tc.left) {
					t.Errorf("products: %v, want %v", got, tc.left)
				}
				if v.Format != "csv" || v.StartedAt == nil || v.EndedAt == nil || v.Size != int64(len(tc.file)) {
					t.Errorf("%+v", v)
				}
			})
		})
	}
}

func TestImportCounts(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.product(t, "A", 0)
		w.product(t, "B", 5)
		v := w.imported(t, "kind=counts&dry_run=true", "sku;quantity\nA;7\nB;3\n")
		if v.Outcome != "checked" || v.Document != 0 || figure(v.Differ)+figure(v.More)+figure(v.Fewer) != "272" {
			t.Errorf("a dry run: %+v", v)
		}
		v = w.imported(t, "kind=counts", "sku;quantity\nA;7\nNOBODY;3\n")
		if v.Outcome != "refused" || len(v.Errors) != 1 || v.Errors[0].Line != 3 || v.Errors[0].Column != "sku" || v.Document != 0 {
			t.Errorf("an unknown SKU: %+v", v)
		}
		contentType, body := form(t, "file", "Артикул;Остаток\nA;7\nB;3\n")
		w.file(t, "kind=counts&wait=30", contentType, body).into(t, http.StatusOK, &v)
		if v.Outcome != "imported" || v.Document == 0 || v.File != "товары.csv" {
			t.Fatalf("%+v", v)
		}
		var d store.Document
		w.do(t, http.MethodGet, fmt.Sprintf("/stock/documents/%d", v.Document), nil).into(t, http.StatusOK, &d)
		if len(d.Lines) != 2 || d.Lines[1].Before != 5 || d.Lines[1].Quantity != 3 || d.Actor.Name != "tester" || d.Note != "stocktake товары.csv" {
			t.Errorf("the document: %+v", d)
		}
		v = w.imported(t, "kind=counts&note="+url.QueryEscape("вечер"), "sku;quantity\nA;8\n")
		w.do(t, http.MethodGet, fmt.Sprintf("/stock/documents/%d", v.Document), nil).into(t, http.StatusOK, &d)
		if d.Note != "вечер" {
			t.Errorf("the note: %+v", d)
		}
	})
}

// TestImportsAreListed: imports are listed, found and remembered.
func TestImportsAreListed(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		var first, second, read api.ImportView
		w.file(t, "kind=products", typeCSV, []byte("sku;name\nA;\x01\n")).into(t, http.StatusAccepted, &first)
		w.file(t, "kind=products", "", []byte(goodFile)).into(t, http.StatusAccepted, &second)
		if second.ID <= first.ID || first.CreatedAt.IsZero() {
			t.Errorf("%+v %+v", first, second)
		}
		w.do(t, http.MethodGet, fmt.Sprintf("/imports/%d?wait=30", second.ID), nil).into(t, http.StatusOK, &read)
		if read.State != api.ImportEnded || read.Applied != 2 || len(read.Columns) != 3 {
			t.Errorf("%+v", read)
		}
		w.do(t, http.MethodGet, fmt.Sprintf("/imports/%d", first.ID), nil).into(t, http.StatusOK, &read)
		if read.Outcome != "refused" || len(read.Errors) != 1 { // one after the other: it is over
			t.Errorf("%+v", read)
		}
		var list api.ImportList
		w.do(t, http.MethodGet, "/imports", nil).into(t, http.StatusOK, &list)
		if len(list.Imports) != 2 || list.Imports[0].ID != second.ID || list.Imports[1].MoreErrors != 1 || list.Imports[1].Errors != nil || list.Imports[0].Columns != nil {
			t.Errorf("%+v", list)
		}
		w.do(t, http.MethodDelete, fmt.Sprintf("/imports/%d", first.ID), nil).refused(t, http.StatusConflict, "", "ended")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			w.do(t, method, "/imports/1", nil).refused(t, http.StatusNotFound, "", "restarted")
		}
	})
}

func TestManyBadRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	var b strings.Builder
	b.WriteString("sku;name;weight_g\n")
	for i := range 1003 {
		fmt.Fprintf(&b, "S-%d;x;much\n", i)
	}
	v := w.imported(t, "kind=products", b.String())
	if len(v.Errors) != 1000 || v.MoreErrors != 3 || v.Bad != 1003 || v.Errors[0].Line != 2 {
		t.Errorf("%d errors, %d more, %d bad", len(v.Errors), v.MoreErrors, v.Bad)
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	formType, twice := form(t, "file", goodFile, "file", goodFile)
	part := func(parts ...string) (string, []byte) { return form(t, parts...) }
	typeOfEmpty, empty := part("file", "")
	typeOfNone, none := part()
	typeOfOther, other := part("datei", goodFile)
	for _, tc := range []struct {
		name, query, contentType string
		body                     []byte
		status                   int
		field                    string
		words                    []string
	}{
		{"no kind", "", typeCSV, []byte(goodFile), 422, "kind", nil},
		{"an unknown kind", "kind=orders", typeCSV, []byte(goodFile), 422, "kind", []string{"products"}},
		{"an unknown mode", "kind=products&mode=some", typeCSV, []byte(goodFile), 422, "mode", []string{"skip"}},
		{"an unknown format", "kind=products&format=ods", typeCSV, []byte(goodFile), 422, "format", []string{"xlsx"}},
		{"an unknown encoding", "kind=products&encoding=koi8-r", typeCSV, []byte(goodFile), 422, "encoding", []string{"windows-1251"}},
		{"an unknown choice", "kind=products&skip=true", typeCSV, []byte(goodFile), 422, "skip", []string{"known"}},
		{"a long wait", "kind=products&wait=31", typeCSV, []byte(goodFile), 422, "wait", []string{"30"}},
		{"a dry run of what", "kind=products&dry_run=maybe", typeCSV, []byte(goodFile), 422, "dry_run", nil},
		{"a note on products", "kind=products&note=x", typeCSV, []byte(goodFile), 422, "note", []string{"counts"}},
		{"not the format", "kind=products&format=xlsx", typeCSV, []byte(goodFile), 422, "format", []string{"csv"}},
		{"not the format either", "kind=products&format=csv", typeXLSX, []byte("PK\x03\x04 and so on"), 422, "format", []string{"xlsx"}},
		{"nothing", "kind=products", typeCSV, nil, 400, "", []string{"empty"}},
		{"JSON", "kind=products", "application/json", []byte("{}"), 415, "", []string{"text/csv", "multipart/form-data"}},
		{"what curl says by itself", "kind=products", "application/x-www-form-urlencoded", []byte(goodFile), 415, "", []string{"text/csv"}},
		{"a type that is none", "kind=products", "csv; +x", []byte(goodFile), 415, "", []string{"text/csv"}},
		{"two files", "kind=products", formType, twice, 422, "file", []string{"more than once"}},
		{"an empty file", "kind=products", typeOfEmpty, empty, 422, "file", []string{"empty"}},
		{"no file", "kind=products", typeOfNone, none, 422, "file", []string{"missing"}},
		{"another part", "kind=products", typeOfOther, other, 422, "datei", []string{"known: file"}},
		{"a form that is none", "kind=products", "multipart/form-data; boundary=x", []byte(goodFile), 422, "file", []string{"missing"}},
		{"a form without boundary", "kind=products", "multipart/form-data", []byte(goodFile), 400, "", []string{"multipart"}},
		{"a form cut off", "kind=products", formType, twice[:len(twice)-20], 422, "file", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.file(t, tc.query, tc.contentType, tc.body).refused(t, tc.status, tc.field, tc.words...)
		})
	}
	var list api.ImportList
	w.do(t, http.MethodGet, "/imports", nil).into(t, http.StatusOK, &list)
	if len(list.Imports) != 0 {
		t.Errorf("a refusal left something: %+v", list)
	}
}

// TestUnreadableFiles: what the import itself finds wrong with a file as a whole.
func TestUnreadableFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	for name, tc := range map[string]struct{ query, content, words string }{
		"no headings":         {"kind=products", "nonsense\nand more\n", "headings"},
		"no quantity":         {"kind=counts", "sku;name\nA;b\n", "quantity"},
		"a broken workbook":   {"kind=products", "PK\x03\x04 and so on", ".xlsx"},
		"an old workbook":     {"kind=products", "\xd0\xcf\x11\xe0 and so on", "old .xls"},
		"not in the encoding": {"kind=products&encoding=utf-16", "sku;name\nA;b\n", ""},
	} {
		v := w.imported(t, tc.query, tc.content)
		if v.State != api.ImportFailed || v.Outcome != "" || v.Error == "" || !strings.Contains(v.Error, tc.words) || leaks.MatchString(v.Error) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if got := w.skus(t); len(got) != 0 {
		t.Errorf("products: %v", got)
	}
}

// limited serves the API with a small limit of files.
func limited(t *testing.T, w *world, limit int64) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	api.Register(mux, api.Options{Hub: w.hub, Rate: -1, ImportLimit: limit})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestImportLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	srv := limited(t, w, 1000)
	for _, tc := range []struct {
		name   string
		size   int
		hidden bool // no Content-Length
		status int
	}{
		{"just fits", 1000, false, 200}, {"just fits, of unknown length", 1000, true, 200},
		{"one byte more", 1001, false, 413}, {"one byte more, of unknown length", 1001, true, 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := "sku;name\nA;" + strings.Repeat("x", tc.size-len("sku;name\nA;"))
			var from io.Reader = strings.NewReader(content)
			if tc.hidden {
				from = io.MultiReader(from)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/api/v1/imports?kind=products&dry_run=true&wait=30", from)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+w.token)
			req.Header.Set("Content-Type", typeCSV)
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tc.status {
				t.Fatalf("want %d, got %d: %s", tc.status, resp.StatusCode, text)
			}
			var p api.Problem
			if tc.status == http.StatusRequestEntityTooLarge {
				if err := json.Unmarshal(text, &p); err != nil || p.Code != "too_large" || !strings.Contains(p.Detail, "1000 bytes") {
					t.Errorf("%s", text)
				}
			}
		})
	}
}

// TestCancelImport breaks an import off while its rows are written: nothing of
// it stays. A second file waits meanwhile and is taken off the queue.
func TestCancelImport(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		var b strings.Builder
		b.WriteString("sku;name\n")
		for i := range 60_000 {
			fmt.Fprintf(&b, "S-%06d;Товар %d\n", i, i)
		}
		var running, waiting, last api.ImportView
		w.file(t, "kind=products", typeCSV, []byte(b.String())).into(t, http.StatusAccepted, &running)
		w.file(t, "kind=products", typeCSV, []byte(goodFile)).into(t, http.StatusAccepted, &waiting)
		w.do(t, http.MethodDelete, fmt.Sprintf("/imports/%d", waiting.ID), nil).into(t, http.StatusOK, &waiting)
		for running.Stage != "apply" && running.State != api.ImportEnded {
			w.do(t, http.MethodGet, fmt.Sprintf("/imports/%d", running.ID), nil).into(t, http.StatusOK, &running)
		}
		if running.State == api.ImportEnded {
			t.Skip("the machine was faster than the test")
		}
		if running.Percent < 50 || running.Total == 0 || running.StartedAt == nil {
			t.Errorf("%+v", running)
		}
		w.do(t, http.MethodDelete, fmt.Sprintf("/imports/%d", running.ID), nil).into(t, http.StatusOK, &running)
		if waiting.State != api.ImportCancelled || running.State != api.ImportCancelled || running.Applied != 0 || running.EndedAt == nil {
			t.Errorf("%+v\n%+v", running, waiting)
		}
		if got := w.skus(t); len(got) != 0 {
			t.Errorf("%d products stayed", len(got))
		}
		last = w.imported(t, "kind=products", goodFile)
		if last.Outcome != "imported" || len(w.skus(t)) != 2 {
			t.Errorf("the next one: %+v", last)
		}
	})
}

// TestImportQueueIsBounded: files do not pile up on the disk.
func TestImportQueueIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	// Nothing can be imported while somebody else writes.
	free := make(chan struct{})
	held := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- w.store.InTx(t.Context(), func(*store.Tx) error {
			close(held)
			<-free
			return nil
		})
	}()
	<-held
	var v api.ImportView
	for range 5 {
		w.file(t, "kind=products", typeCSV, []byte(goodFile)).into(t, http.StatusAccepted, &v)
	}
	w.file(t, "kind=products", typeCSV, []byte(goodFile)).refused(t, http.StatusServiceUnavailable, "", "5 files")
	close(free)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.do(t, http.MethodGet, fmt.Sprintf("/imports/%d?wait=30", v.ID), nil).into(t, http.StatusOK, &v)
	if v.State != api.ImportEnded || figure(v.Same) != "2" {
		t.Errorf("the last one: %+v", v)
	}
	w.imported(t, "kind=products", goodFile)
}

func TestExportProducts(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.product(t, "0557722", 0, set("barcodes", []any{"4601234567890"}))
		w.product(t, "-1", 0)
		w.product(t, "KIT", 0, set("components", []any{map[string]any{"sku": "0557722", "quantity": 2}}))
		for format, contentType := range map[string]string{"csv": typeCSV + "; charset=utf-8", "xlsx": typeXLSX} {
			for _, lang := range []string{"en", "ru"} {
				r := w.do(t, http.MethodGet, "/product-export?format="+format+"&lang="+lang, nil)
				if r.Status != http.StatusOK || r.Header.Get("Content-Type") != contentType || r.Header.Get("Content-Disposition") != `attachment; filename="products.`+format+`"` {
					t.Fatalf("%d %v %s", r.Status, r.Header, shorten(string(r.Body)))
				}
				if format == "csv" && strings.Contains(string(r.Body), "Артикул") != (lang == "ru") {
					t.Errorf("headings: %s", r.Body)
				}
				var v api.ImportView
				w.file(t, "kind=products&wait=30&format="+format, contentType, r.Body).into(t, http.StatusOK, &v)
				if v.Outcome != "imported" || figure(v.Same) != "3" || v.Applied != 3 {
					t.Errorf("%s imported again: %+v", format, v)
				}
			}
		}
		r := w.do(t, http.MethodGet, "/product-export?format=csv&for_excel=true", nil)
		if !strings.Contains(string(r.Body), `="`) {
			t.Errorf("not protected: %s", r.Body)
		}
		w.do(t, http.MethodGet, "/product-export", nil).refused(t, http.StatusUnprocessableEntity, "format")
		w.do(t, http.MethodGet, "/product-export?format=pdf", nil).refused(t, http.StatusUnprocessableEntity, "format", "xlsx")
		w.do(t, http.MethodGet, "/product-export?format=csv&lang=de", nil).refused(t, http.StatusUnprocessableEntity, "lang", "ru")
	})
}
