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
	DeadLeft int      `json:"dead_letters_left"` // at least, and with them the dead-letter queue
}

// letters are at least how many messages a dead-letter queue has. 0 are certain: the queue itself has said so, and nobody goes
// through it and holds them.
func (b *Broker) letters(queue string) (int, error) {
	count, err := b.amqp.Count(queue)
	switch {
	case err != nil || count.Ready > 0:
		return count.Ready, err
	case count.Consumers > 0:
		return 1, nil
	}
	ready, err := b.amqp.HasReady(queue)
	if ready {
		return 1, err
	}
	return 0, err
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
	names := []string{name, topology.PauseQueue(name)}
	var done Deleted
	switch done.DeadLeft, err = b.letters(topology.DeadQueue(name)); {
	case missing(err):
	case err != nil:
		return Deleted{}, err
	case done.DeadLeft == 0 || dead:
		done.DeadLeft = 0
		names = append(names, topology.DeadQueue(name))
	}
	for _, q := range names {
		if err := b.amqp.Delete(q); err != nil {
			return done, err
		}
		done.Queues = append(done.Queues, q)
	}
	return done, nil
}
