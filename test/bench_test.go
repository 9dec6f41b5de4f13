package test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// benchReport is what programs read of warrener bench -o json.
type benchReport struct {
	Settings struct {
		Type string `json:"queue_type"`
	}
	Versions  struct{ RabbitMQ string }
	NoBroker  string `json:"broker_cpu_not_known"`
	Workloads []struct {
		Name   string
		SDK    benchSide  `json:"sdk_median"`
		Bare   *benchSide `json:"bare_median"`
		Ratio  *struct{ Median, Min, Max float64 }
		Rounds []struct {
			SDK   benchSide
			Bare  *benchSide
			Ratio *float64 `json:"sdk_to_bare"`
		}
	}
}

type benchSide struct {
	Tasks     int
	Seconds   float64
	Rate      float64  `json:"tasks_per_second"`
	CPU       *float64 `json:"client_cpu_microseconds_per_task"`
	BrokerCPU *float64 `json:"broker_cpu_microseconds_per_task"`
	Allocs    *float64 `json:"allocations_per_task"`
	Without   *float64 `json:"tasks_per_second_without_long"`
	InFlight  *float64 `json:"memory_bytes_per_task_in_flight"`
	Latency   *struct {
		P50 float64 `json:"p50_milliseconds"`
		Max float64 `json:"max_milliseconds"`
	} `json:"enqueue_to_start"`
}

func TestBenchAddsUp(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
			report := benched(t, operator(t, broker, url, "bench", "--raw", "--rounds", "2", "--tasks", "200", "--queue-type", kind,
				"--in-flight", "50", "publish", "callers", "drain", "mixed", "end-to-end", "latency", "sleep", "-o", "json"))
			if report.Settings.Type != kind || report.Versions.RabbitMQ == "" || len(report.Workloads) != 7 {
				t.Errorf("%+v", report)
			}
			for _, w := range report.Workloads {
				if w.Bare == nil || len(w.Rounds) != 2 {
					t.Fatalf("%s: %+v", w.Name, w)
				}
				for _, r := range w.Rounds {
					if r.Bare == nil || r.Ratio == nil || *r.Ratio <= 0 {
						t.Fatalf("%s: %+v", w.Name, r)
					}
					r.SDK.addsUp(t, w.Name, report.NoBroker)
					r.Bare.addsUp(t, w.Name, report.NoBroker)
				}
			}
			wantNoBenchQueues(t, broker, url)
		})
	}
}

func (s benchSide) addsUp(t *testing.T, name, noBroker string) {
	t.Helper()
	tasks := map[string]int{"sleep": 50}[name]
	if tasks == 0 {
		tasks = 200
	}
	if s.Tasks != tasks || math.Abs(s.Rate*s.Seconds-float64(tasks)) > 1e-3 {
		t.Errorf("%s: %d tasks, %v a second in %v s", name, s.Tasks, s.Rate, s.Seconds)
	}
	if (s.Latency != nil) != (name == "latency") || s.Latency != nil && (s.Latency.P50 <= 0 || s.Latency.Max < s.Latency.P50) {
		t.Errorf("%s: latency %+v", name, s.Latency)
	}
	if name != "latency" && (s.CPU == nil || *s.CPU <= 0 || s.Allocs == nil || *s.Allocs <= 0 || (s.BrokerCPU == nil) != (noBroker != "")) {
		t.Errorf("%s: CPU %v, of the broker %v (%s), allocations %v", name, s.CPU, s.BrokerCPU, noBroker, s.Allocs)
	}
	if (s.Without != nil) != (name == "mixed") || (s.InFlight != nil) != (name == "sleep") {
		t.Errorf("%s: without the long task %v, in flight %v", name, s.Without, s.InFlight)
	}
	if name == "sleep" && s.Seconds < 1 {
		t.Errorf("slept %v s", s.Seconds)
	}
}

func benched(t *testing.T, c call) benchReport {
	t.Helper()
	var report benchReport
	p := c.runWithin(t, 3*time.Minute) // the more else the machine does, the longer
	if p.code() != 0 {
		t.Fatalf("%s ends with %d: %s", p, p.code(), p.stderr.String())
	}
	if out := p.stdout.String(); json.Unmarshal([]byte(out), &report) != nil {
		t.Fatal(out)
	}
	return report
}

// benchQueues are those of warrener bench. While queues come and go RabbitMQ 3.10 may not list them.
func benchQueues(t *testing.T, broker *rabbit.Broker, address string) (names []string, err error) {
	t.Helper()
	var queues []struct{ Name string }
	if err := broker.API(t.Context(), "GET /api/queues"+path(t, address), nil, &queues); err != nil {
		return nil, err
	}
	for _, q := range queues {
		if strings.HasPrefix(q.Name, "warrener-bench-") {
			names = append(names, q.Name)
		}
	}
	return names, nil
}

// path is the virtual host as the management API names it, with a slash before it.
func path(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.EscapedPath()
}

func wantNoBenchQueues(t *testing.T, broker *rabbit.Broker, address string) {
	t.Helper()
	if left, err := benchQueues(t, broker, address); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// Without --raw there is nothing to compare with, and without the management API nobody knows the broker's process.
func TestBenchAlone(t *testing.T) {
	t.Parallel()
	c := call{program: built(t, "warrener"), env: []string{"WARRENER_URL=" + rabbittest.Vhost(t)}, args: []string{
		"bench", "drain", "--rounds", "1", "--tasks", "200", "-o", "json",
	}}
	report := benched(t, c)
	if w := report.Workloads[0]; w.Bare != nil || w.Ratio != nil || w.SDK.BrokerCPU != nil || w.SDK.Tasks != 200 {
		t.Errorf("%+v", w)
	}
	if !strings.Contains(report.NoBroker, "--management-url") {
		t.Errorf("not known: %q", report.NoBroker)
	}
	c.args = c.args[:len(c.args)-2]
	c.says(t, "quorum queue, 200 tasks of 100 bytes", "drain: a worker empties", "CPU time is not known: it takes --management-url")
}

func TestBenchCleansUpWhenInterrupted(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	p := operator(t, broker, url, "bench", "--raw", "--rounds", "1000", "publish", "drain").start(t)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		queues, err := benchQueues(t, broker, url)
		return len(queues) == 6, fmt.Sprint(queues, err, p.stderr.String())
	})
	p.signal(t, os.Interrupt)
	p.wait(t, 30*time.Second)
	ends(t, p, 1, "interrupted")
	wantNoBenchQueues(t, broker, url)
}

// What somebody else takes out of the queue is missed: a loss is no figure.
func TestBenchMissesTasks(t *testing.T) {
	t.Parallel()
	address, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	p := operator(t, broker, address, "bench", "--rounds", "1000", "publish").start(t)
	rabbittest.Eventually(t, 30*time.Second, func() (bool, string) {
		queues, _ := benchQueues(t, broker, address)
		for _, q := range queues { // each may be gone by now
			_ = broker.API(t.Context(), "DELETE /api/queues"+path(t, address)+"/"+q+"/contents", nil, nil)
		}
		select {
		case <-p.exited:
			return true, ""
		default:
			return false, p.stderr.String()
		}
	})
	ends(t, p, 1, "publish, round [0-9]+: [0-9]+ of 20000 tasks were in the queue")
}
