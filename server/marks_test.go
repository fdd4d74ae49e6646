package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/api"
)

func TestMarks(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		a, b := w.send(t, "shop", payload("a", 1)), w.send(t, "shop", payload("b", 1))
		order := func(n int64) string { return fmt.Sprintf("/orders/%d", n) }
		var row api.OrderRow
		w.do(t, http.MethodPut, order(a.Number)+"/tags/"+url.PathEscape("Подарок"), nil).into(t, http.StatusOK, &row)
		if len(row.Tags) != 1 || row.Tags[0] != "подарок" {
			t.Errorf("%+v", row.Tags)
		}
		w.do(t, http.MethodPut, order(a.Number)+"/tags/"+url.PathEscape("two words"), nil).refused(t, http.StatusUnprocessableEntity, "tag")
		w.do(t, http.MethodPut, order(4711)+"/tags/x", nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPut, order(a.Number)+"/assignee", map[string]any{"assignee": "Анна"}).into(t, http.StatusOK, &row)
		var note struct{ ID int64 }
		w.do(t, http.MethodPost, order(a.Number)+"/notes", map[string]any{"text": "перезвонить"}).into(t, http.StatusCreated, &note)
		w.do(t, http.MethodPost, order(a.Number)+"/notes", map[string]any{"text": " "}).refused(t, http.StatusUnprocessableEntity, "text")
		w.do(t, http.MethodPost, order(a.Number)+"/notes", map[string]any{"text": strings.Repeat("x", 4001)}).refused(t, http.StatusUnprocessableEntity, "text")
		var card api.OrderCard
		w.do(t, http.MethodGet, order(a.Number), nil).into(t, http.StatusOK, &card)
		if len(card.Notes) != 1 || card.Notes[0].Text != "перезвонить" || card.Notes[0].Author.Name != "tester" || card.Assignee != "Анна" {
			t.Errorf("%+v", card)
		}
		var out api.Outcomes
		w.do(t, http.MethodPost, "/marks", map[string]any{"numbers": []int64{a.Number, 4711, b.Number}, "add_tags": []string{"VIP"}, "assignee": ""}).into(t, http.StatusOK, &out)
		if len(out.Outcomes) != 3 || !out.Outcomes[0].OK || out.Outcomes[1].OK || out.Outcomes[1].Problem == nil || out.Outcomes[2].Order.Tags[0] != "vip" {
			t.Errorf("%+v", out)
		}
		w.do(t, http.MethodPost, "/marks", map[string]any{"numbers": []int64{a.Number}, "add_tags": []string{"a b"}}).refused(t, http.StatusUnprocessableEntity, "tag")
		w.do(t, http.MethodPut, order(b.Number)+"/assignee", map[string]any{"assignee": "Олег"}).into(t, http.StatusOK, nil)
		for query, want := range map[string]string{
			"tag=vip": "b a", "tag=VIP": "b a", "tag=" + url.QueryEscape("подарок"): "a", "tag=none": "", "tag=vip&assignee=" + url.QueryEscape("Олег"): "b",
			"assignee=" + url.QueryEscape("Олег"): "b", "assignee=nobody": "", "tag=vip&status=new": "b a", "tag=vip&status=shipped": "", "tag=vip&q=N-a": "a",
			"tag=vip&account=shop": "b a", "tag=vip&hold=any": "",
		} {
			var page api.OrderPage
			w.do(t, http.MethodGet, "/orders?"+query, nil).into(t, http.StatusOK, &page)
			if got := strings.Join(ids(page), " "); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
		}
		var first, second api.OrderPage
		w.do(t, http.MethodGet, "/orders?tag=vip&limit=1", nil).into(t, http.StatusOK, &first)
		w.do(t, http.MethodGet, "/orders?tag=vip&limit=1&cursor="+first.Cursor, nil).into(t, http.StatusOK, &second)
		if got := strings.Join(append(ids(first), ids(second)...), " "); got != "b a" || second.Cursor != "" {
			t.Errorf("page by page: %q, %+v", got, second.Cursor)
		}
		w.do(t, http.MethodGet, "/orders?tag=a,b", nil).refused(t, http.StatusUnprocessableEntity, "tag")
		var tags api.TagList
		w.do(t, http.MethodGet, "/tags?q=V", nil).into(t, http.StatusOK, &tags)
		if len(tags.Tags) != 1 || tags.Tags[0].Tag != "vip" || tags.Tags[0].Orders != 2 {
			t.Errorf("%+v", tags)
		}
		w.do(t, http.MethodDelete, order(a.Number)+"/tags/vip", nil).into(t, http.StatusOK, &row)
		w.do(t, http.MethodDelete, fmt.Sprintf("%s/notes/%d", order(b.Number), note.ID), nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodDelete, fmt.Sprintf("%s/notes/%d", order(a.Number), note.ID), nil).into(t, http.StatusNoContent, nil)
	})
}
