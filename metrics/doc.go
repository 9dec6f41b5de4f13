// Package metrics shows a client's and a worker's work to Prometheus. It stands on [warrener.Hooks] alone, so a program
// that does not import it does not link Prometheus either.
//
//	m := metrics.New(metrics.Options{})
//	prometheus.MustRegister(m)
//	worker := warrener.NewWorker(warrener.WorkerConfig{Hooks: m.Hooks(), …})
//
// One [Metrics] may serve all clients and workers of a process. docs/metrics.md lists every metric, with queries and
// alerts.
//
// # Series that are there from the start
//
// A counter that appears with its first event hides that event: rate and increase see no step from nothing to 1. So
// every series whose labels are known stands at 0 as soon as a client or a worker starts: for each queue that it names,
// each task that its Mux has a handler for or that [Options] name, and each outcome, reason and role.
//
// # How many series
//
// Names of queues and tasks can come from other programs, so not every name becomes a label value. Names of queues that
// a client or a worker declares, of tasks that a worker's Mux has handlers for, and those in [Options] always do. Beyond
// them:
//
//   - A worker's task of any other name, as its default handler takes or as it dead-letters as unknown, counts as the
//     task "other".
//   - A task published under any other name gets series of its own when it is among the first 100 pairs of queue and
//     task, unless [Options.Tasks] is set: then it counts as "other" at once.
//   - What comes after these 100, and a name that is empty, longer than 255 bytes or no UTF-8, counts as "other".
package metrics
