package bench

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTallyWantsEachTaskOnce(t *testing.T) {
	t.Parallel()

	lost := errors.New("dead-lettered")
	for name, tt := range map[string]struct {
		events func(*tally)
		want   string // "" for no error
	}{
		"all":              {func(t *tally) { t.do(0); t.do(1); t.do(2) }, ""},
		"one is missing":   {func(t *tally) { t.do(0); t.do(2) }, "nothing came back for 30s: 2 of 3 tasks came back"},
		"one comes twice":  {func(t *tally) { t.do(0); t.do(1); t.do(1) }, "task 1 of 3 came twice"},
		"one is of others": {func(t *tally) { t.start(payload{Round: 6, Task: 0}) }, "task 0 of round 6 came in round 7"},
		"there is no such": {func(t *tally) { t.start(payload{Round: 7, Task: 3}) }, "task 3 of round 7"},
		"one ends badly":   {func(t *tally) { t.do(0); t.settle(lost) }, "dead-lettered"},
		"settled, not run": {func(t *tally) { t.do(0); t.do(1); t.settle(nil) }, "task 2 of 3 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				books := newTally(7, 3)
				tt.events(books)
				err := books.wait(t.Context())
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%v, want %q", err, tt.want)
				}
			})
		})
	}
}

func (t *tally) do(task int) {
	t.start(payload{Round: t.round, Task: task})
	t.settle(nil)
}

func TestTallyMeasures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		books := newTally(1, 3)
		books.counted = 2 // the last is the long one
		books.waited = make([]time.Duration, 3)
		time.Sleep(5 * time.Second) //nolint:forbidigo // in virtual time
		start := time.Now()
		books.start(payload{Round: 1, Task: 2, Sent: int64(2 * time.Second)})
		time.Sleep(time.Second) //nolint:forbidigo // likewise
		books.do(0)
		books.do(1)
		time.Sleep(time.Second) //nolint:forbidigo // likewise
		books.settle(nil)
		if err := books.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if books.took() != time.Second || books.since(start) != time.Second || books.waited[2] != 3*time.Second {
			t.Errorf("took %s, %s since the start, waited %s", books.took(), books.since(start), books.waited[2])
		}
	})
}

func TestTallyEndsWithItsContext(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if err := newTally(1, 3).wait(ctx); !errors.Is(err, gone) || !strings.Contains(err.Error(), "0 of 3 tasks came back") {
		t.Error(err)
	}
}

func TestPayloadsHaveTheirSize(t *testing.T) {
	t.Parallel()

	for _, size := range []int{leastSize, 100, 16384} {
		for _, p := range payloads(999_999, 2000, size) {
			if body, err := json.Marshal(p); err != nil || len(body) != size {
				t.Fatalf("task %d has %d bytes, not %d: %v", p.Task, len(body), size, err)
			}
		}
	}
}
