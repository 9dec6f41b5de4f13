package live

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"github.com/warrener/warrener/internal/figures"
)

// mark is what is to catch the eye in a row.
type mark int

const (
	plain   mark = iota
	heading      // of a table
	notice       // somebody wanted it so: a pause
	alarm        // nobody wants it so
)

// row is a line of a table, or with one cell a line of text.
type row struct {
	cells []string
	mark  mark
}

func text(m mark, format string, args ...any) row {
	return row{cells: []string{fmt.Sprintf(format, args...)}, mark: m}
}

const (
	gap       = "  "
	leastName = 12 // of the first column, where others need the room
)

// line is a row as it is drawn.
type line struct {
	text string
	mark mark
}

// lay gives each column the width it needs, and the first what is left of the width, of which 0 is any. The first columns, which
// are words, begin at the left; figures end at the right.
func lay(rows []row, words, width int) []line {
	widths := make([]int, 0)
	for _, r := range rows {
		for i, c := range r.cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(c))
		}
	}
	rest := 0
	for _, w := range widths[min(1, len(widths)):] {
		rest += len(gap) + w
	}
	if width > 0 && len(widths) > 1 {
		widths[0] = min(widths[0], max(width-rest, leastName))
	}
	lines := make([]line, len(rows))
	for i, r := range rows {
		lines[i] = line{text: cut(r.laid(widths, words), width), mark: r.mark}
	}
	return lines
}

func (r row) laid(widths []int, words int) string {
	var b strings.Builder
	for i, c := range r.cells {
		c = cut(c, widths[i])
		space := strings.Repeat(" ", widths[i]-ansi.StringWidth(c))
		if i > 0 {
			b.WriteString(gap)
		}
		if i < words {
			b.WriteString(c + space)
		} else {
			b.WriteString(space + c)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// cut shortens text to a width; 0 is any.
func cut(text string, width int) string {
	if width <= 0 {
		return text
	}
	return ansi.Truncate(text, width, "…")
}

// printable is a name that others gave, without what a terminal would obey.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, name)
}

const none = "-" // what is not known

func count(n *int) string {
	if n == nil {
		return none
	}
	return strconv.Itoa(*n)
}

func rate(r *float64) string {
	if r == nil {
		return none
	}
	return strconv.FormatFloat(*r, 'f', 1, 64)
}

func growth(r *float64) string {
	if r == nil {
		return none
	}
	return fmt.Sprintf("%+.1f", *r)
}

// markOf says what catches the eye: a queue that is gone, or in which tasks wait with nobody to take them.
func markOf(q figures.Queue) mark {
	switch {
	case q.State == figures.Gone, q.State == figures.Running && q.Ready > 0 && q.Consumers != nil && *q.Consumers == 0:
		return alarm
	case q.State == figures.Paused:
		return notice
	}
	return plain
}

// From these widths on the table of queues has room for its type, and for its growth.
const (
	typeFrom   = 100
	growthFrom = 90
)

// queueRows are a table of the queues, with the columns that a terminal of that width has room for.
func queueRows(queues []figures.Queue, width int) (rows []row, words int) {
	rows = []row{{mark: heading, cells: []string{
		"QUEUE", "TYPE", "STATE", "READY", "GROWTH", "UNACKED", "DEAD", "CONSUMERS", "PUBLISH", "DELIVER", "ACK",
	}}}
	for _, q := range queues {
		cells := []string{printable(q.Queue), none, q.State, none, none, none, none, none, none, none, none}
		if q.State != figures.Gone {
			cells = []string{
				printable(q.Queue), q.Type, q.State, strconv.Itoa(q.Ready), growth(q.Growth), count(q.Unacked), count(q.Dead),
				count(q.Consumers), rate(q.Published), rate(q.Delivered), rate(q.Acked),
			}
		}
		rows = append(rows, row{cells: cells, mark: markOf(q)})
	}
	words = 3
	if width < growthFrom {
		rows = without(rows, 4)
	}
	if width < typeFrom {
		rows, words = without(rows, 1), 2
	}
	return rows, words
}

// without is a table without a column.
func without(rows []row, column int) []row {
	for i := range rows {
		rows[i].cells = slices.Delete(rows[i].cells, column, column+1)
	}
	return rows
}

// workerRows are a table of the workers.
func workerRows(workers []figures.Worker) (rows []row, words int) {
	rows = []row{{mark: heading, cells: []string{"WORKER", "QUEUE", "PREFETCH", "UNACKED"}}}
	for _, w := range workers {
		prefetch := strconv.Itoa(w.Prefetch)
		if w.Prefetch == 0 {
			prefetch = "no limit"
		}
		rows = append(rows, row{cells: []string{printable(w.Worker), printable(w.Queue), prefetch, count(w.Unacked)}})
	}
	return rows, 2
}

// failureRows are a table of the dead letters.
func failureRows(failures []figures.Failure) (rows []row, words int) {
	rows = []row{{mark: heading, cells: []string{"FAILURES", "DEAD", "LAST MINUTE", "SINCE START"}}}
	for _, f := range failures {
		m := plain
		if f.Minute > 0 {
			m = alarm
		}
		rows = append(rows, row{mark: m, cells: []string{
			printable(f.Queue), strconv.Itoa(f.Dead), fmt.Sprintf("%+d", f.Minute), fmt.Sprintf("%+d", f.Since),
		}})
	}
	return rows, 1
}
