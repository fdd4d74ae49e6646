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

// words are the shop's own statuses: what they mean, and which one is set for a
// step of the hub.
type words struct {
	means map[string]orderhub.Status
	says  map[orderhub.Status]string
}

var wordPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

func checkWords(v string) error { _, err := parseWords(v); return err }

func parseWords(v string) (words, error) {
	out := words{means: map[string]orderhub.Status{}, says: map[orderhub.Status]string{}}
	for _, pair := range strings.Split(v, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		word, meaning, ok := strings.Cut(pair, "=")
		word = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(word)), "wc-")
		status, err := orderhub.ParseStatus(strings.TrimSpace(meaning))
		switch {
		case !ok || !wordPattern.MatchString(word) || len(word) > 40:
			return words{}, fmt.Errorf("%.60q is not a pair like shipped=shipped", pair)
		case err != nil:
			return words{}, err
		case status == orderhub.StatusUnknown:
			return words{}, fmt.Errorf("%.60q says nothing: leave the pair out", pair)
		case out.means[word] != "":
			return words{}, fmt.Errorf("the status %q stands twice", word)
		}
		out.means[word] = status
		if out.says[status] == "" {
			out.says[status] = word
		}
	}
	for status, word := range defaultSays {
		// A word that means something else in this shop is not used.
		if _, redefined := out.means[word]; out.says[status] == "" && !redefined {
			out.says[status] = word
		}
	}
	return out, nil
}
