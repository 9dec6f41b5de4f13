package report

// Metric is something that is measured of a system. Its name is what JSON has.
type Metric string

// The metrics.
const (
	Drain        Metric = "drain_tasks_per_second"
	CPU          Metric = "worker_cpu_microseconds_per_task"
	FirstTask    Metric = "start_to_first_task_milliseconds"
	IdleMemory   Metric = "idle_resident_megabytes"
	IdleCPU      Metric = "idle_cpu_percent"
	P50          Metric = "latency_p50_milliseconds"
	P90          Metric = "latency_p90_milliseconds"
	P99          Metric = "latency_p99_milliseconds"
	SleepersTook Metric = "sleepers_seconds"
	SleepersPeak Metric = "sleepers_peak_megabytes"
	Of1          Metric = "scaling_1_percent_of_ideal"
	Of2          Metric = "scaling_2_percent_of_ideal"
	Of4          Metric = "scaling_4_percent_of_ideal"
)
