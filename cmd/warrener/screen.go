package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// screen shows figures as they change: in place on a terminal, else as a line each.
type screen struct {
	out      io.Writer
	live     bool
	interval time.Duration
	lines    int // shown last, to be drawn over
	last     figures
}

func newScreen(out io.Writer, terminal bool) *screen {
	if terminal {
		return &screen{out: out, live: true, interval: 250 * time.Millisecond}
	}
	return &screen{out: out, interval: time.Second}
}

func (s *screen) show(f figures) {
	rate := float64(f.done-s.last.done) / (f.elapsed - s.last.elapsed).Seconds()
	s.last = f
	if !s.live {
		fmt.Fprintf(s.out, "%4.0fs  published %d  running %d  done %d (%.0f/s)  retried %d  open %d  dead %d\n",
			f.elapsed.Seconds(), f.published, f.running, f.done, rate, f.retried, f.open, f.deaths())
		return
	}
	block := []string{
		"",
		fmt.Sprintf("  time       %8.0f s", f.elapsed.Seconds()),
		fmt.Sprintf("  published  %8d", f.published),
		fmt.Sprintf("  running    %8d", f.running),
		fmt.Sprintf("  done       %8d   %.0f a second", f.done, rate),
		fmt.Sprintf("  retried    %8d", f.retried),
		fmt.Sprintf("  open       %8d   queued, delayed, waiting for their next attempt", f.open),
		fmt.Sprintf("  dead       %8d   %s", f.deaths(), reasons(f)),
		fmt.Sprintf("  others'    %8d", f.others),
	}
	var text strings.Builder
	if s.lines > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", s.lines) // up
	}
	for _, line := range block {
		text.WriteString("\x1b[2K" + line + "\n") // clear the line
	}
	s.lines = len(block)
	fmt.Fprint(s.out, text.String())
}

// reasons lists the deaths by their reason.
func reasons(f figures) string {
	var list []string
	for _, reason := range slices.Sorted(maps.Keys(f.dead)) {
		list = append(list, fmt.Sprintf("%s %d", reason, f.dead[reason]))
	}
	return strings.Join(list, ", ")
}

// summary is the last word.
func summary(f figures, waiting int) string {
	var b strings.Builder
	equals := "="
	if !f.addUp(waiting) {
		equals = "≠"
	}
	fmt.Fprintf(&b, "\n%d published %s %d done + %d dead", f.published, equals, f.done, f.deaths())
	if list := reasons(f); list != "" {
		fmt.Fprintf(&b, " (%s)", list)
	}
	fmt.Fprintf(&b, " + %d still waiting\n", waiting)
	fmt.Fprintf(&b, "%d attempts, %d of them to be tried again, in %.1f s\n", f.attempts, f.retried, f.elapsed.Seconds())
	if f.again > 0 {
		fmt.Fprintf(&b, "%d ended more than once\n", f.again)
	}
	if f.unknown > 0 {
		fmt.Fprintf(&b, "%d may not have reached the broker\n", f.unknown)
	}
	if f.others > 0 {
		fmt.Fprintf(&b, "%d tasks of others\n", f.others)
	}
	return b.String()
}
