package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// Depths are the broker's counts, as a passive declare gives them. What is not there counts as empty; what may not be asked for
// is -1: RabbitMQ 4.3 answers only those who may configure, write or read the queue.
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

// notAskedFor is how long a queue that was not there, or was refused, is not asked for again: each such question closes a channel
// and leaves an error in the broker's log.
const notAskedFor = 5 * time.Minute

const untold = -1

// depths remembers which queues could not be counted.
type depths struct {
	mu        sync.Mutex
	uncounted map[string]uncounted
}

type uncounted struct {
	since    time.Time
	messages int // 0: not there; untold: refused
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
		if q.Type == topology.Classic || AtLeast(version(s.conn), 4, 3) {
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
		if q.Messages == untold {
			return untold, nil
		}
		if q.Name == "" {
			break
		}
		sum += q.Messages
	}
	return sum, nil
}

// count returns the zero Queue for one that is not there, and untold messages for one that may not be asked for. No lock is held
// while the broker is asked: many wait for answers here.
func (d *depths) count(s *session, name string) (amqp.Queue, error) {
	if u, ok := d.lately(name); ok {
		return amqp.Queue{Messages: u.messages}, nil
	}
	q, err := countQueue(s.conn, name)
	messages := 0
	switch _, missing := errors.AsType[*MissingError](err); {
	case missing:
	case errors.Is(err, ErrAccessRefused):
		messages = untold
	default:
		return q, err
	}
	d.note(name, messages)
	return amqp.Queue{Messages: messages}, nil
}

// lately is what was found when a queue could not be counted a short time ago.
func (d *depths) lately(name string) (uncounted, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, ok := d.uncounted[name]
	return u, ok && time.Since(u.since) < notAskedFor
}

func (d *depths) note(name string, messages int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.uncounted == nil {
		d.uncounted = map[string]uncounted{}
	}
	d.uncounted[name] = uncounted{since: time.Now(), messages: messages}
}

// forget lets a queue be asked for again.
func (d *depths) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.uncounted, name)
}
