package woocommerce

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func fieldError(key string, err error) error { return orderhub.InvalidField(key, "%s", err) }

// checkShop takes https addresses, and http within one's own network only: over
// http WooCommerce wants each call signed by OAuth 1.0a, and the key is readable.
func checkShop(v string) error {
	if err := channel.CheckURL(v); err != nil {
		return err
	}
	u, err := url.Parse(v)
	if err != nil {
		return errors.New("is not an address like https://example.org")
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be the plain address of the shop, without keys and parameters")
	case strings.Contains(u.Path, "wp-json"):
		return errors.New("must be the address of the shop, without wp-json")
	case u.Scheme == "http" && !isOwnNetwork(u.Hostname()):
		return errors.New("must begin with https://; http is possible within your own network only")
	}
	return nil
}

func isOwnNetwork(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}

// checkKey refuses the other half of a key, which is what people paste by mistake.
func checkKey(other, name string) func(string) error {
	return func(v string) error {
		switch {
		case strings.HasPrefix(v, other):
			return fmt.Errorf("begins with %s: that is the %s", other, name)
		case strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }):
			return errors.New("has spaces or letters that no key has")
		}
		return nil
	}
}

func checkAuth(v string) error {
	if v != authHeader && v != authQuery {
		return fmt.Errorf("%.20q is not allowed; allowed: %s, %s", v, authHeader, authQuery)
	}
	return nil
}

func checkYesNo(v string) error {
	if v != "yes" && v != "no" {
		return fmt.Errorf("%.20q is not yes or no", v)
	}
	return nil
}

// checkHookSecret wants letters and digits: WordPress decodes HTML entities in a
// secret before it signs with it.
func checkHookSecret(v string) error {
	if len(v) < minSecretLength || strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return fmt.Errorf("must be %d or more letters a-z and digits", minSecretLength)
	}
	return nil
}

func checkHistory(v string) error { _, err := parseHistory(v); return err }

func parseHistory(v string) (time.Duration, error) {
	days, err := strconv.Atoi(v)
	if err != nil || days < 0 || days > maxHistoryDays {
		return 0, fmt.Errorf("%.20q is not a number of days; allowed: 0 to %d", v, maxHistoryDays)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// words are the shop's own statuses before those that every shop has.
type words struct{ own channel.StatusWords }

var (
	wordPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	// wcPrefix begins the names of statuses in the shop's database, not in its API.
	wcPrefix = regexp.MustCompile(`(?i)(^|[;\n])(\s*)wc-`)
)

func checkWords(v string) error { _, err := parseWords(v); return err }

func parseWords(v string) (words, error) {
	v = strings.ToLower(wcPrefix.ReplaceAllString(v, "$1$2"))
	for pair := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ';' || r == '\n' }) {
		word, _, _ := strings.Cut(pair, "=")
		if word = strings.TrimSpace(word); word != "" && !wordPattern.MatchString(word) {
			return words{}, fmt.Errorf("%.60q is no status of a shop; it is one word, like shipped", word)
		}
	}
	own, err := channel.ParseStatusWords(v)
	return words{own}, err
}

// says is the word that is set for a step, "" = none. A word that means something
// else in this shop is not used.
func (w words) says(to orderhub.Status) string {
	if word := w.own.Word(to); word != "" {
		return word
	}
	word := defaultSays[to]
	if _, redefined := w.own.Status(word); redefined {
		return ""
	}
	return word
}
