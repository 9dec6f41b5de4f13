package warrener

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

var errFull = errors.New("mailbox full")

func TestErrorOfAHandlerDecides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		err     error
		verdict tasks.Verdict
		reason  Reason
		delay   time.Duration
	}{
		{"nil", nil, tasks.Ack, "", 0},
		{"any error", errFull, tasks.Retry, "", time.Second},
		{"permanent", Permanent(errFull), tasks.DeadLetter, ReasonPermanent, 0},
		{"permanent, wrapped", fmt.Errorf("send: %w", Permanent(errFull)), tasks.DeadLetter, ReasonPermanent, 0},
		{"permanent nothing", Permanent(nil), tasks.Ack, "", 0},
		{"retry after", RetryAfter(time.Minute, errFull), tasks.Retry, "", time.Minute},
		{"retry after nothing", RetryAfter(time.Minute, nil), tasks.Retry, "", time.Minute},
		{"malformed", Malformed(errFull), tasks.DeadLetter, ReasonMalformed, 0},
		{"malformed nothing", Malformed(nil), tasks.Ack, "", 0},
		{"unknown task", ErrUnknownTask, tasks.DeadLetter, ReasonUnknownTask, 0},
		{"expired", ErrExpired, tasks.DeadLetter, ReasonExpired, 0},
	}
	policy := tasks.Policy{Backoff: tasks.Backoff{Min: 2 * time.Second, Max: time.Hour}, Random: func() float64 { return 0.5 }}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := tasks.Decide(&tasks.Task{Attempt: 1}, test.err, policy)
			if got.Verdict != test.verdict || Reason(got.Reason) != test.reason || got.Delay != test.delay {
				t.Errorf("decided %+v, want %v, %q after %v", got, test.verdict, test.reason, test.delay)
			}
		})
	}
}

func TestWrappedErrorsAreFound(t *testing.T) {
	t.Parallel()
	for _, err := range []error{Permanent(errFull), RetryAfter(time.Second, errFull), Malformed(errFull)} {
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), errFull.Error()) {
			t.Errorf("%v hides %v", err, errFull)
		}
	}
}

func TestAbandonedErrorNamesTheTasks(t *testing.T) {
	t.Parallel()
	err := &AbandonedError{Tasks: []TaskInfo{
		{ID: "1", Name: "a", Queue: "q", Attempt: 2},
		{ID: "2", Name: "b", Queue: "q", Attempt: 1},
	}}
	want := "2 handlers ignored the end of their context: a 1 (queue q, attempt 2), b 2 (queue q, attempt 1)"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err.Error(), want)
	}
}
