package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var running, most atomic.Int64
		r.cfg.Concurrency = 4
		r.cfg.Handle = r.handler(func(ctx context.Context, task *tasks.Task) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			return takes(time.Second)(ctx, task)
		})
		for i := range 20 {
			r.put("q", fmt.Sprint(i))
		}

		r.runFor(t.Context(), 5*time.Second)

		equal(t, "running at once", most.Load(), 4)
		equal(t, "left after five seconds", r.left(), 0)
	})
}

func TestSlotIsFreeWhileItsTaskIsSettled(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.confirmAfter = time.Minute
		r.cfg.DrainTimeout = time.Hour
		r.cfg.Handle = r.handler(func(_ context.Context, task *tasks.Task) error {
			if task.ID == "bad" {
				return tasks.Permanent(errors.New("no"))
			}
			return nil
		})
		r.put("q", "bad", "good")

		stop := r.start(t.Context())
		sleep(time.Second)
		equalSlices(t, "settled while the dead letter is not confirmed", r.history(), []string{"ack good"})
		equal(t, "stop", stop(), nil)
		equalSlices(t, "settled in the end", r.history(), []string{"ack good", "dead bad", "ack bad"})
	})
}

func TestQueuesShareSlotsByWeight(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Queues = []Queue{
			{Name: "a", Weight: 3, Source: r.source("a", 100)},
			{Name: "b", Source: r.source("b", 100)},
		}
		r.cfg.Handle = r.handler(takes(time.Second))
		r.put("a", "first")
		stop := r.start(t.Context())
		sleep(100 * time.Millisecond) // the rest waits before the second one starts
		r.put("a", "a1", "a2", "a3", "a4", "a5")
		r.put("b", "b1", "b2")
		sleep(8 * time.Second)

		equal(t, "stop", stop(), nil)
		equalSlices(t, "started", r.starts(), []string{"first", "a1", "a2", "b1", "a3", "a4", "a5", "b2"})
	})
}

func TestTenThousandTasksOfASecondTakeASecond(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		r := newRig(t)
		r.cfg.Queues[0].Source = r.source("q", n)
		r.cfg.Concurrency = n
		r.cfg.Handle = r.handler(takes(time.Second))
		for i := range n {
			r.put("q", fmt.Sprint(i))
		}

		r.runFor(t.Context(), time.Second)
		equal(t, "left", r.left(), 0)
	})
}

// verdict is what follows from how a handler ended.
type verdict struct {
	name     string
	task     tasks.Task
	handle   func(context.Context, *tasks.Task) error
	history  string // after the first attempt
	outcome  string // of the first attempt
	reason   tasks.Reason
	delay    time.Duration
	contains string // in the error
}

func verdicts() []verdict {
	boom := errors.New("boom")
	returns := func(err error) func(context.Context, *tasks.Task) error {
		return func(context.Context, *tasks.Task) error { return err }
	}
	return []verdict{
		{name: "nil", handle: returns(nil), history: "ack x", outcome: Acked},
		{
			name: "error", handle: returns(boom),
			history: "retry x,ack x", outcome: Retried, delay: time.Second / 2, contains: "boom",
		},
		{
			name: "retry after", handle: returns(tasks.RetryAfter(time.Hour, boom)),
			history: "retry x,ack x", outcome: Retried, delay: time.Hour, contains: "boom",
		},
		{
			name: "backoff of the task", handle: returns(boom),
			task:    tasks.Task{Backoff: tasks.Backoff{Min: time.Minute, Max: time.Minute}},
			history: "retry x,ack x", outcome: Retried, delay: time.Minute / 2,
		},
		{
			name: "permanent", handle: returns(tasks.Permanent(boom)),
			history: "dead x,ack x", outcome: DeadLettered, reason: tasks.ReasonPermanent, contains: "boom",
		},
		{
			name: "attempts used up", handle: returns(boom), task: tasks.Task{Attempt: 3},
			history: "dead x,ack x", outcome: DeadLettered, reason: tasks.ReasonExhausted, contains: "boom",
		},
		{
			name: "unknown task", handle: returns(tasks.ErrUnknownTask),
			history: "dead x,ack x", outcome: DeadLettered, reason: tasks.ReasonUnknownTask,
		},
		{
			name: "malformed payload", handle: returns(tasks.Malformed(boom)),
			history: "dead x,ack x", outcome: DeadLettered, reason: tasks.ReasonMalformed,
		},
		{
			name: "panic", handle: func(context.Context, *tasks.Task) error { panic("ouch") },
			history: "retry x,ack x", outcome: Retried, delay: time.Second / 2, contains: "panic: ouch\ngoroutine",
		},
		{
			name: "panic of nil", handle: func(context.Context, *tasks.Task) error { panic(nil) },
			history: "retry x,ack x", outcome: Retried, delay: time.Second / 2, contains: "panic",
		},
		{
			name: "Goexit", handle: func(context.Context, *tasks.Task) error { runtime.Goexit(); return nil },
			history: "retry x,ack x", outcome: Retried, delay: time.Second / 2, contains: "ended its goroutine",
		},
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()

	for _, test := range verdicts() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Handle = r.handler(test.handle)
				test.task.ID, test.task.Name, test.task.Queue = "x", "x", "q"
				r.putTask(test.task)

				stop := r.start(t.Context())
				sleep(time.Millisecond)
				equal(t, "stop", stop(), nil)

				equal(t, "history", strings.Join(r.history(), ","), test.history)
				s := r.first("x")
				equal(t, "outcome", s.Outcome, test.outcome)
				equal(t, "reason", s.Reason, test.reason)
				equal(t, "delay", s.Delay, test.delay)
				if test.outcome != Acked && (s.Err == nil || !strings.Contains(s.Err.Error(), test.contains)) {
					t.Errorf("error %v, want one that contains %q", s.Err, test.contains)
				}
			})
		})
	}
}

