package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/warrener/warrener/internal/bench"
)

// Column is a figure of each system: a metric, or something that is made of several.
type column struct {
	title string
	of    func(Report, System) *bench.Spread // nil where it was not measured
	text  func(float64) string
}

func metric(m Metric) func(Report, System) *bench.Spread {
	return func(_ Report, s System) *bench.Spread { return bench.SpreadOf(s.Figures[m]) }
}

func ratio(m Metric) func(Report, System) *bench.Spread {
	return func(r Report, s System) *bench.Spread { return r.ratio(s, m) }
}

func beyond(m Metric) func(Report, System) *bench.Spread {
	return func(r Report, s System) *bench.Spread { return r.beyond(s, m) }
}

// The columns of the tables.
func drainColumns() []column {
	return []column{
		{"tasks/s", metric(Drain), whole},
		{"of bare", ratio(Drain), times},
		{"CPU µs/task", metric(CPU), digits},
	}
}

func latencyColumns() []column {
	return []column{
		{"p50 ms", metric(P50), digits},
		{"p90 ms", metric(P90), digits},
		{"p99 ms", metric(P99), digits},
		{"p50 of bare", ratio(P50), times},
	}
}

func idleColumns() []column {
	return []column{
		{"first task ms", metric(FirstTask), whole},
		{"idle MB", metric(IdleMemory), digits},
		{"idle CPU %", metric(IdleCPU), digits},
	}
}

func sleepersColumns() []column {
	return []column{
		{"seconds", metric(SleepersTook), digits},
		{"peak MB", metric(SleepersPeak), whole},
		{"KB/task", Report.perTask, digits},
	}
}

func scalingColumns() []column {
	return []column{
		{"1 process %", metric(Of1), digits},
		{"2 processes %", metric(Of2), digits},
		{"4 processes %", metric(Of4), digits},
	}
}

// cell is median (min–max), or the median alone where that is all.
func (c column) cell(r Report, s System) string {
	spread := c.of(r, s)
	if spread == nil {
		return "–"
	}
	if r.Rounds < 2 {
		return c.text(spread.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", c.text(spread.Median), c.text(spread.Min), c.text(spread.Max))
}

// Text prints the tables for a terminal.
func (r Report) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, columns := range [][]column{drainColumns(), latencyColumns(), idleColumns(), sleepersColumns(), scalingColumns()} {
		fmt.Fprint(table, "\t")
		for _, c := range columns {
			fmt.Fprintf(table, "%s\t", c.title)
		}
		fmt.Fprintln(table)
		for _, s := range r.having(columns) {
			fmt.Fprintf(table, "%s\t", s.Title)
			for _, c := range columns {
				fmt.Fprintf(table, "%s\t", c.cell(r, s))
			}
			fmt.Fprintln(table)
		}
		fmt.Fprintln(table)
	}
	for _, s := range r.Systems {
		if s.Missing != "" {
			fmt.Fprintf(table, "%s was not measured: %s\n", s.Title, s.Missing)
		}
	}
	return table.Flush()
}

// markdown is the same as a table of a page.
func (r Report) markdown(columns []column) string {
	var b strings.Builder
	b.WriteString("|  |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, s := range r.having(columns) {
		fmt.Fprintf(&b, "| %s |", s.Title)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", c.cell(r, s))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// having are the systems of which any of the columns was measured.
func (r Report) having(columns []column) []System {
	var having []System
	for _, s := range r.Systems {
		for _, c := range columns {
			if c.of(r, s) != nil {
				having = append(having, s)
				break
			}
		}
	}
	return having
}

func whole(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }

func times(f float64) string {
	if f >= 10 {
		return whole(f) + "×"
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + "×"
}

// digits leaves three that say something.
func digits(f float64) string {
	switch magnitude := math.Abs(f); {
	case magnitude >= 100:
		return whole(f)
	case magnitude >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	default:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
}
