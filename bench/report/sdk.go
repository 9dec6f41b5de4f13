package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// sdkReport is what the page needs of a report of `warrener bench --raw -o json`.
type sdkReport struct {
	Settings struct {
		QueueType   string `json:"queue_type"`
		Rounds      int    `json:"rounds"`
		Payload     int    `json:"payload_bytes"`
		Publishers  int    `json:"publishers"`
		Concurrency int    `json:"concurrency"`
		Raw         bool   `json:"raw"`
	} `json:"settings"`
	Versions struct {
		RabbitMQ string `json:"rabbitmq"`
	} `json:"versions"`
	Workloads []struct {
		Name     string   `json:"name"`
		SDK      sdkSide  `json:"sdk_median"`
		Bare     *sdkSide `json:"bare_median"`
		Compared string   `json:"compared"`
		Ratio    *struct {
			Median float64 `json:"median"`
			Min    float64 `json:"min"`
			Max    float64 `json:"max"`
		} `json:"sdk_to_bare"`
	} `json:"workloads"`
}

type sdkSide struct {
	Rate    float64  `json:"tasks_per_second"`
	CPU     *float64 `json:"client_cpu_microseconds_per_task"`
	Latency *struct {
		P50 float64 `json:"p50_milliseconds"`
	} `json:"enqueue_to_start"`
}

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
		var r sdkReport
		if err := json.Unmarshal(content, &r); err != nil {
			return "", fmt.Errorf("read %s: %w", file, err)
		}
		if !r.Settings.Raw || len(r.Workloads) == 0 {
			return "", fmt.Errorf("%s is no report of `warrener bench --raw -o json`", file)
		}
		b.WriteString(r.markdown())
	}
	return b.String(), nil
}

func (r sdkReport) markdown() string {
	var b strings.Builder
	s := r.Settings
	fmt.Fprintf(&b, "On a %s queue of RabbitMQ %s, rounds: %d, payloads of %d bytes, handlers: %d, blocking callers: %d\n\n",
		s.QueueType, r.Versions.RabbitMQ, s.Rounds, s.Payload, s.Concurrency, s.Publishers)
	b.WriteString("| workload | SDK | bare | SDK CPU µs/task | bare CPU µs/task | compared | SDK to bare |\n")
	b.WriteString("|---|---:|---:|---:|---:|---|---:|\n")
	for _, w := range r.Workloads {
		bare, ratio := sdkSide{}, "–"
		if w.Bare != nil {
			bare = *w.Bare
		}
		if w.Ratio != nil {
			ratio = fmt.Sprintf("%s (%s–%s)", times(w.Ratio.Median), times(w.Ratio.Min), times(w.Ratio.Max))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", w.Name, w.SDK.main(), bare.main(), w.SDK.cpu(), bare.cpu(), w.Compared, ratio)
	}
	return b.String() + "\n"
}

// main is the figure that a workload is about.
func (s sdkSide) main() string {
	switch {
	case s.Latency != nil && s.Latency.P50 > 0:
		return digits(s.Latency.P50) + " ms"
	case s.Rate > 0:
		return whole(s.Rate) + "/s"
	default:
		return "–"
	}
}

func (s sdkSide) cpu() string {
	if s.CPU == nil {
		return "–"
	}
	return digits(*s.CPU)
}
