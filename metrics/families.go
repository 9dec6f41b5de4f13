package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrener/warrener"
)

// families are the metrics by name, each with all its series.
type families struct {
	all []prometheus.Collector

	publishes       *prometheus.CounterVec
	publishDuration *prometheus.HistogramVec

	received, redelivered, settled, deadLettered *prometheus.CounterVec
	unsettled, inFlight                          *prometheus.GaugeVec
	taskDuration, queueWait                      *prometheus.HistogramVec

	messages, consumers, deadLetters *prometheus.GaugeVec
	delayed, unrouted, depthsRead    *prometheus.GaugeVec

	connections, blocked, subscriptions, paused *prometheus.GaugeVec
	reconnects, cancels                         *prometheus.CounterVec

	concurrency, build *prometheus.GaugeVec
}

func newFamilies() *families {
	f := &families{}
	f.publishing()
	f.working()
	f.waiting()
	f.connecting()
	f.concurrency = f.gauge("worker_concurrency", "Slots of a worker: how many handlers it runs at once at most.",
		"worker")
	f.build = f.gauge("build_info", "Always 1. The label tells which version of Warrener the program is built with.",
		"version")
	return f
}

func (f *families) publishing() {
	f.publishes = f.counter("publishes_total",
		"Tasks given to Publish, by what became of them; a worker's own retries and dead letters are not among them.",
		"queue", "task", "outcome")
	f.publishDuration = f.histogram("publish_duration_seconds",
		"Time from the call of Publish until the outcome was known.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		"queue")
}

func (f *families) working() {
	f.received = f.counter("deliveries_received_total", "Deliveries received by a worker.", "queue", "task")
	f.redelivered = f.counter("deliveries_redelivered_total",
		"Deliveries received that the broker had handed out before: to a worker that died, drained or lost its connection.",
		"queue", "task")
	f.settled = f.counter("deliveries_settled_total", "Deliveries that ended, by how. Each received delivery ends once.",
		"queue", "task", "outcome")
	f.unsettled = f.gauge("deliveries_unsettled",
		"Deliveries that a worker holds: prefetched, running, or waiting for their settlement.", "queue")
	f.deadLettered = f.counter("tasks_dead_lettered_total", "Tasks that a worker dead-lettered, by reason.",
		"queue", "task", "reason")
	f.inFlight = f.gauge("tasks_in_flight", "Tasks whose handler is running: the slots in use.", "queue", "task")
	f.taskDuration = f.histogram("task_duration_seconds", "Time that handlers took for one attempt, whatever its end.",
		[]float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		"task")
	f.queueWait = f.histogram("queue_wait_seconds",
		"Time from when a task was published, or due if that was later, until its handler was called.",
		[]float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
		"queue")
}

func (f *families) waiting() {
	f.messages = f.gauge("queue_messages",
		"Messages in a queue as the broker counts them, by state; every worker of the queue tells the same.",
		"queue", "state")
	f.consumers = f.gauge("queue_consumers",
		"Consumers of a queue as the broker counts them; every worker of the queue tells the same.", "queue")
	f.deadLetters = f.gauge("dead_letter_queue_messages",
		"Messages in the dead-letter queue of a queue; every worker of the queue tells the same.", "queue")
	f.delayed = f.gauge("delayed_messages",
		"Messages in all delay levels together: delayed tasks and retries not yet due; every worker tells the same.")
	f.unrouted = f.gauge("unrouted_messages",
		"Delayed tasks that were due when their queue was gone; every worker tells the same.")
	f.depthsRead = f.gauge("depths_read_timestamp_seconds",
		"When the worker last read the depths of its queues from the broker; 0 before the first time.")
}

func (f *families) connecting() {
	f.connections = f.gauge("connections", "Open connections to the broker, by what they are for.", "role")
	f.reconnects = f.counter("reconnects_total", "Connections opened in place of one that was lost.", "role")
	f.blocked = f.gauge("connection_blocked",
		"1 while the broker takes nothing from connections of this role because of a memory or disk alarm.", "role")
	f.subscriptions = f.gauge("subscriptions", "Subscriptions to a queue that the broker has agreed to.", "queue")
	f.paused = f.gauge("queue_paused",
		"1 while an operator has paused the queue, so that a worker takes nothing from it; every worker of the queue tells the same.", "queue")
	f.cancels = f.counter("consumer_cancels_total",
		"Subscriptions ended by the broker, as when the queue was deleted.", "queue")
}

func (f *families) counter(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "warrener", Name: name, Help: help}, labels)
	f.all = append(f.all, vec)
	return vec
}

func (f *families) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "warrener", Name: name, Help: help}, labels)
	f.all = append(f.all, vec)
	return vec
}

// A server that scrapes native histograms gets buckets at most 10 % wide, others the classic ones.
func (f *families) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "warrener", Name: name, Help: help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160, // 20 powers of two, as from 1 ms to 17 min; beyond that, wider buckets
		NativeHistogramMinResetDuration: time.Hour,
	}, labels)
	f.all = append(f.all, vec)
	return vec
}

// published is what the hook of a publish counts with, looked up once for each pair.
type published struct {
	outcomes split
	took     prometheus.Observer
}

func (f *families) published(p pair) *published {
	return &published{
		outcomes: newSplit(f.publishes, p, warrener.PublishConfirmed, warrener.PublishReturned,
			warrener.PublishRejected, warrener.PublishUnknown, warrener.PublishFailed),
		took: f.publishDuration.WithLabelValues(p.queue),
	}
}

// delivered is what the hooks of a delivery count with, looked up once for each pair.
type delivered struct {
	queue                 string // as a label
	received, redelivered prometheus.Counter
	unsettled, inFlight   prometheus.Gauge
	waited, took          prometheus.Observer
	outcomes, reasons     split
}

func (f *families) delivered(p pair) *delivered {
	return &delivered{
		queue:       p.queue,
		received:    f.received.WithLabelValues(p.queue, p.task),
		redelivered: f.redelivered.WithLabelValues(p.queue, p.task),
		unsettled:   f.unsettled.WithLabelValues(p.queue),
		inFlight:    f.inFlight.WithLabelValues(p.queue, p.task),
		waited:      f.queueWait.WithLabelValues(p.queue),
		took:        f.taskDuration.WithLabelValues(p.task),
		outcomes: newSplit(f.settled, p, warrener.Acked, warrener.Retried, warrener.DeadLettered,
			warrener.Requeued, warrener.Stale, warrener.Lost),
		reasons: newSplit(f.deadLettered, p, warrener.ReasonPermanent, warrener.ReasonExhausted,
			warrener.ReasonMalformed, warrener.ReasonUnknownTask, warrener.ReasonExpired, warrener.ReasonCrashed),
	}
}

// split is a counter of one pair, split by its last label.
type split struct {
	vec   *prometheus.CounterVec
	known map[string]prometheus.Counter
}

func newSplit[V ~string](vec *prometheus.CounterVec, p pair, values ...V) split {
	s := split{
		vec:   vec.MustCurryWith(prometheus.Labels{"queue": p.queue, "task": p.task}),
		known: make(map[string]prometheus.Counter, len(values)),
	}
	for _, v := range values {
		s.known[string(v)] = s.vec.WithLabelValues(string(v))
	}
	return s
}

// inc counts one. A value that is not known here is late rather than lost.
func (s split) inc(value string) {
	if c, ok := s.known[value]; ok {
		c.Inc()
		return
	}
	s.vec.WithLabelValues(value).Inc()
}
