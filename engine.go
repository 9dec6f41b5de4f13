package warrener

import (
	"context"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
	"github.com/warrener/warrener/internal/worker"
)

// The engine knows no AMQP and internal/queue knows no handlers; this file joins them.

func (c WorkerConfig) engine(l *links) worker.Config {
	cfg := worker.Config{
		Name:         c.Name,
		Concurrency:  c.Concurrency,
		Handle:       func(ctx context.Context, t *tasks.Task) error { return c.Handler.HandleTask(ctx, newDelivery(t)) },
		Publisher:    next{l.publisher},
		Policy:       tasks.Policy{MaxAttempts: c.MaxAttempts, Backoff: tasks.Backoff(c.Backoff)},
		Timeout:      c.Timeout,
		DrainTimeout: c.DrainTimeout,
		MaxBody:      c.MaxBody,
		Log:          c.Logger,
		Observer:     c.Hooks.observer(),
	}
	for i, q := range l.queues {
		cfg.Queues = append(cfg.Queues, worker.Queue{
			Name:          q.Name,
			Weight:        max(c.Queues[i].Weight, 1),
			DeliveryLimit: q.DeliveryLimit,
			Source: source{l.consumer, queue.Subscription{
				Queue: q, Prefetch: c.Prefetch, AckEach: c.AckEach, Timeout: c.Timeout, ConsumerTimeout: c.ConsumerTimeout,
			}},
		})
	}
	return cfg
}

// source is one queue for the engine.
type source struct {
	consumer     *queue.Consumer
	subscription queue.Subscription
}

func (s source) Consume(ctx context.Context, deliver func(worker.Delivery), withdraw func()) error {
	return s.consumer.Consume(ctx, s.subscription, func(d *queue.Delivery) { deliver(d) }, withdraw)
}

// nextTimeout bounds one try to publish what follows an attempt. It is long, for a message that was sent and whose confirm
// is not waited for is sent again.
const nextTimeout = 30 * time.Second

// next publishes what follows an attempt.
type next struct{ publisher *queue.Publisher }

func (n next) Retry(ctx context.Context, queueName string, m tasks.Message, delay time.Duration) error {
	route, err := topology.After(queueName, delay)
	if err != nil {
		return err
	}
	return n.publish(ctx, route, &m)
}

func (n next) DeadLetter(ctx context.Context, queueName string, m tasks.Message) error {
	return n.publish(ctx, topology.ToDead(queueName), &m)
}

func (n next) publish(ctx context.Context, route topology.Route, m *tasks.Message) error {
	ctx, cancel := context.WithTimeout(ctx, nextTimeout)
	defer cancel()
	return n.publisher.Publish(ctx, queue.Publication{Route: route, Message: m})
}

// observer tells the hooks what the engine does.
func (h Hooks) observer() worker.Observer {
	var o worker.Observer
	if h.Received != nil {
		o.Received = func(i worker.Info) { h.Received(taskInfo(i)) }
	}
	if h.Started != nil {
		o.Started = func(i worker.Info, waited time.Duration) { h.Started(taskInfo(i), waited) }
	}
	if h.Finished != nil {
		o.Finished = func(i worker.Info, took time.Duration, err error) { h.Finished(taskInfo(i), took, err) }
	}
	if h.Settled != nil {
		o.Settled = func(i worker.Info, s worker.Settlement) {
			h.Settled(taskInfo(i), Settlement{Outcome: Outcome(s.Outcome), Reason: Reason(s.Reason), Delay: s.Delay, Err: s.Err})
		}
	}
	return o
}

func taskInfo(i worker.Info) TaskInfo {
	return TaskInfo{ID: i.ID, Name: i.Task, Queue: i.Queue, Attempt: i.Attempt, Redelivered: i.Redelivered}
}

// measure tells the hook what waits at the broker, at once and then from time to time.
func (l *links) measure(ctx context.Context, cfg WorkerConfig) {
	ticker := time.NewTicker(depthInterval)
	defer ticker.Stop()
	for {
		depths, err := l.consumer.Depths(ctx, l.queues)
		switch {
		case err == nil:
			cfg.Hooks.Depths(publicDepths(depths))
		case ctx.Err() == nil:
			cfg.Logger.Warn("broker's counts not read", "component", "worker", "err", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func publicDepths(d queue.Depths) Depths {
	public := Depths{Delayed: d.Delayed, Unrouted: d.Unrouted}
	for _, q := range d.Queues {
		public.Queues = append(public.Queues, QueueDepth{Queue: q.Queue, Ready: q.Ready, Unacked: -1, Consumers: q.Consumers, Dead: q.Dead})
	}
	return public
}
