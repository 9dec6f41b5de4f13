package report

import (
	"math"
	"slices"
	"time"
)

// Spread is what several rounds have shown.
type Spread struct{ Median, Min, Max float64 }

// SpreadOf sums rounds up; ok is false where nothing was measured.
func SpreadOf(rounds []float64) (s Spread, ok bool) {
	if len(rounds) == 0 {
		return Spread{}, false
	}
	sorted := slices.Sorted(slices.Values(rounds))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return Spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}, true
}

// Ratios divides round by round, for only what ran in the same round ran on the same machine: others use it too.
func Ratios(of, by []float64) []float64 {
	ratios := make([]float64, 0, len(of))
	for i := range min(len(of), len(by)) {
		if by[i] != 0 {
			ratios = append(ratios, of[i]/by[i])
		}
	}
	return ratios
}

// Percentile is the smallest value that at least this share of all are not above; 0 of none.
func Percentile(values []time.Duration, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
