package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/warrener/warrener"
)

// The states of messages in a queue.
const (
	ready   = "ready"
	unacked = "unacked"
)

func (m *Metrics) clientStarted(c warrener.ClientInfo) {
	m.published.announce(slices.Concat(c.Queues, m.options.Queues), m.options.Tasks)
	m.announceRole(warrener.RolePublish)
}

func (m *Metrics) workerStarted(w warrener.WorkerInfo) {
	names := w.Tasks
	if w.Default {
		names = slices.Concat(names, m.options.Tasks)
	}
	m.delivered.announce(w.Queues, names)
	m.published.announce(nil, w.Tasks)

	for _, name := range w.Queues {
		queue := m.queueLabel(name)
		m.subscriptions.announce(queue)
		m.families.paused.WithLabelValues(queue)
		m.families.cancels.WithLabelValues(queue)
		m.families.messages.WithLabelValues(queue, ready)
		m.families.consumers.WithLabelValues(queue)
		m.families.deadLetters.WithLabelValues(queue)
	}
	m.families.delayed.WithLabelValues()
	m.families.unrouted.WithLabelValues()
	m.families.depthsRead.WithLabelValues()

	m.announceRole(warrener.RolePublish)
	m.announceRole(warrener.RoleConsume)
	m.families.concurrency.WithLabelValues(strings.ToValidUTF8(w.Name, "?")).Set(float64(w.Concurrency))
}

// queueLabel is the label that a queue has in the metrics of its deliveries.
func (m *Metrics) queueLabel(name string) string { return m.delivered.of(name, other).queue }

func (m *Metrics) announceRole(role warrener.Role) {
	m.connections.announce(string(role))
	m.families.reconnects.WithLabelValues(string(role))
	m.families.blocked.WithLabelValues(string(role))
}

func (m *Metrics) taskPublished(p warrener.PublishInfo) {
	s := m.published.of(p.Queue, p.Name)
	s.outcomes.inc(string(p.Outcome))
	s.took.Observe(p.Took.Seconds())
}

func (m *Metrics) taskReceived(t warrener.TaskInfo) {
	s := m.delivered.of(t.Queue, t.Name)
	s.received.Inc()
	s.unsettled.Inc()
	if t.Redelivered {
		s.redelivered.Inc()
	}
}

func (m *Metrics) taskStarted(t warrener.TaskInfo, waited time.Duration) {
	s := m.delivered.of(t.Queue, t.Name)
	s.inFlight.Inc()
	s.waited.Observe(max(waited, 0).Seconds()) // negative when the publisher's clock is ahead of ours
}

func (m *Metrics) taskFinished(t warrener.TaskInfo, took time.Duration, _ error) {
	s := m.delivered.of(t.Queue, t.Name)
	s.inFlight.Dec()
	s.took.Observe(took.Seconds())
}

func (m *Metrics) taskSettled(t warrener.TaskInfo, how warrener.Settlement) {
	s := m.delivered.of(t.Queue, t.Name)
	s.unsettled.Dec()
	s.outcomes.inc(string(how.Outcome))
	if how.Outcome == warrener.DeadLettered {
		s.reasons.inc(string(how.Reason))
	}
}

func (m *Metrics) connectionUp(role warrener.Role) {
	if m.connections.rise(string(role)) {
		m.families.reconnects.WithLabelValues(string(role)).Inc()
	}
}

func (m *Metrics) connectionDown(role warrener.Role, err error) {
	m.connections.fall(string(role), err)
	m.families.blocked.WithLabelValues(string(role)).Set(0) // the next connection will be told anew
}

func (m *Metrics) connectionBlocked(role warrener.Role, reason string) {
	blocked := 0.0
	if reason != "" {
		blocked = 1
	}
	m.families.blocked.WithLabelValues(string(role)).Set(blocked)
}

func (m *Metrics) queueSubscribed(queue string) { m.subscriptions.rise(m.queueLabel(queue)) }

func (m *Metrics) queueUnsubscribed(queue string, err error) {
	m.subscriptions.fall(m.queueLabel(queue), err)
}

func (m *Metrics) queuePaused(queue string) {
	m.families.paused.WithLabelValues(m.queueLabel(queue)).Set(1)
}

func (m *Metrics) queueResumed(queue string) {
	m.families.paused.WithLabelValues(m.queueLabel(queue)).Set(0)
}

func (m *Metrics) consumerCancelled(queue string) {
	m.families.cancels.WithLabelValues(m.queueLabel(queue)).Inc()
}

func (m *Metrics) depthsRead(d warrener.Depths) {
	for _, q := range d.Queues {
		queue := m.queueLabel(q.Queue)
		m.families.messages.WithLabelValues(queue, ready).Set(float64(q.Ready))
		if q.Unacked >= 0 {
			m.families.messages.WithLabelValues(queue, unacked).Set(float64(q.Unacked))
		} else {
			m.families.messages.DeleteLabelValues(queue, unacked)
		}
		m.families.consumers.WithLabelValues(queue).Set(float64(q.Consumers))
		if q.Dead >= 0 {
			m.families.deadLetters.WithLabelValues(queue).Set(float64(q.Dead))
		}
	}
	if d.Delayed >= 0 {
		m.families.delayed.WithLabelValues().Set(float64(d.Delayed))
	}
	if d.Unrouted >= 0 {
		m.families.unrouted.WithLabelValues().Set(float64(d.Unrouted))
	}
	m.families.depthsRead.WithLabelValues().SetToCurrentTime()
}
