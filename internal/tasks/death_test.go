package tasks_test

import (
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestDeathOf(t *testing.T) {
	t.Parallel()

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ours := tasks.Death{Reason: tasks.ReasonExhausted, Err: "no luck", Worker: "w1", At: at}
	written := tasks.Dead(&tasks.Message{ID: "1", Type: "a"}, ours)
	brokers := func(reason string) *tasks.Message {
		return &tasks.Message{Headers: map[string]any{"x-first-death-reason": "expired", "x-death": []any{
			map[string]any{"reason": reason}, map[string]any{"reason": "expired"}, // it had been delayed
		}}}
	}
	for name, test := range map[string]struct {
		message *tasks.Message
		reason  tasks.Reason
		err     string
		ok      bool
	}{
		"a worker's":            {&written, tasks.ReasonExhausted, "no luck", true},
		"the delivery limit's":  {brokers("delivery_limit"), tasks.ReasonCrashed, "came back from its workers more often than the queue's delivery limit allows", true},
		"another's":             {brokers("rejected"), "rejected", "dead-lettered by the broker", true},
		"nobody's":              {&tasks.Message{Headers: map[string]any{"x-death": "no list"}}, "", "", false},
		"headers of wrong type": {&tasks.Message{Headers: map[string]any{"warrener-reason": 7, "x-death": []any{true}}}, "", "", false},
	} {
		death, ok := tasks.DeathOf(test.message)
		if ok != test.ok || death.Reason != test.reason || death.Err != test.err {
			t.Errorf("%s: %+v, %v", name, death, ok)
		}
	}
	if death, _ := tasks.DeathOf(&written); death != ours {
		t.Errorf("read %+v, written %+v", death, ours)
	}
}
