package subprocess

import (
	"bytes"
	"strings"
)

// Both writers take everything, so that a program never waits for its output to be read, and keep a bounded part.

// head keeps the first bytes written to it.
type head struct {
	limit int
	kept  bytes.Buffer
	more  bool
}

func (h *head) Write(p []byte) (int, error) {
	room := min(h.limit-h.kept.Len(), len(p))
	h.kept.Write(p[:room])
	h.more = h.more || room < len(p)
	return len(p), nil
}

func (h *head) String() string {
	if h.more {
		return text(h.kept.Bytes()) + "…"
	}
	return text(h.kept.Bytes())
}

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	kept  []byte
	more  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.more = t.more || len(t.kept)+len(p) > t.limit
	fresh := p[max(len(p)-t.limit, 0):]
	stale := max(len(t.kept)+len(fresh)-t.limit, 0)
	t.kept = append(t.kept[:copy(t.kept, t.kept[stale:])], fresh...)
	return len(p), nil
}

func (t *tail) String() string {
	if t.more {
		return "…" + text(t.kept)
	}
	return text(t.kept)
}

// text drops what a cut has left of a character at either end, and line ends.
func text(b []byte) string { return strings.TrimSpace(strings.ToValidUTF8(string(b), "")) }
