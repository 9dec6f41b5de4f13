package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/warrener/warrener"
)

// pipeline publishes the lines of a file in batches, two in turn, so that one is sent while the other waits for its
// confirms.
type pipeline struct {
	publisher publisher
	window    int
	account   *account
}

const (
	maxLanes = 2
	maxTries = 3 // of a task whose confirm was lost

	// confirmGrace is for what is on its way when the run is interrupted: without its confirm it would be published twice.
	confirmGrace = 2 * time.Second
)

var errNotSent = errors.New("not sent")

// run publishes what in holds. When it returns, every line that was read is accounted for, as confirmed or rejected.
func (p pipeline) run(ctx context.Context, in input, f format) error {
	taking, stop := context.WithCancel(ctx) // ends before ctx when there is no point in going on
	defer stop()
	publishing, end := outlive(ctx, confirmGrace)
	defer end()
	var from io.Reader = in
	if !in.file { // a file is read to its end, to account for what is not published
		from = interruptible(taking, in)
	}
	lanes := min(p.window, maxLanes)
	batches := make(chan []item)
	var reading, sending sync.WaitGroup
	var failed error
	reading.Go(func() {
		defer close(batches)
		failed = read(newLines(from, f, p.account.bad), p.window/lanes, batches)
	})
	for range lanes {
		sending.Go(func() {
			for batch := range until(taking, batches) {
				if err := p.publish(publishing, batch); err != nil {
					p.account.giveUp(err)
					stop()
				}
			}
		})
	}
	sending.Wait()
	for batch := range batches {
		p.account.reject(errNotSent, batch...)
	}
	reading.Wait()
	return failed
}

// outlive returns a context that ends some time after ctx, for the same reason.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(by):
			cancel(context.Cause(ctx))
		case <-later.Done():
		}
	})
	return later, func() { stop(); cancel(nil) }
}

func read(from *lines, size int, batches chan<- []item) error {
	for {
		batch, err := from.batch(size)
		if len(batch) > 0 {
			batches <- batch // somebody takes it: the lanes, or after them run
		}
		switch {
		case errors.Is(err, errStopped):
			return nil
		case err != nil || len(batch) == 0:
			return err
		}
	}
}

// until yields batches until there are no more or ctx is done.
func until(ctx context.Context, batches <-chan []item) func(yield func([]item) bool) {
	return func(yield func([]item) bool) {
		for ctx.Err() == nil {
			select {
			case batch, ok := <-batches:
				if !ok || !yield(batch) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// publish returns an error when not one of the batch was accepted, for a reason that holds for all that follow.
func (p pipeline) publish(ctx context.Context, batch []item) error {
	var last error
	hopeless := true
	for try := 1; len(batch) > 0; try++ {
		var again, confirmed []item
		for i, result := range p.publisher.PublishMany(ctx, tasksOf(batch)) {
			switch err := result.Err; {
			case err == nil:
				confirmed = append(confirmed, batch[i])
			case errors.Is(err, warrener.ErrUnknownOutcome) && try < maxTries && ctx.Err() == nil:
				again = append(again, batch[i])
			default:
				last = err
				hopeless = hopeless && holdsForAll(err)
				p.account.reject(err, batch[i])
			}
		}
		hopeless = hopeless && len(confirmed) == 0
		p.account.confirm(confirmed)
		batch = again
	}
	if hopeless {
		return last
	}
	return nil
}

func tasksOf(batch []item) []warrener.Task {
	tasks := make([]warrener.Task, len(batch))
	for i := range batch {
		tasks[i] = batch[i].task
	}
	return tasks
}

// holdsForAll says whether err is about the broker rather than about one task.
func holdsForAll(err error) bool {
	for _, general := range []error{
		warrener.ErrUnavailable, warrener.ErrBlocked, warrener.ErrUnknownOutcome, warrener.ErrAccessRefused, warrener.ErrClosed,
	} {
		if errors.Is(err, general) {
			return true
		}
	}
	return false
}
