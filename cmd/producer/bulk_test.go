package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
)

// bulk runs producer bulk on the lines, with a file for what is rejected, whose lines it returns.
func bulk(t *testing.T, b *broker, lines string, args ...string) (result, []string) {
	t.Helper()
	again := filepath.Join(t.TempDir(), "again")
	args = append([]string{"bulk", "--rejected", again}, args...)
	r := run(t.Context(), b, nil, nil, append(args, file(t, lines))...)
	if r.out != "" {
		t.Errorf("stdout %q, want nothing", r.out)
	}
	kept, err := os.ReadFile(again)
	if err != nil {
		if !os.IsNotExist(err) {
			t.Error(err)
		}
		return r, nil
	}
	return r, slices.Collect(strings.Lines(string(kept)))
}

func TestBulkReadsLines(t *testing.T) {
	t.Parallel()

	at := time.Date(2040, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		args []string
		in   string
		want []warrener.Task
	}{
		{name: "nothing"},
		{
			name: "tasks", in: "{\"task\":\"a\",\"id\":\"1\"}\r\n\n  \n{\"task\":\"b\",\"id\":\"2\",\"payload\":{\"x\": [1e2, \"<&>\"]}}",
			want: []warrener.Task{{Name: "a", ID: "1", Payload: []byte("null")}, {Name: "b", ID: "2", Payload: []byte(`{"x": [1e2, "<&>"]}`)}},
		},
		{
			name: "all keys",
			in: `{"task":"a","payload":null,"id":"1","queue":"q","delay":"10s","at":"2040-03-01T09:00:00Z","timeout":"1m","max_attempts":3,` +
				`"priority":5,"headers":{"s":"t","i":1152921504606846977,"f":1.5,"b":true}}`,
			args: []string{"-q", "other"},
			want: []warrener.Task{{
				Name: "a", ID: "1", Queue: "q", Payload: []byte("null"), Delay: 10 * time.Second, NotBefore: at, Timeout: time.Minute,
				MaxAttempts: 3, Priority: 5, Headers: map[string]any{"s": "t", "i": int64(1152921504606846977), "f": 1.5, "b": true},
			}},
		},
		{
			name: "payloads", in: "1\n {\"task\": \"not a task\"} \n\n\"x\"\n", args: []string{"--task=a", "-q", "q"},
			want: []warrener.Task{
				{Name: "a", Queue: "q", Payload: []byte("1")}, {Name: "a", Queue: "q", Payload: []byte(`{"task": "not a task"}`)},
				{Name: "a", Queue: "q", Payload: []byte(`"x"`)},
			},
		},
		{
			name: "text", in: "a.go\nä \"<b>\" \n\n{}\r\n", args: []string{"--task=a", "--lines"},
			want: []warrener.Task{
				{Name: "a", Payload: []byte(`"a.go"`)}, {Name: "a", Payload: []byte(`"ä \"<b>\" "`)},
				{Name: "a", Payload: []byte(`""`)}, {Name: "a", Payload: []byte(`"{}"`)},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &broker{t: t}
			r, kept := bulk(t, b, tt.in, append(tt.args, "--window=1")...)
			r.check(t, 0, fmt.Sprintf("read %d, confirmed %[1]d, rejected 0 in ", len(tt.want)))
			if kept != nil {
				t.Errorf("kept %q", kept)
			}
			for i := range b.accepted {
				if tt.args != nil && len(b.accepted[i].ID) == 36 {
					b.accepted[i].ID = "" // made up
				}
			}
			if !reflect.DeepEqual(b.accepted, tt.want) {
				t.Errorf("got  %+v\nwant %+v", b.accepted, tt.want)
			}
		})
	}
}

