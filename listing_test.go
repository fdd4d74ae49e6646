package orderhub_test

import (
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
)

func TestPictureAddress(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		"https://cdn.example.com/a b.jpg":         "https://cdn.example.com/a b.jpg",
		"http://shop.example.com/1.png?v=2":       "http://shop.example.com/1.png?v=2",
		"//basket-12.example.com/1.webp":          "https://basket-12.example.com/1.webp",
		"":                                        "",
		"/upload/1.jpg":                           "",
		"file:///etc/passwd":                      "",
		"data:image/png;base64,AAAA":              "",
		"https://name:word@cdn.example.com/1.jpg": "",
		"https://cdn.example.com/" + strings.Repeat("a", 2000): "",
		"https://":  "",
		"ht tp://x": "",
	} {
		if got := orderhub.PictureAddress(give); got != want {
			t.Errorf("%.60q: %.60q, want %.60q", give, got, want)
		}
	}
}
