package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warrener/warrener/test/faults/poison"
)

// F8: one task in so many is poison.
func poisonSuite() []*Scenario {
	return []*Scenario{{
		Suite: "F8", Name: "poison", Rows: []int{7, 24, 33}, Brief: true,
		Does:    "one task in fifty fails, panics, ends its process, is unknown or malformed: all are dead letters with their reason",
		Workers: 4, Concurrency: 4, Producers: 1, Callers: 8, Rate: 100, Poison: 50,
		Faults: [3]int{1, 1, 1},
		Inject: func(ctx context.Context, w *World, _ int) error {
			lasts := [3]time.Duration{15 * time.Second, 40 * time.Second, 10 * time.Minute}[w.scale]
			w.Fault("poison", 0)
			return w.Pause(ctx, lasts)
		},
		Check: checkReasons,
	}}
}

// checkReasons wants each poison, and nothing else, to be a dead letter, for its reason.
func checkReasons(w *World) error {
	var errs []error
	for _, a := range w.workers { // each death may double what its process had just done
		w.result.Bound += a.deaths * w.inHandsOfOne()
		w.result.Faults += a.deaths
	}
	seen := map[string]int{}
	for id, reason := range w.reasons {
		class := poison.Malformed // whose id says nothing
		for _, c := range poison.Classes() {
			if strings.HasSuffix(id, "-"+c) {
				class = c
			}
		}
		seen[class]++
		if want := poison.Reason(class); reason != want {
			errs = append(errs, fmt.Errorf("task %s is dead for the reason %q, want %q", id, reason, want))
		}
		if n := w.account.Effects(id); n > 0 {
			errs = append(errs, fmt.Errorf("task %s is dead and done", id))
		}
	}
	for _, c := range poison.Classes() {
		if seen[c] == 0 {
			errs = append(errs, fmt.Errorf("no dead letter of class %q", c))
		}
		w.result.Notes = append(w.result.Notes, fmt.Sprintf("%s: %d", c, seen[c]))
	}
	return errors.Join(errs...)
}