func TestBulkNamesBadLinesAndKeepsThem(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		line, want string
		args       []string
	}{
		{line: `{"task":"a"`, want: "line 2: not JSON: byte 11: unexpected end of JSON input"},
		{line: `{"task":"a"} 1`, want: "line 2: not JSON: byte 14: invalid character '1'"},
		{line: `{"task":"a","quue":"b"}`, want: `line 2: unknown field "quue"`},
		{line: `{"payload":1}`, want: `line 2: no "task"`},
		{line: `1`, want: `line 2: `},
		{line: `{"task":"a","delay":10}`, want: `line 2: 10 is no duration such as "10s"`},
		{line: `{"task":"a","expires":"soon"}`, want: `line 2: "soon" is no duration`},
		{line: `{"task":"a","delay":"-1s"}`, want: `line 2: "-1s" is no duration`},
		{line: `{"task":"a","priority":256}`, want: `line 2: "priority" cannot be: number 256`},
		{line: `{"task":"a","at":"tomorrow"}`, want: `line 2: parsing time "tomorrow"`},
		{line: "{\"task\":\"\xff\"}", want: `line 2: not UTF-8`},
		{line: `hello`, args: []string{"--task=a"}, want: "line 2: not JSON: byte 1: invalid character 'h'"},
		{line: "\xff", args: []string{"--task=a", "--lines"}, want: "line 2: not UTF-8"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			b := &broker{t: t}
			good := `{"task":"a","id":"1"}` + "\n"
			r, kept := bulk(t, b, good+tt.line+"\n"+good, tt.args...)
			r.check(t, 75, tt.want, "read 3, confirmed 2, rejected 1", "1 of 3 tasks were not accepted; publish them by: producer bulk")
			if want := []string{tt.line + "\n"}; !slices.Equal(kept, want) {
				t.Errorf("kept %q, want %q", kept, want)
			}
		})
	}
}

// What was not accepted can be published by a second run, and both together publish every task once.
func TestBulkIsResumable(t *testing.T) {
	t.Parallel()

	const lines = `{"task":"a","payload":{"n": 1, "s": "<&>"},"id":"mine","queue":"q","delay":"1m30s","at":"2040-03-01T09:00:00.5Z","expires":"1h","timeout":"1s",` +
		`"max_attempts":2,"priority":9,"headers":{"i":1152921504606846977,"f":1.5}}
{"task":"b"}
`
	for _, args := range [][]string{nil, {"--task=c"}, {"--task=c", "--lines", "-q", "q"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			var want []warrener.Task
			full := &broker{t: t, fate: func(_ int, task warrener.Task) error {
				task.ExpiresAt = time.Time{} // counts from when it is published
				want = append(want, task)
				return fmt.Errorf("publish %s: %w", task.Name, warrener.ErrRejected)
			}}
			r, kept := bulk(t, full, lines, append(args, "--window=1")...)
			r.check(t, 75, "line 1: task "+want[0].ID+": publish", "rejected by the broker", "read 2, confirmed 0, rejected 2")

			second := &broker{t: t}
			r, again := bulk(t, second, strings.Join(kept, ""), "--window=1")
			r.check(t, 0, "read 2, confirmed 2")
			if again != nil {
				t.Errorf("kept %q", again)
			}
			for i := range second.accepted {
				got := second.accepted[i]
				if got.ExpiresAt.IsZero() != (args != nil || i == 1) {
					t.Errorf("expires at %v", got.ExpiresAt)
				}
				got.ExpiresAt = time.Time{}
				got.Payload = slices.DeleteFunc(slices.Clone(got.Payload), func(c byte) bool { return c == ' ' })
				want[i].Payload = slices.DeleteFunc(want[i].Payload, func(c byte) bool { return c == ' ' })
				if !reflect.DeepEqual(got, want[i]) || got.ID == "" {
					t.Errorf("got  %+v\nwant %+v", got, want[i])
				}
			}
		})
	}
}

func TestBulkPublishesAgainWhatMayBeLost(t *testing.T) {
	t.Parallel()

	b := &broker{t: t, fate: func(try int, task warrener.Task) error {
		if string(task.Payload) == "1" && try < maxTries || string(task.Payload) == "2" {
			return warrener.ErrUnknownOutcome
		}
		return nil
	}}
	r, kept := bulk(t, b, "1\n2\n3\n", "--task=a")
	r.check(t, 75, "line 2: task ", "outcome unknown", "read 3, confirmed 2, rejected 1")
	if len(b.tries) != 3 {
		t.Errorf("%d ids, want each task to keep its own", len(b.tries))
	}
	for id, n := range b.tries {
		if n > maxTries {
			t.Errorf("task %s was tried %d times", id, n)
		}
	}
	if len(kept) != 1 || !strings.Contains(kept[0], `"payload":2,"id":"`) {
		t.Errorf("kept %q", kept)
	}
}

