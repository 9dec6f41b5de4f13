package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/warrener/warrener/internal/bench"
)

// sdkTables are the tables of several such reports, whose files are separated by commas; "" of none.
func sdkTables(files string) (string, error) {
	if files == "" {
		return "", nil
	}
	var b strings.Builder
	for file := range strings.SplitSeq(files, ",") {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		var r bench.Report
		if err := json.Unmarshal(content, &r); err != nil {
			return "", fmt.Errorf("read %s: %w", file, err)
		}
		if !r.Settings.Raw || len(r.Workloads) == 0 {
			return "", fmt.Errorf("%s is no report of `warrener bench --raw -o json`", file)
		}
		b.WriteString(sdkTable(r))
	}
	return b.String(), nil
}

func sdkTable(r bench.Report) string {
	var b strings.Builder
	s := r.Settings
	fmt.Fprintf(&b, "On a %s queue of RabbitMQ %s, rounds: %d, payloads of %d bytes, handlers: %d, blocking callers: %d\n\n",
		s.QueueType, r.Versions.RabbitMQ, s.Rounds, s.Size, s.Concurrency, s.Publishers)
	b.WriteString("| workload | SDK | bare | SDK CPU µs/task | bare CPU µs/task | compared | SDK to bare |\n")
	b.WriteString("|---|---:|---:|---:|---:|---|---:|\n")
	for _, w := range r.Workloads {
		bare, ratio := bench.Side{}, "–"
		if w.Bare != nil {
			bare = *w.Bare
		}
		if w.Ratio != nil {
			ratio = fmt.Sprintf("%s (%s–%s)", times(w.Ratio.Median), times(w.Ratio.Min), times(w.Ratio.Max))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n",
			w.Name, figure(w.SDK), figure(bare), cpu(w.SDK), cpu(bare), w.Compared, ratio)
	}
	return b.String() + "\n"
}

// figure is the one that a workload is about.
func figure(s bench.Side) string {
	switch {
	case s.Latency != nil && s.Latency.P50 > 0:
		return digits(s.Latency.P50) + " ms"
	case s.Rate > 0:
		return whole(s.Rate) + "/s"
	default:
		return "–"
	}
}

func cpu(s bench.Side) string {
	if s.ClientCPU == nil {
		return "–"
	}
	return digits(*s.ClientCPU)
}
