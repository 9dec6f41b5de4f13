package faults

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/warrener/warrener/test/faults/ledger"
)

// Soak is random faults for a long time. Its workers are killed by nothing, so that what they hold can be followed: it must not
// grow.
func Soak(lasts time.Duration) *Scenario {
	return &Scenario{
		Suite: "F10", Name: "soak", Does: fmt.Sprintf("random faults for %s", lasts), Rows: []int{27, 31},
		Workers: 3, Concurrency: 8, Hold: time.Millisecond, Producers: 2, Callers: 8, Rate: 200, Shaky: 20, Proxy: true,
		Faults: [3]int{1, 1, 1},
		Inject: func(ctx context.Context, w *World, _ int) error { return w.soak(ctx, lasts) },
		Check:  flat,
	}
}

func (w *World) soak(ctx context.Context, lasts time.Duration) error {
	node, err := w.single()
	if err != nil {
		return err
	}
	faults := []func() error{
		func() error { w.workProxy.CutAll(); return nil },
		func() error { w.produceProxy.CutAll(); return nil },
		func() error { return w.Broker.CloseConnections(ctx) },
		func() error { return w.cutAt(ctx, cutPoints()[w.rng.IntN(len(cutPoints()))], Cut) },
		func() error {
			_, _, err := w.producers[w.rng.IntN(len(w.producers))].signal(syscall.SIGKILL)
			return err
		},
		func() error { _, err := node.restart(ctx, node.node.Kill); return err },
	}
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		if err := w.Pause(ctx, time.Duration(1+w.rng.IntN(8))*time.Second); err != nil {
			return err
		}
		i := w.rng.IntN(len(faults))
		if i == len(faults)-1 && w.rng.IntN(4) > 0 { // the slowest of them less often
			continue
		}
		w.Fault(fmt.Sprint("soak ", i), w.inHands()+w.inPublishing())
		if err := faults[i](); err != nil {
			return err
		}
		if err := w.Recovered(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// flat wants goroutines, file descriptors and memory of the workers not to grow: by the slope of a line through the second half
// of what they said of themselves, times the hours of an hour.
func flat(w *World) error {
	const (
		goroutines = 10   // more in an hour
		files      = 5    // likewise
		memory     = 8192 // KiB, likewise
	)
	for _, a := range w.workers {
		samples := statsOf(w.account.Stats(), a.current())
		if len(samples) < 20 {
			return fmt.Errorf("%s said only %d times what it holds", a.name, len(samples))
		}
		samples = samples[len(samples)/2:]
		last := samples[len(samples)-1]
		for i, limit := range []float64{goroutines, files, memory} {
			name := []string{"goroutines", "file descriptors", "KiB of memory"}[i]
			slope := slopePerHour(samples, i)
			span := last.at.Sub(samples[0].at).Hours()
			w.result.Notes = append(w.result.Notes, fmt.Sprintf("%s: %.0f %s at the end, %+.1f an hour", a.name, last.values[i], name, slope))
			if grown := slope * span; grown > limit {
				return fmt.Errorf("%s: %s grew by %.0f in %.2f hours", a.name, name, grown, span)
			}
		}
	}
	return nil
}

type sample struct {
	at     time.Time
	values [3]float64
}

func statsOf(entries []ledger.Entry, name string) (samples []sample) {
	for _, e := range entries {
		if e.ID != name {
			continue
		}
		s := sample{at: e.At}
		if _, err := fmt.Sscan(strings.TrimSpace(e.Note), &s.values[0], &s.values[1], &s.values[2]); err == nil {
			samples = append(samples, s)
		}
	}
	return samples
}

// slopePerHour fits a line by least squares.
func slopePerHour(samples []sample, i int) float64 {
	var sx, sy, sxx, sxy float64
	for _, s := range samples {
		x, y := s.at.Sub(samples[0].at).Hours(), s.values[i]
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(samples))
	d := n*sxx - sx*sx
	if d == 0 {
		return 0
	}
	return (n*sxy - sx*sy) / d
}
