package live

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/warrener/warrener/internal/figures"
)

// Lines prints figures for those who read no terminal: as lines of text, or each frame as an object of JSON. What fails goes to
// another stream, once until it changes.
type Lines struct {
	Out, Err io.Writer
	JSON     bool

	unknown []string // said last
	failed  string
}

// Show prints an update.
func (l *Lines) Show(u Update) {
	if u.Err != nil {
		if text := u.Err.Error(); text != l.failed {
			fmt.Fprintf(l.Err, "no figures: %s; looking again\n", strings.ReplaceAll(text, "\n", "; "))
			l.failed = text
		}
		return
	}
	l.failed = ""
	if l.JSON {
		_ = json.NewEncoder(l.Out).Encode(u.Frame) // whoever reads no more ends the command by a signal
		return
	}
	fmt.Fprint(l.Out, l.block(u.Frame))
}

// block is a line for each queue, each worker, each queue with failures, and all that wait for their time.
func (l *Lines) block(f figures.Frame) string {
	var b strings.Builder
	add := func(format string, args ...any) {
		fmt.Fprintf(&b, "%s  %s\n", f.At.Local().Format("15:04:05"), fmt.Sprintf(format, args...))
	}
	for _, q := range f.Queues {
		if q.State == figures.Gone {
			add("queue %s  gone", printable(q.Queue))
			continue
		}
		add("queue %s  %s  ready %d (%s/s)  unacked %s  dead %s  consumers %s  publish %s/s  deliver %s/s  ack %s/s",
			printable(q.Queue), q.State, q.Ready, growth(q.Growth), count(q.Unacked), count(q.Dead), count(q.Consumers),
			rate(q.Published), rate(q.Delivered), rate(q.Acked))
	}
	for _, w := range f.Workers {
		add("worker %s  queue %s  prefetch %d  unacked %s", printable(w.Worker), printable(w.Queue), w.Prefetch, count(w.Unacked))
	}
	for _, failure := range f.Failures {
		add("failures %s  dead %d  last minute %+d  since start %+d", printable(failure.Queue), failure.Dead, failure.Minute, failure.Since)
	}
	add("delayed %d  (all queues together)", f.Delayed)
	if !slices.Equal(f.Unknown, l.unknown) {
		for _, why := range f.Unknown {
			add("not known: %s", why)
		}
		l.unknown = f.Unknown
	}
	return b.String()
}
