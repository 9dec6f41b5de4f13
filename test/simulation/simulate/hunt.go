package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/test/simulation"
)

// sandbox builds the simulation, with a mutant in it unless that is "".
func (o *options) sandbox(ctx context.Context, m *mutant) (*sandbox, error) {
	overlay, done, err := m.overlay(o.root)
	if err != nil {
		return nil, err
	}
	defer done()
	wasm, err := build(ctx, o.root, overlay)
	if err != nil {
		return nil, err
	}
	return newSandbox(ctx, wasm)
}

// runSeeds runs all seeds, shows the first failures in full and names the others.
func (o *options) runSeeds(ctx context.Context) error {
	m, err := find(o.mutant)
	if err != nil {
		return err
	}
	s, err := o.sandbox(ctx, m)
	if err != nil {
		return err
	}
	sum := newSum()
	progress := o.progress(sum)
	for v := range s.hunt(ctx, o.seeds, o.jobs) {
		if o.verbose {
			v = s.run(ctx, v.seed, true) // the same again: a trace changes nothing in a world
		}
		if v.failed() && sum.failed() < shown || o.verbose {
			o.show(v)
		}
		sum.add(v)
	}
	progress()
	fmt.Fprintln(o.out, sum)
	err = s.close(ctx)
	if sum.failed() > 0 {
		err = errFailed
	}
	return errors.Join(err, ctx.Err())
}

// shown is how many failures are shown in full.
const shown = 3

// show prints what became of a world.
func (o *options) show(v *verdict) {
	again := fmt.Sprintf("go run ./test/simulation/simulate -seeds %d -v", v.seed)
	if o.mutant != "" {
		again += " -mutant " + o.mutant
	}
	switch {
	case !v.failed():
		fmt.Fprintf(o.out, "seed %d: all invariants held\n%s", v.seed, &v.report)
	case len(v.report.Failures) > 0:
		fmt.Fprintf(o.out, "seed %d fails; with all details: %s\n%s\n", v.seed, again, &v.report)
	default:
		fmt.Fprintf(o.out, "seed %d fails, %q; again: %s\n%v\n%s\n", v.seed, v.invariant(), again, v.err, o.head(v.output))
	}
}

// head is the beginning of a long output, unless all details are wanted: what comes later follows from it.
func (o *options) head(text string) string {
	const most = 6000
	if len(text) > most && !o.verbose {
		text = text[:most] + "\n…"
	}
	return text
}

// hunt runs the worlds of all seeds, jobs at a time, and yields how they ended, in no order.
func (s *sandbox) hunt(ctx context.Context, all seeds, jobs int) func(yield func(*verdict) bool) {
	return func(yield func(*verdict) bool) {
		ctx, stop := context.WithCancel(ctx)
		verdicts := make(chan *verdict)
		var next atomic.Uint64
		next.Store(all.first)
		var running sync.WaitGroup
		for range max(jobs, 1) {
			running.Go(func() {
				for seed := next.Add(1) - 1; seed <= all.last && ctx.Err() == nil; seed = next.Add(1) - 1 {
					verdicts <- s.run(ctx, seed, false)
				}
			})
		}
		go func() { // ends with those it waits for
			running.Wait()
			close(verdicts)
		}()
		wanted := true
		for v := range verdicts {
			if wanted = wanted && yield(v); !wanted {
				stop()
			}
		}
		stop()
	}
}

// progress prints how far we are, on a terminal, until the func that it returns is called.
func (o *options) progress(s *sum) (done func()) {
	file, ok := o.out.(*os.File)
	if !ok {
		return func() {}
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	ticker := time.NewTicker(time.Second)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ended and awaited by done
		defer close(stopped)
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(o.out, "\r%d of %d seeds, %d failed ", s.count(), o.seeds.count(), s.failed())
			case <-stop:
				fmt.Fprint(o.out, "\r\x1b[K")
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(stop)
		<-stopped
	}
}

// sum is what many worlds come to.
type sum struct {
	start time.Time

	mu      sync.Mutex
	seeds   int
	total   simulation.Report
	failing []uint64
}

func newSum() *sum {
	return &sum{start: time.Now(), total: simulation.Report{Faults: map[string]int{}}}
}

func (s *sum) add(v *verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.total.Tasks += v.report.Tasks
	s.total.Runs += v.report.Runs
	s.total.Dead += v.report.Dead
	s.total.Virtual += v.report.Virtual
	for kind, n := range v.report.Faults {
		s.total.Faults[kind] += n
	}
	if v.failed() {
		s.failing = append(s.failing, v.seed)
	}
}

func (s *sum) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seeds
}

func (s *sum) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.failing)
}

// String is the summary in two lines, or three when something failed.
func (s *sum) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []string
	n := 0
	for _, kind := range slices.Sorted(maps.Keys(s.total.Faults)) {
		faults = append(faults, fmt.Sprintf("%d %s", s.total.Faults[kind], kind))
		n += s.total.Faults[kind]
	}
	text := fmt.Sprintf("simulation: %d seeds, %d tasks, %d runs, %d dead letters, %d faults, %.1f virtual hours in %.1f s: %d failed\nfaults: %s",
		s.seeds, s.total.Tasks, s.total.Runs, s.total.Dead, n, s.total.Virtual.Hours(), time.Since(s.start).Seconds(), len(s.failing),
		strings.Join(faults, ", "))
	if len(s.failing) > 0 {
		slices.Sort(s.failing)
		text += "\nfailing seeds: " + strings.Trim(fmt.Sprint(s.failing), "[]")
	}
	return text
}
