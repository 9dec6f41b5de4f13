package subprocess

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestHeadAndTailKeepTheirPart(t *testing.T) {
	t.Parallel()

	tests := []struct {
		writes     []string
		head, tail string
	}{
		{nil, "", ""},
		{[]string{"abc\n"}, "abc", "abc"},
		{[]string{"abcdefgh"}, "abcdefgh", "abcdefgh"},
		{[]string{"abcd", "efgh", "i"}, "abcdefgh…", "…bcdefghi"},
		{[]string{"abcdefghijklmnop"}, "abcdefgh…", "…ijklmnop"},
		{[]string{"abc", "defghijklmnop", "q"}, "abcdefgh…", "…jklmnopq"},
		{[]string{"1234567é", "1234567"}, "1234567…", "…1234567"}, // é has two bytes, each limit cuts it
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.writes), func(t *testing.T) {
			t.Parallel()
			first, last := &head{limit: 8}, &tail{limit: 8}
			for _, s := range tt.writes {
				if n, err := io.WriteString(io.MultiWriter(first, last), s); n != len(s) || err != nil {
					t.Errorf("write %q: %d, %v", s, n, err)
				}
			}
			if first.String() != tt.head || last.String() != tt.tail {
				t.Errorf("head %q, tail %q, want %q and %q", first, last, tt.head, tt.tail)
			}
		})
	}
}

func TestTailStaysSmall(t *testing.T) {
	t.Parallel()

	last := &tail{limit: 100}
	chunk := strings.Repeat("x", 32<<10)
	for range 1000 {
		io.WriteString(last, chunk) //nolint:errcheck // it has no error
		io.WriteString(last, "y")   //nolint:errcheck // it has no error
	}
	if cap(last.kept) > 1000 {
		t.Errorf("%d bytes held for a tail of 100", cap(last.kept))
	}
}
