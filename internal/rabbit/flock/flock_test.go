package flock_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/flock"
)

func TestLockHasOneHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := flock.Acquire(t.Context(), dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := flock.Acquire(ctx, dir, "a"); err == nil {
		t.Error("two hold one lock")
	}
	second, err := flock.Acquire(t.Context(), dir, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, held := range []io.Closer{first, second} {
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	}
	again, err := flock.Acquire(t.Context(), dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
