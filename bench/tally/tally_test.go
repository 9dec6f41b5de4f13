package tally_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/warrener/warrener/bench/tally"
)

func TestReadAddsUpWhatTasksDid(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	mine, err := tally.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	published := before.Add(-time.Minute).UnixNano()
	var running sync.WaitGroup
	for range 100 {
		running.Go(func() {
			mine.Run(published, time.Millisecond)
			mine.Run(0, 0)
		})
	}
	running.Wait()
	sum := read(t, dir)
	if sum.Started != 200 || sum.Ended != 200 {
		t.Errorf("%d tasks started and %d ended, want 200", sum.Started, sum.Ended)
	}
	if sum.First.Before(before) || sum.Last.Sub(sum.First) < time.Millisecond || sum.Last.After(time.Now()) {
		t.Errorf("from %s to %s, in a test that began at %s", sum.First, sum.Last, before)
	}
	if len(sum.Delays) != 100 {
		t.Errorf("%d delays, want those of the 100 tasks that say when they were published", len(sum.Delays))
	}
	for _, delay := range sum.Delays {
		if delay < time.Minute || delay > 2*time.Minute {
			t.Errorf("a delay of %s, want a minute", delay)
		}
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadTakesAllProcesses(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	mine, err := tally.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	mine.Run(0, 0)
	if err := mine.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tally"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"other.tally": content, "just-made.tally": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sum := read(t, dir); sum.Ended != 2 {
		t.Errorf("%d tasks of two processes, want 2", sum.Ended)
	}
}

func TestCreateRefusesToCountTwice(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	mine, err := tally.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tally.Create(dir); !os.IsExist(err) {
		t.Errorf("a second tally of the process: %v", err)
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, dir string) tally.Sum {
	t.Helper()

	sum, err := tally.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