// A task that fails each time goes through all its attempts, and its slot is there for the next one each time.
func TestAttemptsUntilExhausted(t *testing.T) {
	t.Parallel()

	for name, fail := range map[string]func(){
		"error":  func() {},
		"panic":  func() { panic("ouch") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Handle = r.handler(func(context.Context, *tasks.Task) error {
					fail()
					return errors.New("no luck")
				})
				r.put("q", "x")

				r.runFor(t.Context(), time.Minute)

				equal(t, "outcomes", r.outcomes("x"), "retried retried dead_lettered")
				equalSlices(t, "graves", r.graves(), []string{"x exhausted"})
				equal(t, "left", r.left(), 0)
			})
		})
	}
}

// What cannot be run is dead-lettered and never started.
func TestNotRun(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name    string
		message tasks.Message
		want    string
	}{
		{"malformed", tasks.Message{ID: "x", Type: "x", Headers: map[string]any{"warrener-attempt": "one"}}, "x malformed"},
		{"too large", tasks.Message{ID: "x", Type: "x", Body: make([]byte, 2000)}, "x malformed"},
		{"malformed without id", tasks.Message{Body: make([]byte, 2000)}, "c.1 malformed"},
		{
			"expired", tasks.Message{ID: "x", Type: "x", Headers: map[string]any{"warrener-expires-at": "1999-12-31T23:59:59Z"}},
			"x expired",
		},
		{
			"expires now", tasks.Message{ID: "x", Type: "x", Headers: map[string]any{"warrener-expires-at": "2000-01-01T00:00:00Z"}},
			"x expired",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) { // which begins with the year 2000
				r := newRig(t)
				r.cfg.MaxBody = 1000
				r.putMessage("q", test.message)
				r.put("q", "next")

				r.runFor(t.Context(), time.Millisecond)

				equalSlices(t, "started", r.starts(), []string{"next"})
				equalSlices(t, "graves", r.graves(), []string{test.want})
				equal(t, "left", r.left(), 0)
			})
		})
	}
}

func TestTaskWithoutIDHasOneForItsDelivery(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.putMessage("q", tasks.Message{Body: []byte("Hello World!")})
		r.runFor(t.Context(), time.Millisecond)
		equalSlices(t, "history", r.history(), []string{"ack c.1"})
	})
}

func TestTimeouts(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name           string
		task, standard time.Duration
		want           time.Duration
		outcome        string
	}{
		{name: "none", want: time.Hour, outcome: Acked},
		{name: "the worker's", standard: time.Minute, want: time.Minute, outcome: Retried},
		{name: "the task's", task: time.Second, want: time.Second, outcome: Retried},
		{name: "the task's before the worker's", task: 2 * time.Minute, standard: time.Minute, want: 2 * time.Minute, outcome: Retried},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Timeout = test.standard
				r.cfg.Policy.Backoff = tasks.Backoff{Min: 24 * time.Hour, Max: 24 * time.Hour}
				var took time.Duration
				r.cfg.Observer.Finished = func(_ Info, d time.Duration, _ error) { took = d }
				r.cfg.Handle = r.handler(takes(time.Hour))
				r.putTask(tasks.Task{ID: "x", Name: "x", Queue: "q", Timeout: test.task})

				r.runFor(t.Context(), 2*time.Hour)

				equal(t, "took", took, test.want)
				equal(t, "outcome", r.outcomes("x"), test.outcome)
				err := r.first("x").Err
				equal(t, "deadline exceeded", errors.Is(err, context.DeadlineExceeded), test.outcome == Retried)
			})
		})
	}
}

// A handler that finished its work is done, even when its deadline passed meanwhile.
func TestWorkDoneAfterTheDeadlineIsDone(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Timeout = time.Second
		r.cfg.Handle = r.handler(func(context.Context, *tasks.Task) error {
			sleepAlone(2 * time.Second)
			return nil
		})
		r.put("q", "x")
		r.runFor(t.Context(), time.Minute)
		equal(t, "outcome", r.outcomes("x"), Acked)
	})
}

func TestHandlersContextEndsWithTheHandler(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var kept context.Context
		r.cfg.Handle = r.handler(func(ctx context.Context, _ *tasks.Task) error {
			kept = ctx
			return ctx.Err()
		})
		r.put("q", "x")
		stop := r.start(t.Context())
		synctest.Wait()
		equal(t, "the context after the handler", kept.Err(), context.Canceled)
		equal(t, "stop", stop(), nil)
	})
}

