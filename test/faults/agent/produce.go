package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/test/faults/ledger"
	"github.com/warrener/warrener/test/faults/poison"
)

// produce publishes tasks, each again under its id until the broker has it.
func produce(ctx context.Context, o *options) error {
	client, err := warrener.Dial(ctx, warrener.ClientConfig{
		URL: o.url, Queues: []warrener.Queue{{Name: o.queue}}, PublishTimeout: o.timeout, ConnectTimeout: time.Minute,
	})
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	defer func() { _ = client.Close() }() // all that is published has been answered
	return each(ctx, o, func(n int) error { return persist(ctx, client, o, n) })
}

// persist publishes one task until it is accepted. It goes on for a while when it is told to end: the answer may be near.
func persist(ctx context.Context, client *warrener.Client, o *options, n int) error {
	task := warrener.Task{ID: fmt.Sprintf("%s-%d", o.prefix, n), Name: poison.Healthy, Queue: o.queue, Payload: []byte(`{}`)}
	if o.shaky > 0 && n%o.shaky == 1 {
		task.Name = poison.Shaky
	}
	if o.poison > 0 && n%o.poison == 0 {
		class := poison.Class(n / o.poison)
		task.Name, task.ID = class, fmt.Sprintf("%s-%s", task.ID, class)
		if class == poison.Malformed {
			task.ID = uuid.NewString() // of a message that is none of ours
			return publishMalformed(o, task)
		}
	}
	for {
		if err := o.ledger.Note(ledger.Try, task.ID, ""); err != nil {
			return err
		}
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.timeout)
		_, err := client.Publish(patient, task)
		cancel()
		if err == nil {
			return o.ledger.Commit(ledger.Accepted, task.ID, "")
		}
		if noteErr := o.ledger.Note(ledger.Refused, task.ID, err.Error()); noteErr != nil {
			return noteErr
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// each calls publish for the numbers from 1 on, at o.rate and from o.callers goroutines, until ctx is done or o.count.
func each(ctx context.Context, o *options, publish func(n int) error) error {
	numbers := make(chan int)
	var lanes sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range o.callers {
		lanes.Go(func() {
			for n := range numbers {
				if err := publish(n); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	feed(ctx, o, numbers)
	close(numbers)
	lanes.Wait()
	return failed
}

// feed hands out what is due by the time that has passed: ticks come late, and some not at all. What could not be handed out
// for longer than arrears is not made up for, so that an outage is not followed by a flood.
func feed(ctx context.Context, o *options, numbers chan<- int) {
	const (
		every   = 5 * time.Millisecond
		arrears = 100 * time.Millisecond
	)
	tick := time.NewTicker(every)
	defer tick.Stop()
	due, last := 0.0, time.Now()
	for n := 1; o.count == 0 || n <= o.count; {
		if o.rate > 0 && due < 1 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			now := time.Now()
			due, last = due+float64(o.rate)*min(now.Sub(last), arrears).Seconds(), now
			continue
		}
		select {
		case numbers <- n:
			n, due = n+1, due-1
		case <-ctx.Done():
			return
		}
	}
}
