package operate

import (
	"context"
	"fmt"

	"github.com/warrener/warrener/internal/topology"
)

// InUseError says that a queue has consumers.
type InUseError struct {
	Queue     string
	Consumers int
}

// Error says so in words.
func (e *InUseError) Error() string {
	return fmt.Sprintf("queue %q has consumers (%d): stop its workers first, they would declare it anew", e.Queue, e.Consumers)
}

// Purge removes what is ready in the queue, or in its dead-letter queue, and says how much that was.
func (b *Broker) Purge(name string, dead bool) (int, error) {
	if dead {
		name = topology.DeadQueue(name)
	}
	if _, err := b.amqp.Count(name); err != nil {
		return 0, err
	}
	return b.amqp.Purge(name)
}

// Deleted is what Delete did.
type Deleted struct {
	Queues   []string `json:"deleted"`
	DeadLeft int      `json:"dead_letters_left"` // and with them the dead-letter queue
}

// Delete deletes a work queue and what belongs to it. A dead-letter queue with messages is kept unless dead is set; a queue
// that has consumers as far as is known is kept unless force is. The broker cannot check either in one step with the deletion
// for quorum queues.
func (b *Broker) Delete(ctx context.Context, name string, dead, force bool) (Deleted, error) {
	s, err := b.counts(ctx, name)
	if err != nil {
		return Deleted{}, err
	}
	if s.Consumers != nil && *s.Consumers > 0 && !force {
		return Deleted{}, &InUseError{Queue: name, Consumers: *s.Consumers}
	}
	letters, err := b.optional(topology.DeadQueue(name))
	if err != nil {
		return Deleted{}, err
	}
	names := []string{name, topology.PauseQueue(name)}
	var done Deleted
	switch {
	case letters == nil:
	case *letters == 0 || dead:
		names = append(names, topology.DeadQueue(name))
	default:
		done.DeadLeft = *letters
	}
	for _, q := range names {
		if err := b.amqp.Delete(q); err != nil {
			return done, err
		}
		done.Queues = append(done.Queues, q)
	}
	return done, nil
}