// One report for each handler that ignores its context, and no more.
func TestHandlerThatIgnoresItsDeadlineIsReportedOnce(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Concurrency = 2
		r.cfg.Handle = r.handler(func(_ context.Context, task *tasks.Task) error {
			sleepAlone(30 * time.Second)
			return nil
		})
		r.putTask(tasks.Task{ID: "deaf", Name: "deaf", Queue: "q", Timeout: 10 * time.Second})
		r.putTask(tasks.Task{ID: "slow", Name: "slow", Queue: "q"})

		stop := r.start(t.Context())
		sleep(14 * time.Second)
		equal(t, "reports before", len(r.logged("handler ignores its context")), 0)
		sleep(2 * time.Second)
		equal(t, "reports then", len(r.logged("handler ignores its context")), 1)
		sleep(20 * time.Second)
		equal(t, "stop", stop(), nil)
		reports := r.logged("handler ignores its context")
		equal(t, "reports in all", len(reports), 1)
		equal(t, "task_id", reports[0]["task_id"], any("deaf"))
		equal(t, "level", reports[0]["level"], any("WARN"))
	})
}

func TestObserverSeesEachStep(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var steps []string
		note := func(step string, i Info, more ...any) {
			steps = append(steps, strings.TrimSpace(fmt.Sprintln(append([]any{step, i.ID, i.Task, i.Queue, i.Attempt, i.Redelivered}, more...)...)))
		}
		r.cfg.Observer = Observer{
			Received: func(i Info) { note("received", i) },
			Started:  func(i Info, waited time.Duration) { note("started", i, waited) },
			Finished: func(i Info, took time.Duration, err error) { note("finished", i, took, err) },
			Settled:  func(i Info, s Settlement) { note("settled", i, s.Outcome) },
		}
		r.cfg.Handle = r.handler(takes(2 * time.Second))
		m := tasks.Message{ID: "x", Type: "mail", Headers: map[string]any{
			"warrener-attempt": int64(2), "warrener-published-at": "2000-01-01T00:00:00Z",
		}}
		sleep(3 * time.Second)
		r.putMessage("q", m)

		r.runFor(t.Context(), time.Minute)

		equalSlices(t, "steps", steps, []string{
			"received x mail q 2 false", "started x mail q 2 false 3s", "finished x mail q 2 false 2s <nil>", "settled x mail q 2 false acked",
		})
	})
}

// The wait of a task that does not tell since when is not fifty-six years.
func TestWaitThatIsUnknownIsZero(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		waits := []time.Duration{}
		r.cfg.Observer.Started = func(_ Info, waited time.Duration) { waits = append(waits, waited) }
		r.putMessage("q", tasks.Message{ID: "unknown", Type: "x"})
		r.putMessage("q", tasks.Message{ID: "ahead", Type: "x", Timestamp: time.Now().Add(time.Hour)})
		r.runFor(t.Context(), time.Second)
		equal(t, "waits", fmt.Sprint(waits), "[0s 0s]")
	})
}

func TestStaleDeliveriesAreDropped(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Handle = r.handler(takes(time.Minute))
		r.put("q", "a", "b")
		stop := r.start(t.Context())
		sleep(time.Second) // a runs, b waits
		r.reconnect()      // both are delivered once more
		sleep(5 * time.Minute)

		equal(t, "stop", stop(), nil)
		equalSlices(t, "started", r.starts(), []string{"a", "a", "b"})
		equal(t, "outcomes of what ran", r.outcomes("a"), "lost acked")
		equal(t, "outcomes of what waited", r.outcomes("b"), "stale acked")
		equal(t, "left", r.left(), 0)
	})
}

func TestSourceThatFailsEndsTheWorker(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		refused := errors.New("access refused")
		bad := r.source("bad", 1)
		r.cfg.Queues = append(r.cfg.Queues, Queue{Name: "bad", Source: bad})
		r.cfg.Handle = r.handler(takes(5 * time.Second))
		r.put("q", "a", "b")

		ended := make(chan error)
		go func() { ended <- New(r.cfg).Run(t.Context()) }()
		sleep(time.Second)
		r.process.mu.Lock()
		bad.err = refused
		r.notify()
		r.process.mu.Unlock()
		err := <-ended

		if !errors.Is(err, refused) || !strings.Contains(err.Error(), "consume bad") {
			t.Errorf("Run: %v", err)
		}
		equalSlices(t, "history", r.history(), []string{"requeue b", "ack a"})
	})
}

type quitter struct{}

func (quitter) Consume(context.Context, func(Delivery), func()) error { return nil }

func TestSourceThatEndsByItselfIsAnError(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Queues = append(r.cfg.Queues, Queue{Name: "gone", Source: quitter{}})
		err := New(r.cfg).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "consume gone") {
			t.Errorf("Run: %v", err)
		}
	})
}

// sleepAlone is for handlers that listen to nobody.
func sleepAlone(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // virtual time of a synctest bubble
}
