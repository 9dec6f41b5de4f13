package systems_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/bench/systems"
)

func TestEncodedTaskIsAboutAHundredBytes(t *testing.T) {
	t.Parallel()

	stamped := systems.NewTask(time.Second)
	stamped.At = time.Now().UnixNano()
	for _, task := range []systems.Task{systems.NewTask(0), stamped} {
		if n := len(task.Encode()); n < 80 || n > 120 {
			t.Errorf("%s has %d bytes", task.Encode(), n)
		}
	}
}

func TestFillPublishesSoManyTasks(t *testing.T) {
	t.Parallel()

	var mu sync.Mutex
	published := 0
	c := systems.Caller{Callers: 7, One: func(context.Context, systems.Task) error {
		mu.Lock()
		defer mu.Unlock()
		published++
		return nil
	}}
	if err := c.Fill(t.Context(), 100, systems.NewTask(0)); err != nil || published != 100 {
		t.Errorf("%d tasks, %v; want 100", published, err)
	}
}

func TestPaceDoesNotWaitForTheOneBefore(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		c := systems.Caller{One: func(_ context.Context, task systems.Task) error {
			at = append(at, time.Unix(0, task.At).Sub(began))
			time.Sleep(time.Second) //nolint:forbidigo // in a bubble; a publish that takes much longer than the pace
			return nil
		}}
		if err := c.Pace(t.Context(), 3, 5*time.Millisecond, systems.NewTask(0)); err != nil {
			t.Fatal(err)
		}
		if len(at) != 3 || at[0] != 5*time.Millisecond || at[2] != 15*time.Millisecond {
			t.Errorf("published after %v", at)
		}
	})
}

func TestPublishersPassErrorsOn(t *testing.T) {
	t.Parallel()

	refused := errors.New("refused")
	c := systems.Caller{Callers: 2, One: func(context.Context, systems.Task) error { return refused }}
	if err := c.Fill(t.Context(), 10, systems.NewTask(0)); !errors.Is(err, refused) {
		t.Errorf("fill: %v", err)
	}
	if err := c.Pace(t.Context(), 2, time.Millisecond, systems.NewTask(0)); !errors.Is(err, refused) {
		t.Errorf("pace: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Pace(ctx, 1000, time.Hour, systems.NewTask(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