func TestBulkKeepsTheRestWhenTheBrokerIsGone(t *testing.T) {
	t.Parallel()

	var lines strings.Builder
	for i := range 5000 {
		fmt.Fprintln(&lines, i)
	}
	for _, tt := range []struct {
		err      error
		accepted int
		code     int
	}{
		{err: warrener.ErrUnavailable, accepted: 1000, code: 75},
		{err: warrener.ErrUnknownOutcome, accepted: 1000, code: 75},
		{err: warrener.ErrUnavailable, code: 69},
		{err: warrener.ErrBlocked, code: 75},
		{err: warrener.ErrAccessRefused, code: 77},
	} {
		t.Run(fmt.Sprint(tt.err, tt.accepted), func(t *testing.T) {
			t.Parallel()
			left := tt.accepted
			b := &broker{t: t}
			b.fate = func(int, warrener.Task) error {
				if left--; left < 0 {
					return tt.err
				}
				return nil
			}
			r, kept := bulk(t, b, lines.String(), "--task=a", "--window=200")
			r.check(t, tt.code, tt.err.Error(), fmt.Sprintf("%d of 5000 tasks were not accepted", 5000-tt.accepted))
			if len(b.accepted) != tt.accepted || len(kept) != 5000-tt.accepted {
				t.Errorf("%d accepted and %d kept, want %d and the rest of 5000", len(b.accepted), len(kept), tt.accepted)
			}
			if len(b.tries) > tt.accepted+2*maxTries*200 {
				t.Errorf("%d tasks were tried without hope", len(b.tries)-tt.accepted)
			}
			if complaints := strings.Count(r.err, "\nline ") + 1; complaints > maxComplaints {
				t.Errorf("%d lines of complaint", complaints)
			}
		})
	}
}

func TestBulkWithoutAFileSaysThatNothingIsKept(t *testing.T) {
	t.Parallel()

	b := &broker{t: t, fate: func(int, warrener.Task) error { return warrener.ErrUnroutable }}
	run(t.Context(), b, strings.NewReader("1\n"), nil, "bulk", "--task=a").
		check(t, 75, "line 1: task ", "no such queue", "1 of 1 tasks were not accepted, and not kept, for no --rejected FILE was given")
}

func TestBulkHoldsNoMoreThanTheWindow(t *testing.T) {
	t.Parallel()

	for _, window := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				outstanding, most := make(chan int, 1), 0
				outstanding <- 0
				b := &broker{t: t, each: func(_ context.Context, n int) error {
					now := n + <-outstanding
					most = max(most, now)
					outstanding <- now
					time.Sleep(time.Second) //nolint:forbidigo // in a bubble: the confirms take a second
					outstanding <- <-outstanding - n
					return nil
				}}
				r := run(t.Context(), b, strings.NewReader(strings.Repeat("1\n", 1000)), nil, "bulk", "--task=a", fmt.Sprint("--window=", window))
				r.check(t, 0, "read 1000, confirmed 1000")
				if most > window || most < window-1 {
					t.Errorf("%d tasks on their way at a time, want %d", most, window)
				}
			})
		})
	}
}

// A batch is sent when the lines pause, not when it is full: a pipe can stay open for days.
func TestBulkPublishesWhatAPipeHasSoFar(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		in, lines := io.Pipe()
		published := make(chan int)
		b := &broker{t: t, each: func(_ context.Context, n int) error { published <- n; return nil }}
		ctx, interrupt := context.WithCancelCause(t.Context())
		done := make(chan result)
		go func() { done <- run(ctx, b, in, nil, "bulk", "--task=a") }()
		for range 2 {
			fmt.Fprint(lines, "1\n2\n")
			if n := <-published; n != 2 {
				t.Errorf("%d tasks published, want 2", n)
			}
		}
		synctest.Wait() // until the confirms are there
		interrupt(cli.ErrInterrupted)
		(<-done).check(t, 1, "read 4, confirmed 4, rejected 0", "producer: interrupted")
		_ = lines.Close() // it is read no more
	})
}

func TestBulkInterruptedKeepsTheRestOfAFile(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		cause error
		code  int
	}{{cli.ErrInterrupted, 75}, {&cli.TimeoutError{After: time.Second}, 124}} {
		t.Run(tt.cause.Error(), func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancelCause(t.Context())
			b := &broker{t: t, each: func(context.Context, int) error { stop(tt.cause); return nil }}
			b.fate = func(int, warrener.Task) error { return nil }
			again := filepath.Join(t.TempDir(), "again")
			thousand := strings.Repeat(`"`+strings.Repeat("x", 1000)+"\"\n", 1000) // more than is read at once
			in := file(t, "1\nbad\n"+thousand)
			r := run(ctx, b, nil, nil, "bulk", "--task=a", "--window=2", "--rejected", again, in)
			r.check(t, tt.code, tt.cause.Error(), "of 1002 tasks were not accepted", "line 2: not JSON")
			if kept := strings.Count(content(t, again), "\n"); kept+len(b.accepted) != 1002 {
				t.Errorf("%d kept and %d accepted, want 1002 together", kept, len(b.accepted))
			}
		})
	}
}

