package warrenertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/warrenertest"
)

// This file is what a user's tests can look like.

type Reminder struct {
	To string `json:"to"`
}

var SendReminder = warrener.Define[Reminder]("reminder.send", warrener.OnQueue("reminders"))

// mailer is the code under test: a handler, and the mail server that it talks to.
type mailer struct {
	down  int // attempts that the server refuses
	sent  []string
	times []time.Duration
	began time.Time
}

func (m *mailer) handler() *warrener.Mux {
	mux := warrener.NewMux()
	mux.Handle(SendReminder.Handler(func(ctx context.Context, r Reminder) error {
		m.times = append(m.times, time.Since(m.began).Truncate(time.Minute))
		if warrener.DeliveryFrom(ctx).Attempt <= m.down {
			return warrener.RetryAfter(time.Hour, errors.New("mail server is down"))
		}
		if r.To == "" {
			return warrener.Permanent(errors.New("nobody to remind"))
		}
		m.sent = append(m.sent, r.To)
		return nil
	}))
	return mux
}

func (m *mailer) worker() warrener.WorkerConfig {
	m.began = time.Now()
	return warrener.WorkerConfig{Queues: []warrener.Queue{{Name: "reminders"}}, Handler: m.handler(), Concurrency: 1, MaxAttempts: 3}
}

// The mail server is down for two hours, and the test takes a fraction of a second.
func TestReminderIsTriedAgainEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := warrenertest.NewBroker(t)
		if _, err := SendReminder.Publish(t.Context(), broker.Client(t, "reminders"), Reminder{To: "ann"}); err != nil {
			t.Fatal(err)
		}
		m := &mailer{down: 2}
		broker.RunUntilEmpty(t, m.worker())
		if len(m.sent) != 1 || len(m.times) != 3 || m.times[1] != time.Hour || m.times[2] != 2*time.Hour {
			t.Errorf("sent %v at %v", m.sent, m.times)
		}
		if dead := broker.DeadLetters("reminders"); len(dead) > 0 {
			t.Errorf("dead letters: %v", dead)
		}
	})
}

func TestReminderToNobodyIsADeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := warrenertest.NewBroker(t)
		id, err := SendReminder.Publish(t.Context(), broker.Client(t, "reminders"), Reminder{})
		if err != nil {
			t.Fatal(err)
		}
		m := &mailer{}
		broker.RunUntilEmpty(t, m.worker())
		dead := broker.DeadLetters("reminders")
		if len(dead) != 1 || dead[0].ID != id || dead[0].Reason != warrener.ReasonPermanent || dead[0].Error != "nobody to remind" {
			t.Errorf("dead letters: %+v", dead)
		}
	})
}

// What a service publishes can be looked at without running it.
func TestReminderIsPublishedForTomorrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := warrenertest.NewBroker(t)
		client := broker.Client(t, "reminders")
		if _, err := SendReminder.Publish(t.Context(), client, Reminder{To: "ann"}, warrener.Delay(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if w := broker.Waiting("reminders"); w != (warrenertest.Waiting{Delayed: 1}) {
			t.Errorf("at first: %+v", w)
		}
		warrenertest.Advance(23 * time.Hour)
		if w := broker.Waiting("reminders"); w != (warrenertest.Waiting{Delayed: 1}) {
			t.Errorf("after 23 hours: %+v", w)
		}
		warrenertest.Advance(time.Hour + time.Second)
		tasks := broker.Tasks("reminders")
		if len(tasks) != 1 || tasks[0].Name != "reminder.send" || string(tasks[0].Payload) != `{"to":"ann"}` || tasks[0].Attempt != 1 {
			t.Errorf("after 24 hours: %+v", tasks)
		}
	})
}
