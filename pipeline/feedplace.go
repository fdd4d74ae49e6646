package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"

	"github.com/orderhub/orderhub"
)

// A position of the feed is the number of the last event that is done, and a mark of
// that event: "1204.5f3a9c1b". Numbers alone are the same in every database, so that
// after a restore, or at another hub, a reader would go on somewhere else in silence and
// miss what happened between. The mark is of the history: where two databases have it
// in common (a restored backup, a copy), its positions are good in both.

// markDigits is enough for a slip; nobody has a reason to forge a position.
const markDigits = 8

var positionForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})(?:\.([0-9a-f]{8}))?$`)

// positionOf is the position behind an event.
func positionOf(e orderhub.Event) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", e.ID, e.At.UnixMicro()))
	return strconv.FormatInt(e.ID, 10) + "." + hex.EncodeToString(sum[:])[:markDigits]
}

// Position writes a number of an event as a position: that of the last event up to it.
func (h *Hub) Position(ctx context.Context, id int64) (string, error) {
	last, err := h.store.EventsBefore(ctx, id+1, 1)
	if err != nil || len(last) == 0 {
		return "0", err
	}
	return positionOf(last[0]), nil
}

// parsePosition reads a position, and refuses one that is not of this history. A bare
// number is what a person types, or a reader kept from before positions had a mark: it
// is only held against the end.
func (h *Hub) parsePosition(ctx context.Context, field, s string, last int64) (int64, error) {
	m := positionForm.FindStringSubmatch(s)
	if m == nil {
		return 0, orderhub.InvalidField(field, "%.40q is no position; want one that the feed gave, or 0 for the beginning", clean(s))
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, orderhub.InvalidField(field, "%.40q is no position; want one that the feed gave, or 0 for the beginning", clean(s))
	}
	known := id <= last
	if known && m[2] != "" {
		at, err := h.Position(ctx, id)
		if err != nil {
			return 0, err
		}
		known = at == s
	}
	if known {
		return id, nil
	}
	newest, err := h.Position(ctx, last)
	if err != nil {
		return 0, err
	}
	e := orderhub.Errorf(orderhub.CodeConflict, "%s: %s is not of this history, which goes from 0 to %s: the hub was restored from a backup, or it is another hub. "+
		"Read on from a moment that you have for certain: PUT the reader with since", field, s, newest)
	e.Field = field
	return 0, e
}
