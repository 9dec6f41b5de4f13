package tasks_test

import (
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

const longest = (1<<32 - 1) * 100 * time.Millisecond

func TestParseBackoff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		want  tasks.Backoff
		again string // what String makes of it
	}{
		{"", tasks.Backoff{}, ""},
		{"1s..1h", tasks.Backoff{Min: time.Second, Max: time.Hour}, "1s..1h"},
		{"30s", tasks.Backoff{Min: 30 * time.Second, Max: 30 * time.Second}, "30s"},
		{"30s..30s", tasks.Backoff{Min: 30 * time.Second, Max: 30 * time.Second}, "30s"},
		{"60s..3600s", tasks.Backoff{Min: time.Minute, Max: time.Hour}, "1m..1h"},
		{"1.5s..10m30s", tasks.Backoff{Min: 1500 * time.Millisecond, Max: 630 * time.Second}, "1.5s..10m30s"},
		{"20m..20h0m20s", tasks.Backoff{Min: 20 * time.Minute, Max: 20*time.Hour + 20*time.Second}, "20m..20h0m20s"},
		{"1h30m", tasks.Backoff{Min: 90 * time.Minute, Max: 90 * time.Minute}, "1h30m"},
	}
	for _, test := range tests {
		got, err := tasks.ParseBackoff(test.text)
		if err != nil || got != test.want || got.String() != test.again {
			t.Errorf("ParseBackoff(%q) = %v, %v, want %v, written %q", test.text, got, err, test.want, test.again)
		}
	}
	for _, text := range []string{
		"1", "..", "1s..", "..1s", "1s...2s", "1s..2s..3s", "2s..1s", "0s", "0s..1s", "-1s", "1s..-1s", " 1s", "1s to 2s", "1s..200000h",
	} {
		if got, err := tasks.ParseBackoff(text); err == nil {
			t.Errorf("ParseBackoff(%q) = %v, want an error", text, got)
		}
	}
}

func TestBackoffDelay(t *testing.T) {
	t.Parallel()
	hour := tasks.Backoff{Min: time.Second, Max: time.Hour}
	tests := []struct {
		backoff tasks.Backoff
		failed  int
		random  float64
		want    time.Duration
	}{
		{hour, 1, 0, 0},
		{hour, 1, 0.5, 500 * time.Millisecond},
		{hour, 2, 0.5, time.Second},
		{hour, 12, 0.5, 1024 * time.Second},
		{hour, 13, 0.5, 30 * time.Minute}, // 4096 s would be over an hour
		{hour, 63, 0.5, 30 * time.Minute},
		{hour, 64, 0.5, 30 * time.Minute},
		{hour, 65, 0.5, 30 * time.Minute},
		{hour, 1_000_000, 0.5, 30 * time.Minute},
		{hour, 0, 0.5, 500 * time.Millisecond},
		{hour, -5, 0.5, 500 * time.Millisecond},
		{tasks.Backoff{Min: time.Minute, Max: time.Minute}, 9, 0.5, 30 * time.Second},
		{tasks.Backoff{Min: 1, Max: longest}, 1_000_000, 0.5, longest / 2},
		{tasks.Backoff{}, 5, 0.5, 0},
	}
	for _, test := range tests {
		got := test.backoff.Delay(test.failed, func() float64 { return test.random })
		if got != test.want {
			t.Errorf("%v after %d failures at %v: %v, want %v", test.backoff, test.failed, test.random, got, test.want)
		}
	}
}

func TestBackoffDelayStaysInRange(t *testing.T) {
	t.Parallel()
	const nearlyOne = 1 - 1.0/(1<<53)
	for _, b := range []tasks.Backoff{{1, longest}, {longest, longest}, {longest - 1, longest}, {7, 1<<63 - 1}} {
		for failed := range 70 {
			for _, random := range []float64{0, nearlyOne} {
				if got := b.Delay(failed, func() float64 { return random }); got < 0 || got > b.Max {
					t.Fatalf("%v after %d failures: %v", b, failed, got)
				}
			}
		}
	}
}

func TestBackoffDelayHasJitter(t *testing.T) {
	t.Parallel()
	b := tasks.Backoff{Min: time.Hour, Max: time.Hour}
	var sum time.Duration
	const draws = 10_000
	for range draws {
		sum += b.Delay(1, nil)
	}
	if mean := sum / draws; mean < 29*time.Minute || mean > 31*time.Minute {
		t.Errorf("mean delay is %v, want half an hour", mean)
	}
}
