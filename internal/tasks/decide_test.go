package tasks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	_, undecodable := tasks.Decode(&tasks.Message{ContentEncoding: "gzip"}, 0)
	first := tasks.Task{Attempt: 1}
	last := tasks.Task{Attempt: 3}
	own := tasks.Task{Attempt: 3, MaxAttempts: 10, Backoff: tasks.Backoff{Min: time.Minute, Max: time.Hour}}
	ack, retry, dead := tasks.Ack, tasks.Retry, tasks.DeadLetter
	tests := []struct {
		name    string
		task    tasks.Task
		err     error
		verdict tasks.Verdict
		delay   time.Duration
		reason  tasks.Reason
	}{
		{"done", first, nil, ack, 0, ""},
		{"done at the last attempt", last, nil, ack, 0, ""},
		{"failed", first, boom, retry, time.Second, ""},
		{"failed again", tasks.Task{Attempt: 2}, boom, retry, 2 * time.Second, ""},
		{"attempt not stated", tasks.Task{}, boom, retry, time.Second, ""},
		{"used up", last, boom, dead, 0, "exhausted"},
		{"more than used up", tasks.Task{Attempt: 9}, boom, dead, 0, "exhausted"},
		{"only one attempt", tasks.Task{Attempt: 1, MaxAttempts: 1}, boom, dead, 0, "exhausted"},
		{"its own attempts and backoff", own, boom, retry, 2 * time.Minute, ""},
		{"permanent", first, tasks.Permanent(boom), dead, 0, "permanent"},
		{"permanent, wrapped", first, fmt.Errorf("send: %w", tasks.Permanent(boom)), dead, 0, "permanent"},
		{"permanent, joined", first, errors.Join(boom, tasks.Permanent(boom)), dead, 0, "permanent"},
		{"nothing permanent", first, tasks.Permanent(nil), ack, 0, ""},
		{"payload malformed", first, tasks.Malformed(boom), dead, 0, "malformed"},
		{"nothing malformed", first, tasks.Malformed(nil), ack, 0, ""},
		{"message malformed", first, undecodable, dead, 0, "malformed"},
		{"malformed and permanent", first, tasks.Permanent(tasks.Malformed(boom)), dead, 0, "malformed"},
		{"unknown task", first, fmt.Errorf("run: %w", tasks.ErrUnknownTask), dead, 0, "unknown_task"},
		{"expired", first, tasks.ErrExpired, dead, 0, "expired"},
		{"retry after", first, tasks.RetryAfter(time.Hour, boom), retry, time.Hour, ""},
		{"retry after, wrapped", first, fmt.Errorf("send: %w", tasks.RetryAfter(time.Hour, boom)), retry, time.Hour, ""},
		{"retry after, joined", first, errors.Join(boom, tasks.RetryAfter(time.Hour, boom)), retry, time.Hour, ""},
		{"retry after beats the task's backoff", own, tasks.RetryAfter(time.Hour, boom), retry, time.Hour, ""},
		{"retry after nothing", first, tasks.RetryAfter(time.Hour, nil), retry, time.Hour, ""},
		{"retry after a negative wait", first, tasks.RetryAfter(-1, boom), retry, 0, ""},
		{"retry after too long a wait", first, tasks.RetryAfter(1<<63-1, boom), retry, longest, ""},
		{"the outer wait wins", first, tasks.RetryAfter(1, tasks.RetryAfter(2, boom)), retry, 1, ""},
		{"retry after, used up", last, tasks.RetryAfter(time.Hour, boom), dead, 0, "exhausted"},
		{"retry after something permanent", first, tasks.RetryAfter(time.Hour, tasks.Permanent(boom)), dead, 0, "permanent"},
		{"permanent though it asks for a retry", first, tasks.Permanent(tasks.RetryAfter(time.Hour, boom)), dead, 0, "permanent"},
	}
	policy := tasks.Policy{
		MaxAttempts: 3, Backoff: tasks.Backoff{Min: 2 * time.Second, Max: time.Hour}, Random: func() float64 { return 0.5 },
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := tasks.Decide(&test.task, test.err, policy)
			if got.Verdict != test.verdict || got.Delay != test.delay || got.Reason != test.reason || !errors.Is(got.Err, test.err) {
				t.Errorf("got %+v, want verdict %v, delay %v, reason %q", got, test.verdict, test.delay, test.reason)
			}
		})
	}
}

func TestDecideDefaults(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	half := func() float64 { return 0.5 }
	for attempt, want := range map[int]tasks.Outcome{
		1:  {Verdict: tasks.Retry, Delay: 500 * time.Millisecond, Err: boom},
		24: {Verdict: tasks.Retry, Delay: 30 * time.Minute, Err: boom},
		25: {Verdict: tasks.DeadLetter, Reason: tasks.ReasonExhausted, Err: boom},
	} {
		if got := tasks.Decide(&tasks.Task{Attempt: attempt}, boom, tasks.Policy{Random: half}); got != want {
			t.Errorf("attempt %d: %+v, want %+v", attempt, got, want)
		}
	}
	absurd := tasks.Policy{MaxAttempts: 1_000_000, Backoff: tasks.Backoff{Min: 1, Max: 1<<63 - 1}}
	if got := tasks.Decide(&tasks.Task{Attempt: 999_999}, boom, absurd); got.Delay < 0 || got.Delay > longest {
		t.Errorf("the policy's wait is %v, over what can be counted", got.Delay)
	}
}

func TestErrorsKeepTheirText(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, err := range []error{tasks.Permanent(boom), tasks.RetryAfter(time.Second, boom), tasks.Malformed(boom)} {
		if !errors.Is(err, boom) {
			t.Errorf("%v does not wrap the handler's error", err)
		}
	}
	if text := tasks.Permanent(boom).Error(); text != "boom" {
		t.Errorf("Permanent says %q", text)
	}
	if text := tasks.Malformed(boom).Error(); text != "malformed task: boom" {
		t.Errorf("Malformed says %q", text)
	}
}
