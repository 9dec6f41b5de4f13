package vhost

import (
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		pattern, key string
		want         bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a", false},
		{"a.b", "a.b.c", false},
		{"*", "a", true},
		{"*", "", false},
		{"*", "a.b", false},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a..c", true}, // an empty word is a word
		{"a.*", "a.", true},
		{"#", "", true},
		{"#", "a.b.c", true},
		{"", "", true},
		{"", "a", false},
		{"a.#", "a", true},
		{"a.#", "a.b.c", true},
		{"a.#", "b", false},
		{"#.c", "c", true},
		{"#.c", "a.b.c", true},
		{"#.c", "c.d", false},
		{"a.#.d", "a.d", true},
		{"a.#.d", "a.b.c.d", true},
		{"a.#.d", "a.d.d", true},
		{"a.#.d", "a.d.c", false},
		{"#.b.#", "a.b.c", true},
		{"#.b.#", "b", true},
		{"#.b.#", "a.c", false},
		{"#.#", "", true},
		{"#.*", "", false},
		{"#.*", "a", true},
		{"*.#", "a.b", true},
		{"#.*.b", "a.b", true},
		{"#.*.b", "b", false},
		{"#.a.#.b", "a.b.a.c.b", true},
		{"#.a.#.b", "b.a", false},
		{strings.Repeat("*.", 32) + "b", strings.Repeat("0.", 32) + "b", true},
		{strings.Repeat("*.", 32) + "b", strings.Repeat("0.", 32) + "a.b", false},
		{strings.Repeat("#.", 100) + "x", strings.Repeat("a.", 100) + "y", false}, // and not after 2^100 steps
	} {
		if got := matches(split(test.pattern), split(test.key)); got != test.want {
			t.Errorf("%q takes %q: %v", test.pattern, test.key, got)
		}
	}
}
