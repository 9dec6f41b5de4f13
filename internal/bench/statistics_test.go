package bench

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{4, 1}, 2.5},
		{[]float64{9, 1, 5}, 5},
		{[]float64{8, 1, 2, 100}, 5},
	} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()

	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, tt := range []struct {
		values []time.Duration
		share  float64
		want   time.Duration
	}{
		{nil, 0.5, 0},
		{[]time.Duration{7}, 0.01, 7},
		{[]time.Duration{7}, 1, 7},
		{hundred, 0, 1},
		{hundred, 0.5, 50},
		{hundred, 0.9, 90},
		{hundred, 0.99, 99},
		{hundred, 0.991, 100},
		{hundred, 1, 100},
	} {
		if got := Percentile(tt.values, tt.share); got != tt.want {
			t.Errorf("percentile %v of %d values is %v, want %v", tt.share, len(tt.values), got, tt.want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{5}, Spread{Median: 5, Min: 5, Max: 5}},
		{[]float64{3, 1, 2}, Spread{Median: 2, Min: 1, Max: 3}},
		{[]float64{4, 1, 2, 3}, Spread{Median: 2.5, Min: 1, Max: 4}},
	} {
		if got := SpreadOf(tt.values); got == nil || *got != tt.want {
			t.Errorf("%v: %v, want %v", tt.values, got, tt.want)
		}
	}
	if got := SpreadOf(nil); got != nil {
		t.Errorf("a spread of nothing: %v", got)
	}
}

func TestConclude(t *testing.T) {
	t.Parallel()

	w := conclude(draining, []Round{
		{SDK: Side{Rate: 100, ClientCPU: new(10.0)}, Bare: &Side{Rate: 50}},
		{SDK: Side{Rate: 300}, Bare: &Side{Rate: 400}},
		{SDK: Side{Rate: 200, ClientCPU: new(20.0)}, Bare: &Side{Rate: 200}},
	})
	if w.Compared != "tasks_per_second" || *w.Ratio != (Spread{Median: 1, Min: 0.75, Max: 2}) || *w.Rounds[1].Ratio != 0.75 {
		t.Errorf("by %s: %+v", w.Compared, w.Ratio)
	}
	if w.SDK.Rate != 200 || w.Bare.Rate != 200 || *w.SDK.ClientCPU != 15 || w.SDK.BrokerCPU != nil || w.Bare.ClientCPU != nil {
		t.Errorf("medians: %+v and %+v", w.SDK, w.Bare)
	}
	if alone := conclude(draining, []Round{{SDK: Side{Rate: 1}}}); alone.Ratio != nil || alone.Bare != nil {
		t.Errorf("a ratio to nothing: %+v", alone)
	}
}

// The percentiles of a run are those of all its tasks, and the ratio is that of the medians of each round.
func TestConcludeLatency(t *testing.T) {
	t.Parallel()

	round := func(ours, theirs waits) Round {
		return Round{SDK: Side{waits: ours, Latency: ours.latency()}, Bare: &Side{waits: theirs, Latency: theirs.latency()}}
	}
	const ms = time.Millisecond
	w := conclude(latency, []Round{
		round(waits{1 * ms, 2 * ms, 3 * ms}, waits{1 * ms, 1 * ms, 9 * ms}),
		round(waits{4 * ms, 4 * ms, 4 * ms}, waits{8 * ms, 8 * ms, 8 * ms}),
	})
	if want := (Latency{P50: 3, P90: 4, P99: 4, Max: 4}); *w.SDK.Latency != want {
		t.Errorf("%+v, want %+v", *w.SDK.Latency, want)
	}
	if w.Compared != "p50_milliseconds" || *w.Ratio != (Spread{Median: 1.25, Min: 0.5, Max: 2}) {
		t.Errorf("by %s: %+v", w.Compared, w.Ratio)
	}
}
