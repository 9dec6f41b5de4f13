package bench

import "context"

// side is one of the two that do the work. What it does not do within ctx it returns an error for.
type side interface {
	// publish publishes payloads as fast as one caller can, and returns when the broker has all of them.
	publish(ctx context.Context, queue string, ps []payload) error
	// call does the same from several callers, where that makes a difference.
	call(ctx context.Context, queue string, ps []payload, callers int) error
	// serve runs handlers while during runs, whose context ends when that cannot go on.
	serve(ctx context.Context, j job, during func(context.Context) error) error
}

// job is what a worker does.
type job struct {
	queue   string
	slots   int
	handle  func(context.Context, payload) error
	settled func(error) // nil for a task that is acked
}

// handler makes a handler that counts, and then does nothing or what work says.
func (t *tally) handler(work func(context.Context, payload)) func(context.Context, payload) error {
	return func(ctx context.Context, p payload) error {
		t.start(p)
		if work != nil {
			work(ctx, p)
		}
		return nil
	}
}
