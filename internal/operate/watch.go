package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// Sample is one look at the queues and who works on them.
type Sample struct {
	At      time.Time
	Queues  []Seen
	Delayed int      // of all queues together
	Workers []Worker // by queue and name
	Unknown []string // what cannot be known, and why
}

// Seen is a queue as it was seen.
type Seen struct {
	Queue     string
	Type      string
	Gone      bool // there is no such queue now, and the figures mean nothing
	Paused    bool
	Ready     int
	Unacked   *int
	Consumers *int
	Dead      *int
	Traffic   *management.Traffic
}

// Worker is a consumer of a queue.
type Worker struct {
	Name     string
	Queue    string
	Prefetch int
	Unacked  *int // of its channel
}

// absentFor is how long a queue that is not there is not asked for again. The broker logs each such question as an error.
const absentFor = 10 * time.Second

// Watch looks at queues again and again. It remembers what it need not, or better does not, ask each time.
type Watch struct {
	b      *Broker
	fixed  bool                 // names were given
	names  []string             // those looked at
	types  map[string]string    // of queues, where the management API does not tell
	absent map[string]time.Time // queues that were not there, and when
	begun  bool
}

// Watch returns a way to look at the queues named, or at all work queues.
func (b *Broker) Watch(names []string) *Watch {
	return &Watch{b: b, fixed: len(names) > 0, names: sortedOnce(names), types: map[string]string{}, absent: map[string]time.Time{}}
}

// Sample looks. The first look has to succeed in full; later what the management API does not tell is missing and said so.
func (w *Watch) Sample(ctx context.Context) (Sample, error) {
	s := Sample{At: time.Now()}
	listed, err := w.list(ctx)
	switch {
	case err != nil && (!w.begun || ctx.Err() != nil):
		return Sample{}, err
	case err != nil:
		s.Unknown = append(s.Unknown, fmt.Sprintf("unacked, rates, workers: %v", err))
	case listed == nil:
		s.Unknown = append(s.Unknown, "unacked, rates, workers: AMQP does not tell; give --management-url")
	}
	look := look{w, s.At, listed}
	for _, name := range w.names {
		seen, err := look.queue(name)
		if err != nil {
			return Sample{}, err
		}
		s.Queues = append(s.Queues, seen)
	}
	if s.Delayed, err = look.delayed(); err != nil {
		return Sample{}, err
	}
	if listed != nil {
		if s.Workers, err = w.b.workers(ctx, w.names); err != nil {
			s.Unknown = append(s.Unknown, fmt.Sprintf("workers: %v", err))
		}
	}
	s.Unknown = append(s.Unknown, w.unknown(s)...)
	w.begun = true
	return s, nil
}

// list asks the management API, where there is one, for all queues, and which of them are work queues.
func (w *Watch) list(ctx context.Context) (map[string]management.Counts, error) {
	if w.b.api == nil {
		if !w.fixed {
			return nil, ErrNeedsManagement
		}
		return nil, nil //nolint:nilnil // nil: nobody to ask
	}
	if !w.fixed {
		names, err := w.b.names(ctx)
		if err != nil {
			return nil, err
		}
		w.names = names
	}
	queues, err := w.b.api.Queues(ctx)
	if err != nil {
		return nil, err
	}
	listed := make(map[string]management.Counts, len(queues))
	for _, q := range queues {
		listed[q.Name] = q
	}
	return listed, nil
}

// unknown says what is missing for all brokers of a kind.
func (w *Watch) unknown(s Sample) []string {
	if slices.ContainsFunc(s.Queues, func(q Seen) bool { return !q.Gone && q.Consumers == nil }) && w.b.api == nil {
		return []string{"consumers: before RabbitMQ 4.3 AMQP does not tell for quorum queues; give --management-url"}
	}
	return nil
}

// look is one look at the queues.
type look struct {
	*Watch
	at     time.Time
	listed map[string]management.Counts // nil: the management API does not tell
}

// count is nil for a queue that is not there.
func (l look) count(name string) (*queue.Count, error) {
	if _, ok := l.listed[name]; l.listed != nil && !ok {
		return nil, nil //nolint:nilnil // nil: it is not there
	}
	if since, ok := l.absent[name]; ok && l.at.Sub(since) < absentFor {
		return nil, nil //nolint:nilnil // likewise
	}
	count, err := l.b.amqp.Count(name)
	if missing(err) {
		l.absent[name] = l.at
		return nil, nil //nolint:nilnil // likewise
	}
	delete(l.absent, name)
	return &count, err
}

func (l look) queue(name string) (Seen, error) {
	count, err := l.count(name)
	if err != nil {
		return Seen{}, err
	}
	if count == nil {
		delete(l.types, name)
		return Seen{Queue: name, Gone: true}, nil
	}
	s := Seen{Queue: name, Ready: count.Ready}
	if s.Type, err = l.kind(name); err != nil {
		return Seen{}, err
	}
	if q, ok := l.listed[name]; ok {
		s.Unacked, s.Consumers, s.Traffic = nonNegative(q.Unacked), nonNegative(q.Consumers), q.Traffic
	}
	if l.b.amqp.CountsConsumers(s.Type) {
		s.Consumers = &count.Consumers // as it is now, and not some seconds ago
	}
	if count, err = l.count(topology.DeadQueue(name)); err != nil {
		return Seen{}, err
	}
	if count != nil {
		s.Dead = &count.Ready
	}
	count, err = l.count(topology.PauseQueue(name))
	s.Paused = count != nil && *count != (queue.Count{})
	return s, err
}

// kind is the queue's type. To ask AMQP for it may be logged as an error, so it is done once.
func (l look) kind(name string) (string, error) {
	if q, ok := l.listed[name]; ok {
		l.types[name] = q.Type
	}
	if kind, ok := l.types[name]; ok {
		return kind, nil
	}
	kind, err := l.b.amqp.QueueType(name)
	if err == nil {
		l.types[name] = kind
	}
	return kind, err
}

func nonNegative(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

// delayed adds up the levels, as [Broker.Show] does.
func (l look) delayed() (int, error) {
	sum := 0
	for level := range topology.Levels {
		count, err := l.count(topology.LevelName(level))
		if err != nil || count == nil {
			return sum, err
		}
		sum += count.Ready
	}
	return sum, nil
}

// Missing is an error when a queue is not there that was asked for by name.
func (w *Watch) Missing(s Sample) error {
	var missing error
	for _, q := range s.Queues {
		if q.Gone && w.fixed {
			missing = errors.Join(missing, &queue.MissingError{Kind: "queue", Name: q.Queue})
		}
	}
	return missing
}
