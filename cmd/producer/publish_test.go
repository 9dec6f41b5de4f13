package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
)

func TestPublishMakesTheTaskThatTheFlagsAskFor(t *testing.T) {
	t.Parallel()

	at := time.Date(2040, 3, 1, 9, 0, 0, 0, time.UTC)
	const now = 946684800 // when a synctest bubble begins
	for _, tt := range []struct {
		name string
		args []string
		env  env
		in   string
		want warrener.Task
	}{
		{name: "nothing", want: warrener.Task{Name: "x", Queue: "default", Payload: []byte("null")}},
		{name: "payload", args: []string{"--payload", `{"a": 1}`}, want: warrener.Task{Name: "x", Queue: "default", Payload: []byte(`{"a": 1}`)}},
		{name: "stdin", args: []string{"--payload=-"}, in: " [1]\n", want: warrener.Task{Name: "x", Queue: "default", Payload: []byte(`[1]`)}},
		{name: "file", args: []string{"--payload=@" + file(t, "2\n")}, want: warrener.Task{Name: "x", Queue: "default", Payload: []byte(`2`)}},
		{
			name: "all the rest",
			args: []string{
				"-q", "emails", "--id=a", "--delay=10s", "--expires=1h", "--timeout-task=30s", "--max-attempts=3", "--priority=5",
				"--header=a=b=c", "--header=d=",
			},
			want: warrener.Task{
				Name: "x", Queue: "emails", ID: "a", Payload: []byte("null"), Delay: 10 * time.Second,
				ExpiresAt: time.Unix(now, 0).Add(time.Hour), Timeout: 30 * time.Second, MaxAttempts: 3, Priority: 5,
				Headers: map[string]any{"a": "b=c", "d": ""},
			},
		},
		{name: "at", args: []string{"--at=2040-03-01T09:00:00Z"}, want: warrener.Task{Name: "x", Queue: "default", Payload: []byte("null"), NotBefore: at}},
		{
			name: "environment", env: env{"WARRENER_PRODUCER_QUEUE": "emails", "WARRENER_QUEUE": "a-worker's"},
			want: warrener.Task{Name: "x", Queue: "emails", Payload: []byte("null")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &broker{t: t}
				r := run(t.Context(), b, strings.NewReader(tt.in), tt.env, append([]string{"publish", "x"}, tt.args...)...)
				r.check(t, 0)
				if tt.want.ID == "" {
					tt.want.ID = "id-1"
				}
				if r.out != tt.want.ID+"\n" {
					t.Errorf("stdout %q, want the id", r.out)
				}
				if len(b.accepted) != 1 {
					t.Fatalf("%d tasks published, want 1", len(b.accepted))
				}
				got := b.accepted[0]
				if !got.ExpiresAt.Equal(tt.want.ExpiresAt) || !got.NotBefore.Equal(tt.want.NotBefore) {
					t.Errorf("times %v and %v, want %v and %v", got.ExpiresAt, got.NotBefore, tt.want.ExpiresAt, tt.want.NotBefore)
				}
				got.ExpiresAt, got.NotBefore = tt.want.ExpiresAt, tt.want.NotBefore
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got  %+v\nwant %+v", got, tt.want)
				}
			})
		})
	}
}

