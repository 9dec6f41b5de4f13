package warrenertest_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/warrenertest"
)

// A dead letter tells why it is one, after a delay as well.
func TestDeadLetterSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := warrenertest.NewBroker(t)
		client := broker.Client(t, "reminders")
		if _, err := SendReminder.Publish(t.Context(), client, Reminder{To: "ann"}, warrener.Delay(time.Second)); err != nil {
			t.Fatal(err)
		}
		broker.RunUntilEmpty(t, warrener.WorkerConfig{
			Queues: []warrener.Queue{{Name: "reminders"}}, MaxAttempts: 1,
			Handler: warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error { panic("at once") }),
		})
		dead := broker.DeadLetters("reminders")
		if len(dead) != 1 || dead[0].Reason != warrener.ReasonExhausted || !strings.Contains(dead[0].Error, "at once") {
			t.Errorf("dead letters: %+v", dead)
		}
		if w := broker.Waiting("reminders"); w.Dead != 1 {
			t.Errorf("%+v", w)
		}
	})
}

// Acks are gathered for a moment, unless each is to go at once.
func TestWhenAcksAreSent(t *testing.T) {
	t.Parallel()
	for each, unacked := range map[bool]int{false: 3, true: 0} {
		synctest.Test(t, func(t *testing.T) {
			broker := warrenertest.NewBroker(t)
			client := broker.Client(t, "reminders")
			worker := warrener.NewWorker(warrener.WorkerConfig{
				DialFunc: broker.Dial, Queues: []warrener.Queue{{Name: "reminders"}}, AckEach: each,
				Handler: warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error { return nil }),
			})
			ended := make(chan error, 1)
			ctx, stop := context.WithCancel(t.Context())
			go func() { ended <- worker.Run(ctx) }()
			warrenertest.Advance(time.Second)
			for range 3 {
				if _, err := SendReminder.Publish(t.Context(), client, Reminder{To: "ann"}); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if w := broker.Waiting("reminders"); w.Unacked != unacked {
				t.Errorf("AckEach %t: %d of 3 unacked before any time has passed, want %d", each, w.Unacked, unacked)
			}
			warrenertest.Advance(2 * time.Millisecond)
			if w := broker.Waiting("reminders"); w.Unacked != 0 {
				t.Errorf("AckEach %t: %d of 3 unacked", each, w.Unacked)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// recorder is a test whose failure is looked at.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, _ ...any) {
	r.failure = format
	runtime.Goexit()
}

func TestWorkerThatCannotRunFailsTheTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := warrenertest.NewBroker(t)
		r := &recorder{TB: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			broker.RunUntilEmpty(r, warrener.WorkerConfig{Queues: []warrener.Queue{{Name: "reminders"}}})
		}()
		<-ended
		if !strings.HasPrefix(r.failure, "the worker ended") {
			t.Errorf("failure %q", r.failure)
		}
	})
}

// Outside of a bubble time is real.
func TestInRealTime(t *testing.T) {
	t.Parallel()
	broker := warrenertest.NewBroker(t)
	if _, err := SendReminder.Publish(t.Context(), broker.Client(t, "reminders"), Reminder{To: "ann"}, warrener.Delay(200*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	m := &mailer{}
	broker.RunUntilEmpty(t, m.worker())
	if len(m.sent) != 1 {
		t.Errorf("sent %v", m.sent)
	}
}
