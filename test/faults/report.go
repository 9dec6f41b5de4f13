package faults

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Suites are all scenarios, in the order of the report.
func Suites() []*Scenario {
	return slices.Concat(brokerSuite(), workerSuite(), networkSuite(), clusterSuite(), alarmSuite(), stormSuite(), poisonSuite(),
		crashSuite(), brokenSuite())
}

// NeedsCluster says that a scenario needs three nodes.
func (s *Scenario) NeedsCluster() bool { return s.Suite == "F5" }

// In says that a scenario is part of a run of this scale.
func (s *Scenario) In(scale Scale) bool { return s.Faults[scale] > 0 && (scale > Brief || s.Brief) }

// WriteReport writes results as tables in Markdown: those of Warrener, then those of clients that lose.
func WriteReport(out io.Writer, results []*Result) error {
	var b strings.Builder
	b.WriteString("| Suite | Fault | RabbitMQ | Faults | Tasks | Lost | Done twice (explained) | Recovery p50 / p99 / max (asked) |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		if r.Suite != "F13" {
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %d | %d (%d) | %s |\n",
				r.Suite, r.Does, r.Broker, r.Faults, r.Sum.Accepted, len(r.Sum.Lost), r.Sum.Duplicates, r.Bound, r.recovery())
		}
	}
	b.WriteString("\n| Client with a bug | RabbitMQ | Tasks | What the suite found |\n|---|---|---|---|\n")
	for _, r := range results {
		if r.Suite == "F13" {
			fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", r.Does, r.Broker, r.Sum.Accepted, r.Caught)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Result) recovery() string {
	if len(r.Recoveries) == 0 {
		return "–"
	}
	round := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	text := fmt.Sprintf("%s / %s / %s", round(Percentile(r.Recoveries, 50)), round(Percentile(r.Recoveries, 99)), round(slices.Max(r.Recoveries)))
	if r.Limit > 0 {
		text += fmt.Sprintf(" (%s)", r.Limit)
	}
	return text
}

// String is a line of progress.
func (r *Result) String() string {
	verdict := "ok"
	if len(r.Failures) > 0 {
		verdict = "FAILED"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s %s %s on %s: %d faults, %d tasks, %d lost, %d twice of %d explained, recovery %s, %s",
		verdict, r.Suite, r.Name, r.Broker, r.Faults, r.Sum.Accepted, len(r.Sum.Lost), r.Sum.Duplicates, r.Bound, r.recovery(),
		r.Took.Round(100*time.Millisecond))
	if r.Caught != "" {
		b.WriteString("; caught: " + r.Caught)
	}
	for _, note := range slices.Concat(r.Notes, r.Failures) {
		b.WriteString("\n       " + strings.ReplaceAll(note, "\n", "\n       "))
	}
	return b.String()
}
