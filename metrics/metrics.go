package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrener/warrener"
)

// Options name what a program works with beyond what its clients and workers tell by themselves. The zero value suits
// most programs.
type Options struct {
	// Tasks are the names of the tasks that the program publishes, and of those that a worker's default handler takes.
	// They have their series from the start, and no other published name gets any: a program that publishes under names
	// it is given, as a gateway does, should set this.
	Tasks []string

	// Queues that the program publishes to, beside those that its clients declare.
	Queues []string
}

// Metrics is a [prometheus.Collector] of what its [Metrics.Hooks] are told.
type Metrics struct {
	options  Options
	families *families

	published *table[published]
	delivered *table[delivered]

	connections   *tally // by role
	subscriptions *tally // by queue
}

// New makes the metrics of one process. Register them, and give their hooks to its clients and workers.
func New(options Options) *Metrics {
	f := newFamilies()
	f.build.WithLabelValues(version(debug.ReadBuildInfo())).Set(1)

	return &Metrics{
		options:       options,
		families:      f,
		published:     newTable(f.published, len(options.Tasks) == 0),
		delivered:     newTable(f.delivered, false),
		connections:   newTally(f.connections),
		subscriptions: newTally(f.subscriptions),
	}
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, c := range m.families.all {
		c.Describe(descriptions)
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(collected chan<- prometheus.Metric) {
	for _, c := range m.families.all {
		c.Collect(collected)
	}
}

// Hooks returns the hooks that feed m. To have hooks of your own as well, join them by [warrener.MergeHooks].
func (m *Metrics) Hooks() warrener.Hooks {
	return warrener.Hooks{
		WorkerStarted: m.workerStarted,
		ClientStarted: m.clientStarted,

		Published: m.taskPublished,

		Received: m.taskReceived,
		Started:  m.taskStarted,
		Finished: m.taskFinished,
		Settled:  m.taskSettled,

		ConnectionUp:   m.connectionUp,
		ConnectionDown: m.connectionDown,
		Blocked:        m.connectionBlocked,

		Subscribed:        m.queueSubscribed,
		Unsubscribed:      m.queueUnsubscribed,
		ConsumerCancelled: m.consumerCancelled,
		Paused:            m.queuePaused,
		Resumed:           m.queueResumed,

		Depths: m.depthsRead,
	}
}

// version is the version of the SDK in the running program.
func version(build *debug.BuildInfo, ok bool) string {
	if !ok {
		return "unknown"
	}
	for _, module := range append([]*debug.Module{&build.Main}, build.Deps...) {
		if module.Path == "github.com/warrener/warrener" && module.Version != "" {
			return module.Version
		}
	}
	return "unknown"
}
