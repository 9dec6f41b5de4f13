package bench

import (
	"math"
	"slices"
	"time"
)

// waits are how long the tasks of a round waited.
type waits []time.Duration

// Percentile is the smallest of the values, which are sorted, that this share of them do not exceed; 0 when there are none.
func Percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(share * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func (w waits) latency() *Latency {
	if len(w) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(w))
	ms := func(share float64) float64 { return float64(Percentile(sorted, share)) / float64(time.Millisecond) }
	return &Latency{P50: ms(0.5), P90: ms(0.9), P99: ms(0.99), Max: ms(1)}
}

// median is the value in the middle, or between the two in the middle; 0 when there are none.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// SpreadOf is how the values are spread; nil when there are none.
func SpreadOf(values []float64) *Spread {
	if len(values) == 0 {
		return nil
	}
	return &Spread{Median: median(values), Min: slices.Min(values), Max: slices.Max(values)}
}

// medians takes each figure's median by itself, and the latencies of all rounds together.
func medians(sides []Side) Side {
	pick := func(of func(Side) *float64) *float64 {
		var known []float64
		for _, s := range sides {
			if v := of(s); v != nil {
				known = append(known, *v)
			}
		}
		if len(known) == 0 {
			return nil
		}
		m := median(known)
		return &m
	}
	all := Side{
		Seconds:     *pick(func(s Side) *float64 { return &s.Seconds }),
		Rate:        *pick(func(s Side) *float64 { return &s.Rate }),
		ClientCPU:   pick(func(s Side) *float64 { return s.ClientCPU }),
		BrokerCPU:   pick(func(s Side) *float64 { return s.BrokerCPU }),
		Allocations: pick(func(s Side) *float64 { return s.Allocations }),
		Allocated:   pick(func(s Side) *float64 { return s.Allocated }),
		Undisturbed: pick(func(s Side) *float64 { return s.Undisturbed }),
		Share:       pick(func(s Side) *float64 { return s.Share }),
		InFlight:    pick(func(s Side) *float64 { return s.InFlight }),
	}
	var together waits
	for _, s := range sides {
		all.Tasks = s.Tasks // the same in each round
		all.Forgotten += s.Forgotten
		together = append(together, s.waits...)
	}
	all.Latency = together.latency()
	return all
}

// conclude says what the rounds say together.
func conclude(name string, rounds []Round) Workload {
	w := Workload{Name: name, Rounds: rounds, Compared: "tasks_per_second"}
	var ours, theirs []Side
	var ratios []float64
	for i := range rounds {
		r := &rounds[i]
		ours = append(ours, r.SDK)
		if r.SDK.Latency != nil {
			w.Compared = "p50_milliseconds"
		}
		if r.Bare == nil {
			continue
		}
		theirs = append(theirs, *r.Bare)
		ratio := r.SDK.Rate / r.Bare.Rate
		if r.SDK.Latency != nil {
			ratio = r.SDK.Latency.P50 / r.Bare.Latency.P50
		}
		r.Ratio = &ratio
		ratios = append(ratios, ratio)
	}
	w.SDK, w.Ratio = medians(ours), SpreadOf(ratios)
	if len(theirs) > 0 {
		all := medians(theirs)
		w.Bare = &all
	}
	return w
}
