package pipeline

import (
	"errors"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

// Sentence is what people may read of an error: the sentence of a domain or
// border error, never another text.
func Sentence(err error) string {
	var be *orderhub.BorderError
	if errors.As(err, &be) {
		return text(be.Sentence)
	}
	var de *orderhub.Error
	if errors.As(err, &de) {
		return text(de.Sentence)
	}
	return "an internal fault; the log has the details"
}

// clean drops what no id has and no database takes: zero bytes, broken UTF-8,
// more than 200 bytes.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

func encodeID(id int64) []byte { return []byte(strconv.FormatInt(id, 10)) }

func decodeID(b []byte) int64 {
	id, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// plural writes "1 attempt", "3 attempts".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}
