package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// Depths are the broker's counts, as a passive declare gives them. What is not there counts as empty.
type Depths struct {
	Queues   []Depth
	Delayed  int // on all delay levels
	Unrouted int // delayed tasks whose queue was gone when they were due
}

// Depth is the count of one queue.
type Depth struct {
	Queue     string
	Ready     int
	Consumers int // -1 where the broker's count is not to be trusted
	Dead      int // in its dead-letter queue
}

// missingFor is how long a queue that was not there is not asked for again: each such question closes a channel and leaves
// an error in the broker's log.
const missingFor = 5 * time.Minute

// depths remembers which queues were not there.
type depths struct {
	mu      sync.Mutex
	missing map[string]time.Time
}

// Depths asks the broker for the counts of the given queues, their dead letters and the delay levels.
func (c *Consumer) Depths(ctx context.Context, queues []topology.WorkQueue) (Depths, error) {
	s, err := c.link.await(ctx, false)
	if err != nil {
		return Depths{}, err
	}
	var d Depths
	for _, q := range queues {
		work, err := c.depths.count(s, q.Name)
		if err != nil {
			return Depths{}, err
		}
		dead, err := c.depths.count(s, topology.DeadQueue(q.Name))
		if err != nil {
			return Depths{}, err
		}
		consumers := -1
		if q.Type == topology.Classic || atLeast(version(s.conn), 4, 3) {
			consumers = work.Consumers
		}
		d.Queues = append(d.Queues, Depth{Queue: q.Name, Ready: work.Messages, Consumers: consumers, Dead: dead.Messages})
	}
	if d.Delayed, err = c.depths.delayed(s); err != nil {
		return Depths{}, err
	}
	unrouted, err := c.depths.count(s, topology.Unrouted)
	d.Unrouted = unrouted.Messages
	return d, err
}

// delayed adds up the levels. They are declared from 0 up, so the first that is missing is the end.
func (d *depths) delayed(s *session) (sum int, err error) {
	for level := range topology.Levels {
		q, err := d.count(s, topology.LevelName(level))
		if err != nil {
			return 0, err
		}
		if q.Name == "" {
			break
		}
		sum += q.Messages
	}
	return sum, nil
}

// count returns the zero Queue for one that is not there.
func (d *depths) count(s *session, name string) (amqp.Queue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.missing[name]) < missingFor {
		return amqp.Queue{}, nil
	}
	q, err := checkQueue(s.conn, name)
	if _, ok := errors.AsType[*MissingError](err); ok {
		if d.missing == nil {
			d.missing = map[string]time.Time{}
		}
		d.missing[name] = time.Now()
		return amqp.Queue{}, nil
	}
	return q, err
}