func TestPublishRefusesMistakesBeforeItConnects(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name string
		args []string
		in   string
		want string
	}{
		{name: "bare word", args: []string{"--payload=hello"}, want: "byte 1: invalid character 'h'"},
		{name: "cut off", args: []string{`--payload={"a":`}, want: "byte 5: unexpected end of JSON input"},
		{name: "two values", args: []string{"--payload=1 2"}, want: "byte 3: invalid character '2' after top-level value"},
		{name: "not UTF-8", args: []string{"--payload=\"\xff\""}, want: "not UTF-8"},
		{name: "empty", args: []string{"--payload="}, want: "not JSON: empty"},
		{name: "line in stdin", args: []string{"--payload=-"}, in: "{\n  \"a\": 1,\n  b: 2\n}", want: "payload in stdin: not JSON: line 3, column 3: "},
		{name: "empty stdin", args: []string{"--payload=-"}, want: "payload in stdin: not JSON: empty"},
		{name: "no such file", args: []string{"--payload=@/nowhere"}, want: "open /nowhere"},
		{name: "file that never ends", args: []string{"--payload=-"}, in: strings.Repeat(" ", maxBody+1), want: "more than 16777216 bytes"},
		{name: "count", args: []string{"--count=0"}, want: "--count 0"},
		{name: "one id for two", args: []string{"--count=2", "--id=a"}, want: "--id is for one task"},
		{name: "delay and at", args: []string{"--delay=1s", "--at=2040-03-01T09:00:00Z"}, want: "give one of both"},
		{name: "negative delay", args: []string{"--delay=-1s"}, want: "cannot be negative"},
		{name: "at", args: []string{"--at=tomorrow"}, want: `--at "tomorrow": want a time such as`},
		{name: "header", args: []string{"--header=a"}, want: `--header "a": want name=value`},
		{name: "priority", args: []string{"--priority=256"}, want: `"--priority"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &broker{t: t}
			r := run(t.Context(), b, strings.NewReader(tt.in), nil, append([]string{"publish", "x"}, tt.args...)...)
			r.check(t, 2, tt.want)
			if b.cfg.URLFunc != nil || r.out != "" {
				t.Errorf("connected, or printed %q", r.out)
			}
		})
	}
}

func TestPublishCount(t *testing.T) {
	t.Parallel()

	b := &broker{t: t}
	r := run(t.Context(), b, nil, nil, "publish", "x", "--count=2500")
	r.check(t, 0)
	ids := strings.Fields(r.out)
	if slices.Sort(ids); len(ids) != 2500 || len(slices.Compact(ids)) != 2500 || len(b.accepted) != 2500 {
		t.Errorf("%d ids of %d tasks, want 2500 that differ", len(ids), len(b.accepted))
	}
	if b.largest > chunk {
		t.Errorf("%d tasks at a time", b.largest)
	}
}

func TestPublishSaysWhatWasNotAccepted(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name   string
		dial   error
		fate   error
		code   int
		stderr []string
	}{
		{"no broker", fmt.Errorf("%w: 127.0.0.1:5672: connection refused", warrener.ErrUnavailable), nil, 69,
			[]string{"connect: broker unavailable: 127.0.0.1:5672: connection refused. Is RabbitMQ running?", "WARRENER_URL"}},
		{"access refused", warrener.ErrAccessRefused, nil, 77, []string{"Check user, password"}},
		{"no queue", nil, warrener.ErrUnroutable, 78, []string{"no such queue", "start one"}},
		{"full queue", nil, warrener.ErrRejected, 75, []string{"later"}},
		{"lost", nil, warrener.ErrUnknownOutcome, 75, []string{"task a:", "same --id"}},
		{"invalid", nil, warrener.ErrInvalid, 2, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &broker{t: t, dial: tt.dial, fate: func(int, warrener.Task) error { return tt.fate }}
			r := run(t.Context(), b, nil, nil, "publish", "x", "--id=a")
			r.check(t, tt.code, tt.stderr...)
			if r.out != "" {
				t.Errorf("printed %q", r.out)
			}
		})
	}
}

func TestPublishPrintsTheIDsOfThoseAccepted(t *testing.T) {
	t.Parallel()

	b := &broker{t: t, fate: func(_ int, task warrener.Task) error {
		if task.ID == "id-2" {
			return warrener.ErrRejected
		}
		return nil
	}}
	r := run(t.Context(), b, nil, nil, "publish", "x", "--count=3")
	r.check(t, 75, "1 of 3 tasks were not accepted, the first of them: task id-2: rejected")
	if r.out != "id-1\nid-3\n" {
		t.Errorf("stdout %q", r.out)
	}
}

func TestPublishStopsWhenNothingIsAccepted(t *testing.T) {
	t.Parallel()

	b := &broker{t: t, fate: func(int, warrener.Task) error { return warrener.ErrUnavailable }}
	run(t.Context(), b, nil, nil, "publish", "x", "--count=100000").check(t, 69)
	if len(b.tries) != chunk {
		t.Errorf("%d tasks tried, want %d", len(b.tries), chunk)
	}
}

func TestPublishTimeout(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		b := &broker{t: t, each: func(ctx context.Context, _ int) error { <-ctx.Done(); return nil }}
		r := run(t.Context(), b, nil, nil, "publish", "x", "--id=a", "--timeout=5s")
		r.check(t, 124, "the timeout of 5s is reached", "task a: outcome unknown")
	})
}
