package faults

import (
	"context"
	"errors"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// F13: clients with a bug. Each scenario has to find that tasks are lost; one that does not has failed.
func brokenSuite() []*Scenario {
	usual := Scenario{Suite: "F13", Brief: true, Workers: 2, Concurrency: 20, Hold: 5 * time.Millisecond, Producers: 1, Callers: 4, Rate: 300, Faults: [3]int{3, 5, 5}}
	returns, confirms, auto, first, recovery, dropped := usual, usual, usual, usual, usual, usual

	returns.Name, returns.Broken, returns.BadRole = "returns-ignored", "ignores-returns", "produce"
	returns.Does, returns.Inject = "a producer does not look at returns while the queue cannot be reached", unbinds

	confirms.Name, confirms.Broken, confirms.BadRole = "confirms-ignored", "ignores-confirms", "produce"
	confirms.Does = "a producer takes what it has written for published while connections are closed"
	confirms.Hold, confirms.Rate, confirms.Inject, confirms.Faults = 0, 1000, closes(300*time.Millisecond), [3]int{20, 20, 20}

	auto.Name, auto.Broken, auto.BadRole, auto.Does = "auto-ack", "auto-ack", "work", "workers consume without acks, and one is killed"
	auto.Hold, auto.Inject = 10*time.Millisecond, kills // more comes than is done: it waits in the workers
	first.Name, first.Broken, first.BadRole, first.Does = "acked-first", "acks-first", "work", "workers ack before they work, and one is killed"
	// Only a task between its ack and its effect is lost: it is there for long, and the next one waits already.
	first.Hold, first.Rate, first.Inject, first.Faults = 20*time.Millisecond, 200, kills, [3]int{10, 20, 20}

	recovery.Name, recovery.Broken, recovery.BadRole = "library-recovery", "recovers", "work"
	recovery.Does = "workers use the client library's recovery, which acks by old tags what it never worked on"
	// Likewise: an old tag has to be one of those that the new channel has given out and that were not worked on yet.
	recovery.Concurrency, recovery.Rate, recovery.Hold = 200, 500, 20*time.Millisecond
	recovery.Inject, recovery.Faults = closesAndKills, [3]int{3, 3, 3}

	dropped.Name, dropped.Broken, dropped.BadRole = "drop-head", "drop-head", "both"
	dropped.Does = "a queue with a maximum length and RabbitMQ's default, which drops its oldest message"
	dropped.Declare, dropped.Inject, dropped.Rate, dropped.Hold = shortQueue, kills, 1000, 50*time.Millisecond
	return []*Scenario{&returns, &confirms, &auto, &first, &recovery, &dropped}
}

// unbinds takes the queue's binding away for a moment, again and again.
func unbinds(ctx context.Context, w *World, faults int) error {
	for range faults {
		w.Fault("no binding", 0)
		err := w.withChannel(func(ch *amqp.Channel) error {
			if err := ch.QueueUnbind(queue, queue, "warrener.work", nil); err != nil {
				return err
			}
			if err := w.Pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
			return ch.QueueBind(queue, queue, "warrener.work", false, nil)
		})
		if err != nil {
			return err
		}
		if err := w.Pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// closes makes the broker close all connections, with a pause after each time.
func closes(pause time.Duration) func(context.Context, *World, int) error {
	return func(ctx context.Context, w *World, faults int) error {
		for range faults {
			w.Fault("all connections closed", 0)
			if err := w.Broker.CloseConnections(ctx); err != nil {
				return err
			}
			if err := w.Pause(ctx, pause); err != nil {
				return err
			}
		}
		return nil
	}
}

// closesAndKills gives workers the time to recover and to settle by old tags, and kills them.
func closesAndKills(ctx context.Context, w *World, faults int) error {
	for range faults {
		if err := w.busy(ctx); err != nil {
			return err
		}
		w.Fault("all connections closed, then the workers killed", 0)
		if err := w.Broker.CloseConnections(ctx); err != nil {
			return err
		}
		if err := w.consumed(ctx, 10*time.Second); err != nil && !errors.Is(err, errNotSo) { // the library may not come back
			return err
		}
		if err := w.Pause(ctx, 600*time.Millisecond); err != nil {
			return err
		}
		for _, a := range w.workers {
			if _, _, err := a.signal(syscall.SIGKILL); err != nil {
				return err
			}
		}
	}
	return nil
}

// busy waits until the workers are at work and their windows are full. Those that were killed have not come back yet.
func (w *World) busy(ctx context.Context) error {
	if err := w.consumed(ctx, time.Minute); err != nil {
		return err
	}
	if _, err := w.allBegin(ctx, time.Now(), startWithin); err != nil {
		return err
	}
	return w.until(ctx, time.Minute, func() (bool, error) {
		left, err := w.left()
		return left > 50, err
	})
}

// consumed waits until the queue has consumers.
func (w *World) consumed(ctx context.Context, within time.Duration) error {
	return w.until(ctx, within, func() (bool, error) {
		consumers := 0
		err := w.withChannel(func(ch *amqp.Channel) error {
			q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			consumers = q.Consumers
			return err
		})
		return consumers >= len(w.workers), err
	})
}

func kills(ctx context.Context, w *World, faults int) error {
	for range faults {
		if err := w.Pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		w.Fault("worker killed", 0)
		if _, _, err := w.workers[w.rng.IntN(len(w.workers))].signal(syscall.SIGKILL); err != nil {
			return err
		}
	}
	return nil
}

// shortQueue replaces the queue by one that drops.
func shortQueue(ch *amqp.Channel) error {
	if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
		return err
	}
	args := amqp.Table{"x-queue-type": "quorum", "x-max-length": 50, "x-overflow": "drop-head"}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		return err
	}
	return ch.QueueBind(queue, queue, "warrener.work", false, nil)
}
