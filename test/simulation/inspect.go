package simulation

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// inspect looks at what is left when all have gone, and holds it against what was accepted.
func (w *world) inspect() {
	for _, f := range w.unfinished() {
		w.ledger.fail(f)
	}
	for _, q := range w.plan.queues {
		for _, m := range w.vhost().Messages(topology.DeadQueue(q.Name)) {
			w.inspectDead(q, m)
		}
	}
	for _, m := range w.vhost().Messages(topology.Unrouted) {
		w.inspectUnrouted(m)
	}
	for _, id := range w.ledger.ids() {
		w.inspectTask(w.ledger.records[id]) // nobody else is left
	}
}

// inspectDead looks at a dead letter.
func (w *world) inspectDead(q warrener.Queue, m *vhost.Message) {
	id := m.Properties.MessageID
	w.ledger.note("world", id, "rests in %s", topology.DeadQueue(q.Name))
	r, ok := w.ledger.records[id]
	if !ok {
		w.ledger.fail(Failure{onlyPublished, id, "there is a dead letter, and nobody has published it"})
		return
	}
	r.dead++
	object := func(invariant, format string, args ...any) {
		w.ledger.fail(Failure{invariant, id, "its dead letter: " + fmt.Sprintf(format, args...)})
	}
	t, letter := r.plan, message(m, q.Name)
	death, known := tasks.DeathOf(&letter)
	read, err := tasks.Decode(&letter, 0)
	switch {
	case !known || err != nil:
		object(fittingReason, "says nothing that can be read: %v", err)
		return
	case !bytes.Equal(m.Body, t.payload):
		object(untouched, "has the payload %q, not %q", m.Body, t.payload)
	case q.Name != t.queue || read.Headers["simulation-id"] != id || len(read.Headers) != 1:
		object(untouched, "is in the queue of %s with headers %v", q.Name, read.Headers)
	case r.refused:
		object(refusedIsGone, "is there, though Publish has refused it")
	}
	if why := w.unfit(q, r, death, read.Attempt); why != "" {
		object(fittingReason, "says %q (attempt %d, %s), %s", death.Reason, read.Attempt, death.Err, why)
	}
	if name := brokers(m); death.Worker != "" && name != "" {
		object(untouched, "was published with the broker's header %s", name)
	}
}

// unfit says why a task cannot have died of this; "" when it can.
func (w *world) unfit(q warrener.Queue, r *record, d tasks.Death, attempt int) string {
	t := r.plan
	switch d.Reason {
	case tasks.ReasonCrashed:
		switch limit := q.DeliveryLimit; {
		case limit == 0 && w.ledger.ends < topology.DefaultDeliveryLimit, w.ledger.ends < limit:
			return fmt.Sprintf("but deliveries came back %d times at most", w.ledger.ends)
		}
	case tasks.ReasonExpired:
		if t.expires == 0 || d.At.Before(w.ledger.born.Add(t.expires).Truncate(time.Millisecond)) {
			return "but it was not out of date"
		}
	case tasks.ReasonExhausted:
		if attempt != t.maxAttempts || r.failure(attempt) == nil {
			return fmt.Sprintf("but it has %d attempts", t.maxAttempts)
		}
	default:
		if string(d.Reason) != string(t.kind.reason()) {
			return fmt.Sprintf("but it is %s", t.kind)
		}
	}
	return ""
}

// inspectUnrouted looks at a task whose queue was gone when its delay was over.
func (w *world) inspectUnrouted(m *vhost.Message) {
	id := m.Properties.MessageID
	w.ledger.note("world", id, "rests in %s", topology.Unrouted)
	r, ok := w.ledger.records[id]
	switch {
	case !ok:
		w.ledger.fail(Failure{onlyPublished, id, "it is unrouted, and nobody has published it"})
	case !w.deleted:
		w.ledger.fail(Failure{neverNeither, id, "it is unrouted, and no queue was deleted"})
	default:
		r.dead++
	}
}

// inspectTask holds what became of a task against what was promised.
func (w *world) inspectTask(r *record) {
	object := func(invariant, format string, args ...any) {
		w.ledger.fail(Failure{invariant, r.plan.id, fmt.Sprintf(format, args...)})
	}
	effects := r.effects()
	switch {
	case !r.accepted && !r.refused && !r.doubtful:
		object(honest, "it was never accepted, in %d tries", r.tries)
	case r.accepted && effects+r.dead == 0:
		object(neverNeither, "it was accepted, and has neither")
	case r.refused && effects+r.dead > 0:
		object(refusedIsGone, "it has %d effects and %d dead letters", effects, r.dead)
	case r.plan.kind.reason() != "" && effects > 0:
		object(addsUp, "it is %s and has an effect", r.plan.kind)
	case w.plan.calm && r.accepted && effects+r.dead != 1:
		object(onceIfCalm, "it has %d effects and %d dead letters", effects, r.dead)
	}
}

// brokers is a header that only the broker may write, "" when there is none.
func brokers(m *vhost.Message) string {
	for name := range m.Properties.Headers {
		if strings.HasPrefix(name, "x-") || slices.Contains([]string{"CC", "BCC"}, name) {
			return name
		}
	}
	return ""
}

// message is a message of the broker's as the client library would have received it, as far as reading it goes.
func message(m *vhost.Message, queue string) tasks.Message {
	p := &m.Properties
	return tasks.Message{
		ID: p.MessageID, Type: p.Type, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, Timestamp: p.Timestamp,
		Headers: map[string]any(p.Headers), Body: m.Body, Origin: tasks.Origin{Queue: queue},
	}
}
