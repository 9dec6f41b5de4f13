package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

const (
	maxPanic = 1 << 10 // of what a panic says
	maxStack = 4 << 10 // of where it was
)

var errGoexit = errors.New("handler ended its goroutine")

// timeout is how long the handler may take; 0: unbounded.
func (a *attempt) timeout(standard time.Duration) time.Duration {
	if a.task.Timeout > 0 {
		return a.task.Timeout
	}
	return standard
}

// runnable tells whether there is no reason against running the handler, and notes one that there is.
func (a *attempt) runnable(now time.Time) bool {
	switch {
	case a.err != nil: // not understood
	case a.crashed():
		a.err = fmt.Errorf("its worker died %d times while it ran", a.comebacks())
	case !a.task.ExpiresAt.IsZero() && !now.Before(a.task.ExpiresAt):
		a.err = tasks.ErrExpired
	default:
		return true
	}
	return false
}

// handle runs the handler and keeps what it returned, however it ended. What happens before and after has functions of its
// own, which keeps the frames below the handler small: with ten thousand handlers at once it matters whether decoding JSON
// still fits into the 4 KiB of stack that their goroutines have, or makes each grow to 8.
func (e *engine) handle(ctx context.Context, a *attempt) {
	e.started(a)
	defer e.returned(ctx, a)
	a.err = errGoexit // stays if the handler does not come back
	a.err = e.cfg.Handle(ctx, &a.task)
}

func (e *engine) started(a *attempt) {
	a.begun = time.Now()
	e.cfg.Observer.Started(a.info(), a.waited(a.begun))
}

// returned is deferred, and so what ends a panic.
func (e *engine) returned(ctx context.Context, a *attempt) {
	if v := recover(); v != nil {
		a.err = panicked(v)
	}
	a.err = explain(ctx, a.err)
	e.cfg.Observer.Finished(a.info(), time.Since(a.begun), a.err)
}

// context is the handler's own: it ends when the handler has returned, at the latest.
func (a *attempt) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, a.deadline)
}

// waited is how long the attempt was due; 0 when that is unknown, or ahead of our clock.
func (a *attempt) waited(now time.Time) time.Duration {
	due := a.task.DueAt()
	if due.IsZero() {
		return 0
	}
	return max(0, now.Sub(due))
}

// panicked makes an error of a handler's panic.
func panicked(v any) error {
	text := fmt.Sprintf("panic: %v", v)
	text = strings.ToValidUTF8(text[:min(len(text), maxPanic)], "")
	stack := make([]byte, maxStack)
	return fmt.Errorf("%s\n%s", text, stack[:runtime.Stack(stack, false)])
}

// explain adds why the context ended: "context canceled" alone would tell nothing to the reader of a log.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