func TestBulkRefusesMistakes(t *testing.T) {
	t.Parallel()

	full := file(t, "{\"task\":\"a\"}\n")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{name: "lines without a task", args: []string{"--lines"}, want: "--lines needs --task"},
		{name: "window", args: []string{"--window=0"}, want: "--window 0"},
		{name: "no such file", args: []string{"/nowhere"}, want: "open /nowhere"},
		{name: "two files", args: []string{"a", "b"}, want: "at most 1 arg"},
		{name: "rejected has tasks in it", args: []string{"--rejected", full, full}, want: "the file has tasks in it"},
		{name: "rejected cannot be", args: []string{"--rejected", "/nowhere/file", full}, want: "open /nowhere/file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &broker{t: t}
			run(t.Context(), b, strings.NewReader(""), nil, append([]string{"bulk"}, tt.args...)...).check(t, 2, tt.want)
			if b.cfg.URLFunc != nil {
				t.Error("connected")
			}
			if got := content(t, full); got != "{\"task\":\"a\"}\n" {
				t.Errorf("the file is now %q", got)
			}
		})
	}
}

func TestBulkLeavesNoEmptyFileWhenItCannotConnect(t *testing.T) {
	t.Parallel()

	r, kept := bulk(t, &broker{t: t, dial: warrener.ErrUnavailable}, "{}\n")
	r.check(t, 69, "Is RabbitMQ running?")
	if kept != nil {
		t.Errorf("kept %q", kept)
	}
}

func TestLinesTooLongAreReadOver(t *testing.T) {
	t.Parallel()

	var bad []badLine
	text := io.MultiReader(strings.NewReader("1\n"), strings.NewReader(strings.Repeat("x", maxLine+1)), strings.NewReader("\n2"))
	from := newLines(text, format{task: "a"}, func(l badLine) { bad = append(bad, l) })
	var got []string
	for {
		batch, err := from.batch(10)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			break
		}
		for _, i := range batch {
			got = append(got, fmt.Sprint(i.line, " ", string(i.task.Payload)))
		}
	}
	if want := []string{"1 1", "3 2"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if len(bad) != 1 || bad[0].line != 2 || bad[0].raw != nil || bad[0].size != maxLine+2 {
		t.Errorf("bad lines: %+v", bad)
	}
}

func TestBatchesAreBoundedByBytes(t *testing.T) {
	t.Parallel()

	line := `"` + strings.Repeat("x", 1<<20) + "\"\n"
	from := newLines(strings.NewReader(strings.Repeat(line, 20)), format{task: "a"}, nil)
	batch, err := from.batch(1000)
	if err != nil || len(batch) > batchBytes>>20+1 {
		t.Errorf("a batch of %d MiB, %v", len(batch), err)
	}
}

func TestReadErrorEndsTheRun(t *testing.T) {
	t.Parallel()

	b := &broker{t: t}
	run(t.Context(), b, io.MultiReader(strings.NewReader("1\n2"), errorReader{}), nil, "bulk", "--task=a").
		check(t, 1, "read line 2: disk on fire", "confirmed 1")
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, fmt.Errorf("disk on fire") }

// What was sent when the interrupt came is confirmed a moment later, and need not be published twice.
func TestBulkInterruptedWaitsForConfirms(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		latency   time.Duration
		confirmed int
	}{{time.Second, 1}, {time.Minute, 0}} {
		t.Run(tt.latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancelCause(t.Context())
				b := &broker{t: t, each: func(ctx context.Context, _ int) error {
					interrupt(cli.ErrInterrupted)
					select {
					case <-time.After(tt.latency):
					case <-ctx.Done():
					}
					return nil
				}}
				r := run(ctx, b, nil, nil, "bulk", "--task=a", "--window=1", file(t, strings.Repeat("1\n", 100)))
				r.check(t, 75, "producer: interrupted: ", fmt.Sprintf("read 100, confirmed %d, rejected %d", tt.confirmed, 100-tt.confirmed))
			})
		})
	}
}
