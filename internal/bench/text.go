package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	s := r.Settings
	fmt.Fprintf(w, "%s, %d CPUs, RabbitMQ %s, Warrener %s, amqp091-go %s, %s\n",
		r.Machine.System, r.Machine.CPUs, r.Versions.RabbitMQ, r.Versions.Warrener, r.Versions.Client, r.Versions.Go)
	fmt.Fprintf(w, "%s queue, %d tasks of %d bytes a round, medians of rounds: %d, handlers: %d, prefetch: %d\n",
		s.QueueType, s.Tasks, s.Size, s.Rounds, s.Concurrency, s.Prefetch)
	if r.NoBroker != "" {
		fmt.Fprintf(w, "the broker's CPU time is not known: %s\n", r.NoBroker)
	}
	for _, workload := range r.Workloads {
		if err := workload.print(w, s); err != nil {
			return err
		}
	}
	return nil
}

// about says what a workload does.
func about(name string, s Settings) string {
	switch name {
	case onePublisher:
		return fmt.Sprintf("PublishMany, %d tasks a call", s.Batch)
	case calling:
		return fmt.Sprintf("Publish from %d callers that wait", s.Publishers)
	case draining:
		return "a worker empties a full queue"
	case mixed:
		return "the same with a task at its head that takes 5 s, or as long as the others"
	case endToEnd:
		return "one publishes and a worker runs, both at full speed"
	case latency:
		return fmt.Sprintf("from publishing to the handler, at %d tasks a second; no CPU time, both sides work at once", s.Rate)
	}
	return fmt.Sprintf("%d tasks of %s at once", s.InFlight, sleepFor)
}

func (l Workload) print(w io.Writer, s Settings) error {
	fmt.Fprintf(w, "\n%s: %s\n", l.Name, about(l.Name, s))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := l.columns()
	line := func(name string, cell func(column) string) {
		fmt.Fprintf(table, "  %s\t", name)
		for _, c := range columns {
			fmt.Fprintf(table, "%s\t", cell(c))
		}
		fmt.Fprintln(table)
	}
	line("", func(c column) string { return c.head })
	line("SDK", func(c column) string { return c.cell(l.SDK) })
	if l.Bare != nil {
		line("amqp091-go", func(c column) string { return c.cell(*l.Bare) })
	}
	if err := table.Flush(); err != nil {
		return err
	}
	forgotten(w, "SDK", &l.SDK)
	forgotten(w, "amqp091-go", l.Bare)
	if l.Ratio != nil {
		what := "tasks/s"
		if l.Compared == "p50_milliseconds" {
			what = "p50, where less is better"
		}
		fmt.Fprintf(w, "  SDK / amqp091-go of a round: %.2f (%.2f to %.2f) in %s\n", l.Ratio.Median, l.Ratio.Min, l.Ratio.Max, what)
	}
	return nil
}

func forgotten(w io.Writer, name string, s *Side) {
	if s != nil && s.Forgotten > 0 {
		fmt.Fprintf(w, "  %s: the broker forgot %d acks, it would deliver these tasks again\n", name, s.Forgotten)
	}
}

// column is a figure as the table shows it.
type column struct {
	head string
	cell func(Side) string
}

func (l Workload) columns() []column {
	if l.SDK.Latency != nil {
		ms := func(head string, of func(*Latency) float64) column {
			return column{head, func(s Side) string { return fmt.Sprintf("%.2f ms", of(s.Latency)) }}
		}
		return []column{
			ms("p50", func(l *Latency) float64 { return l.P50 }), ms("p90", func(l *Latency) float64 { return l.P90 }),
			ms("p99", func(l *Latency) float64 { return l.P99 }), ms("max", func(l *Latency) float64 { return l.Max }),
		}
	}
	list := []column{
		{"tasks/s", func(s Side) string { return fmt.Sprintf("%.0f", s.Rate) }},
	}
	switch l.Name {
	case mixed:
		list = append(list, column{"of that without it", func(s Side) string { return figure(s.Share, "%.2f") }})
	case sleeping:
		list = append(list,
			column{"seconds", func(s Side) string { return fmt.Sprintf("%.2f", s.Seconds) }},
			column{"B in flight/task", func(s Side) string { return figure(s.InFlight, "%.0f") }})
	}
	return append(list,
		column{"our CPU/task", func(s Side) string { return figure(s.ClientCPU, "%.1f µs") }},
		column{"broker CPU/task", func(s Side) string { return figure(s.BrokerCPU, "%.1f µs") }},
		column{"allocs/task", func(s Side) string { return figure(s.Allocations, "%.1f") }},
		column{"B allocated/task", func(s Side) string { return figure(s.Allocated, "%.0f") }})
}

// figure is a hyphen when it is not known.
func figure(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
