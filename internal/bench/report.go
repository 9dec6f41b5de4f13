package bench

import (
	"runtime"
	"runtime/debug"
)

// Report is what a run has measured. A figure that is not known, or that a workload does not have, is null in JSON.
type Report struct {
	Settings  Settings   `json:"settings"`
	Machine   Machine    `json:"machine"`
	Versions  Versions   `json:"versions"`
	NoBroker  string     `json:"broker_cpu_not_known"` // why; "" when it is
	Workloads []Workload `json:"workloads"`
}

// Settings are what the run was asked for.
type Settings struct {
	QueueType   string `json:"queue_type"`
	Rounds      int    `json:"rounds"`
	Tasks       int    `json:"tasks_per_round"`
	Size        int    `json:"payload_bytes"`
	Concurrency int    `json:"concurrency"`
	Prefetch    int    `json:"prefetch"`
	Publishers  int    `json:"publishers"`
	Batch       int    `json:"publish_batch"`
	Window      int    `json:"bare_confirm_window"`
	Rate        int    `json:"latency_tasks_per_second"`
	InFlight    int    `json:"sleep_in_flight"`
	Raw         bool   `json:"raw"`
}

// Machine is where it ran.
type Machine struct {
	System string `json:"system"`
	CPUs   int    `json:"cpus"`
}

// Versions are those of everything that the figures depend on.
type Versions struct {
	Warrener string `json:"warrener"`
	Go       string `json:"go"`
	Client   string `json:"amqp091_go"`
	RabbitMQ string `json:"rabbitmq"`
}

// Workload is one kind of work: its rounds, and what they say together.
type Workload struct {
	Name   string  `json:"name"`
	Rounds []Round `json:"rounds"`
	SDK    Side    `json:"sdk_median"`
	Bare   *Side   `json:"bare_median"`
	// Ratio is that of the SDK's figure to the bare client's of the same round, by Compared: tasks_per_second, where more is
	// better, or p50_milliseconds, where less is.
	Compared string  `json:"compared"`
	Ratio    *Spread `json:"sdk_to_bare"`
}

// Round is the work done once on each side.
type Round struct {
	SDKFirst bool     `json:"sdk_first"` // both at once where the workload is latency
	SDK      Side     `json:"sdk"`
	Bare     *Side    `json:"bare"`
	Ratio    *float64 `json:"sdk_to_bare"`
}

// Side is what was measured on one side, in one round or, each figure by itself, as the median of all.
type Side struct {
	Tasks       int      `json:"tasks"`
	Seconds     float64  `json:"seconds"`
	Rate        float64  `json:"tasks_per_second"`
	ClientCPU   *float64 `json:"client_cpu_microseconds_per_task"`
	BrokerCPU   *float64 `json:"broker_cpu_microseconds_per_task"`
	Allocations *float64 `json:"allocations_per_task"`
	Allocated   *float64 `json:"allocated_bytes_per_task"`
	Latency     *Latency `json:"enqueue_to_start"`                // of all rounds together, in the median
	Undisturbed *float64 `json:"tasks_per_second_without_long"`   // mixed: the short ones alone, in the same round
	Share       *float64 `json:"share_of_rate_without_long"`      // mixed: Rate as a part of Undisturbed
	InFlight    *float64 `json:"memory_bytes_per_task_in_flight"` // sleep

	Forgotten int `json:"acks_forgotten"` // done, and would be delivered again all the same

	waits waits
}

// Latency is how long tasks waited from the call that published them to the call of their handler.
type Latency struct {
	P50 float64 `json:"p50_milliseconds"`
	P90 float64 `json:"p90_milliseconds"`
	P99 float64 `json:"p99_milliseconds"`
	Max float64 `json:"max_milliseconds"`
}

// Spread is how a figure was spread over the rounds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// newReport is a report without figures.
func newReport(cfg Config, rabbitmq string) *Report {
	r := &Report{
		Settings: Settings{
			QueueType: cfg.QueueType, Rounds: cfg.Rounds, Tasks: cfg.Tasks, Size: cfg.Size, Concurrency: cfg.Concurrency,
			Prefetch: prefetch(cfg.Concurrency), Publishers: cfg.Publishers, Batch: batch, Window: window, Rate: cfg.Rate,
			InFlight: cfg.InFlight, Raw: cfg.Raw,
		},
		Machine:   Machine{System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)},
		Versions:  Versions{Warrener: "(devel)", Go: runtime.Version(), Client: "unknown", RabbitMQ: rabbitmq},
		Workloads: []Workload{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return r
	}
	if info.Main.Version != "" {
		r.Versions.Warrener = info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/rabbitmq/amqp091-go" {
			r.Versions.Client = m.Version
		}
	}
	return r
}
