package store

import "testing"

// TestColumnOf: the values of a column become one array of one kind.
func TestColumnOf(t *testing.T) {
	t.Parallel()
	rows := [][]any{{int64(1), "a", 1}, {2, "b", "c"}}
	if got, kind, err := columnOf(rows, 0); err != nil || kind != "bigint" || got.([]int64)[1] != 2 {
		t.Errorf("%v %s %v", got, kind, err)
	}
	if got, kind, err := columnOf(rows, 1); err != nil || kind != "text" || got.([]string)[1] != "b" {
		t.Errorf("%v %s %v", got, kind, err)
	}
	if _, _, err := columnOf(rows, 2); err == nil {
		t.Error("a column of text and numbers was taken")
	}
}
