// Package operate answers what those who run Warrener ask of its queues and its topology, and does what they want done. It
// talks AMQP, and asks the management API for what AMQP does not tell, where there is one. What cannot be known is nil, and
// Unknown says why.
package operate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// Config says where the broker is.
type Config struct {
	Address        string // one or several, separated by commas
	Management     string // the API's address; "" for none
	ConnectTimeout time.Duration
	Name           string // of the connection, as the broker shows it
	Log            *slog.Logger
}

// Broker is a broker that can be asked.
type Broker struct {
	amqp *queue.Operator
	api  *management.Client // nil without an address of it
}

// ErrManagementURL means that the API's address is none.
var ErrManagementURL = errors.New("--management-url")

// Open connects. Close ends it, and so does ctx.
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	urls, err := queue.Addresses(cfg.Address)
	if err != nil {
		return nil, err
	}
	b := &Broker{}
	if cfg.Management != "" {
		if b.api, err = management.New(cfg.Management, cfg.Address); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrManagementURL, err)
		}
	}
	b.amqp, err = queue.Operate(ctx, queue.Config{
		URLs: func() ([]string, error) { return urls, nil },
		Name: cfg.Name, ConnectTimeout: cfg.ConnectTimeout, Log: cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return b, nil
}

// Close ends the connection.
func (b *Broker) Close() { b.amqp.Close() }

// State is what is known of a work queue.
type State struct {
	Queue     string `json:"queue"`
	Type      string `json:"type"`
	Paused    *Pause `json:"paused"`    // nil: it is not
	Ready     int    `json:"ready"`     // wait for a worker
	Unacked   *int   `json:"unacked"`   // are with a worker
	Consumers *int   `json:"consumers"` // subscriptions of workers
	Oldest    *Wait  `json:"oldest"`    // the one at the head
	Dead      *int   `json:"dead"`      // in the dead-letter queue
	Delayed   *int   `json:"delayed"`   // of all queues together
}

// Wait is how long a message has waited.
type Wait struct {
	Since   time.Time `json:"since"`
	Seconds float64   `json:"seconds"`
}

// Show looks at one queue. Expected says how it should be; without a type it may have either.
func (b *Broker) Show(ctx context.Context, expected topology.WorkQueue) (State, []Difference, error) {
	s, err := b.state(ctx, expected.Name)
	if err != nil {
		return State{}, nil, err
	}
	if s.Delayed, err = b.delayed(); err != nil {
		return State{}, nil, err
	}
	if expected.Type == "" {
		expected.Type = s.Type
	}
	differences, err := b.Diff(ctx, topology.Work(expected))
	return s, differences, err
}

func (b *Broker) state(ctx context.Context, name string) (State, error) {
	count, err := b.amqp.Count(name)
	if err != nil {
		return State{}, err
	}
	s := State{Queue: name, Ready: count.Ready}
	if err := b.ask(ctx, &s); err != nil {
		return State{}, err
	}
	if s.Type == "" {
		if s.Type, err = b.amqp.QueueType(name); err != nil {
			return State{}, err
		}
	}
	if b.amqp.CountsConsumers(s.Type) {
		s.Consumers = &count.Consumers // as it is now, and not some seconds ago
	}
	if s.Dead, err = b.optional(topology.DeadQueue(name)); err != nil {
		return State{}, err
	}
	s.Paused, err = b.pause(name)
	return s, err
}

// ask adds what the API tells.
func (b *Broker) ask(ctx context.Context, s *State) error {
	if b.api == nil {
		return nil
	}
	q, err := b.api.Counts(ctx, s.Queue)
	if err != nil {
		return err
	}
	s.Type = q.Type
	if q.Unacked >= 0 {
		s.Unacked = &q.Unacked
	}
	if q.Consumers >= 0 {
		s.Consumers = &q.Consumers
	}
	if !q.Oldest.IsZero() && s.Ready > 0 {
		s.Oldest = &Wait{Since: q.Oldest, Seconds: max(0, time.Since(q.Oldest).Seconds())}
	}
	return nil
}

// optional is the count of a queue that need not be there; nil when it is not.
func (b *Broker) optional(name string) (*int, error) {
	count, err := b.amqp.Count(name)
	if missing(err) {
		return nil, nil //nolint:nilnil // nil is what is known of it
	}
	return &count.Ready, err
}

func missing(err error) bool {
	_, is := errors.AsType[*queue.MissingError](err)
	return is
}

// delayed adds up the levels, which are declared from 0 up: the first that is missing is the end.
func (b *Broker) delayed() (*int, error) {
	sum := 0
	for level := range topology.Levels {
		n, err := b.optional(topology.LevelName(level))
		if err != nil {
			return nil, err
		}
		if n == nil {
			break
		}
		sum += *n
	}
	return &sum, nil
}

// Unknown says of each figure that s does not have why that is so.
func (b *Broker) Unknown(s State) []string {
	var why []string
	switch {
	case s.Unacked == nil && b.api == nil:
		why = append(why, "unacked: AMQP does not tell; give --management-url")
	case s.Unacked == nil:
		why = append(why, "unacked: the management API does not tell yet; a queue's figures take some seconds at first")
	}
	if s.Consumers == nil {
		why = append(why, "consumers: before RabbitMQ 4.3 AMQP does not tell for quorum queues; give --management-url")
	}
	switch {
	case s.Oldest != nil || s.Ready == 0:
	case s.Type == topology.Quorum:
		why = append(why, "oldest: RabbitMQ does not tell for quorum queues; a worker's warrener_queue_wait_seconds does")
	case b.api == nil:
		why = append(why, "oldest: AMQP does not tell; give --management-url")
	default:
		why = append(why, "oldest: the message at the head does not say when it was published")
	}
	if s.Dead == nil {
		why = append(why, fmt.Sprintf("dead: there is no queue %q", topology.DeadQueue(s.Queue)))
	}
	return why
}

// ErrNeedsManagement means that AMQP alone cannot answer.
var ErrNeedsManagement = errors.New("AMQP cannot list queues: give --management-url, or name them by --queue")

// List looks at the queues named, or at all work queues, which are those bound to the exchange of tasks.
func (b *Broker) List(ctx context.Context, names []string) ([]State, error) {
	if len(names) == 0 {
		var err error
		if names, err = b.names(ctx); err != nil {
			return nil, err
		}
	}
	states := make([]State, 0, len(names))
	for _, name := range names {
		s, err := b.state(ctx, name)
		if err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	return states, nil
}

func (b *Broker) names(ctx context.Context) ([]string, error) {
	if b.api == nil {
		return nil, ErrNeedsManagement
	}
	bindings, err := b.api.AllBindings(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, bound := range bindings {
		if bound.Source == topology.WorkExchange && bound.Kind == "queue" {
			names = append(names, bound.Target)
		}
	}
	return sortedOnce(names), nil
}
