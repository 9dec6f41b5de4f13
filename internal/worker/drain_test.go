package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestDrainOfAnIdleWorkerIsImmediate(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.start(t.Context())
		sleep(time.Hour)
		since := time.Now()
		equal(t, "stop", stop(), nil)
		equal(t, "took", time.Since(since), 0)
	})
}

func TestDrainLetsHandlersEndAndGivesBackTheRest(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		late := r.source("q", 5)
		late.late = 2 // on their way when the flow stops
		r.cfg.Queues[0].Source = late
		r.cfg.Concurrency = 2
		r.cfg.Handle = r.handler(takes(5 * time.Second))
		r.put("q", "a", "b", "c", "d", "e", "f", "g")

		stop := r.start(t.Context())
		sleep(time.Second)
		since := time.Now()
		equal(t, "stop", stop(), nil)

		equal(t, "took", time.Since(since), 4*time.Second)
		started := r.starts()
		slices.Sort(started)
		equalSlices(t, "started", started, []string{"a", "b"})
		equalSlices(t, "given back", r.history()[:5], []string{"requeue c", "requeue d", "requeue e", "requeue f", "requeue g"})
		equal(t, "outcomes", r.outcomes("a")+" "+r.outcomes("c")+" "+r.outcomes("g"), "acked requeued requeued")
		for _, e := range r.queue("q").ready {
			equal(t, "counted", e.count, 0)
		}
	})
}

// What comes back by the drain goes to another worker, and is done once.
func TestDrainHandsOverToAnotherWorker(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Handle = r.handler(takes(time.Second))
		r.put("q", "a", "b", "c", "d")
		r.runFor(t.Context(), 1500*time.Millisecond)
		r.runFor(t.Context(), 10*time.Second)
		equalSlices(t, "started", r.starts(), []string{"a", "b", "c", "d"})
		equal(t, "left", r.left(), 0)
	})
}

func TestHandlersContextSurvivesTheEndAndNotTheDrainTimeout(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		r := newRig(t)
		var ended time.Time
		var cause error
		r.cfg.Handle = r.handler(func(ctx context.Context, _ *tasks.Task) error {
			equal(t, "value", ctx.Value(key{}), any("kept"))
			<-ctx.Done()
			ended, cause = time.Now(), context.Cause(ctx)
			return ctx.Err()
		})
		r.put("q", "x")
		stop := r.start(context.WithValue(t.Context(), key{}, "kept"))
		sleep(time.Second)
		since := time.Now()
		equal(t, "stop", stop(), nil)

		equal(t, "ended after", ended.Sub(since), r.cfg.DrainTimeout)
		equal(t, "cause", cause, ErrDrainTimeout)
		equal(t, "outcome", r.outcomes("x"), Retried)
		err := r.first("x").Err
		equal(t, "error", err.Error(), "drain timeout: context canceled")
		equal(t, "is canceled", errors.Is(err, context.Canceled), true)
	})
}

func TestHandlersThatNoticeWithinTheGraceAreSettled(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Handle = r.handler(func(ctx context.Context, _ *tasks.Task) error {
			<-ctx.Done()
			sleepAlone(maxGrace - time.Millisecond)
			return nil // done in the last moment
		})
		r.put("q", "x")
		r.runFor(t.Context(), time.Second)
		equal(t, "outcome", r.outcomes("x"), Acked)
	})
}

func TestHandlersThatIgnoreTheirContextAreAbandoned(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		release := make(chan struct{})
		r.cfg.Concurrency = 3
		r.cfg.Handle = r.handler(func(_ context.Context, task *tasks.Task) error {
			if task.ID != "good" {
				<-release
			}
			return errors.New("too late")
		})
		r.put("q", "deaf1", "good", "deaf2", "waits1", "waits2")
		stop := r.start(t.Context())
		sleep(time.Second)
		since := time.Now()
		err := stop()

		var abandoned *AbandonedError
		if !errors.As(err, &abandoned) {
			t.Fatalf("Run: %v, want an *AbandonedError", err)
		}
		equal(t, "took", time.Since(since), r.cfg.DrainTimeout+maxGrace)
		var ids []string
		for _, info := range abandoned.Tasks {
			ids = append(ids, info.ID)
		}
		equal(t, "abandoned", len(ids), 3)
		for _, id := range ids {
			if !strings.Contains(err.Error(), id) {
				t.Errorf("%q does not name %s", err, id)
			}
		}
		logged := r.logged("handler ignored the end of its context and is left behind")
		equal(t, "log lines", len(logged), len(ids))
		equal(t, "first of them", logged[0]["task_id"], any(ids[0]))

		r.kill() // as the caller does
		before := fmt.Sprint(r.history(), r.settlements)
		close(release)
		synctest.Wait()
		equal(t, "history after they came back", fmt.Sprint(r.history(), r.settlements), before)
	})
}

func TestErrorOfTheSourceAndAbandonedTasksAreJoined(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		refused := errors.New("access refused")
		s := r.source("q", 10)
		r.cfg.Queues[0].Source = s
		r.cfg.DrainTimeout = 0
		r.cfg.Handle = r.handler(func(context.Context, *tasks.Task) error {
			sleepAlone(time.Hour)
			return nil
		})
		r.put("q", "x")
		ended := make(chan error)
		go func() { ended <- New(r.cfg).Run(t.Context()) }()
		sleep(time.Second)
		r.process.mu.Lock()
		s.err = refused
		r.notify()
		r.process.mu.Unlock()
		since := time.Now()
		err := <-ended

		equal(t, "took", time.Since(since), minGrace)
		var abandoned *AbandonedError
		if !errors.Is(err, refused) || !errors.As(err, &abandoned) {
			t.Errorf("Run: %v", err)
		}
		r.kill()
		sleep(2 * time.Hour)
	})
}

func TestGrace(t *testing.T) {
	t.Parallel()

	for drain, want := range map[time.Duration]time.Duration{
		0: 100 * time.Millisecond, 50 * time.Millisecond: 100 * time.Millisecond, time.Second: time.Second,
		25 * time.Second: 2 * time.Second,
	} {
		equal(t, drain.String(), grace(drain), want)
	}
}

// A worker that lost its connection gives nothing back: the broker has it already.
func TestDrainWithoutASession(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Handle = r.handler(takes(5 * time.Second))
		r.put("q", "a", "b")
		stop := r.start(t.Context())
		sleep(time.Second)
		time.AfterFunc(0, r.kill)
		sleep(0)
		equal(t, "stop", stop(), nil)
		equal(t, "outcomes", r.outcomes("a")+" "+r.outcomes("b"), "lost stale")
		equal(t, "left", r.left(), 2)
	})
}
