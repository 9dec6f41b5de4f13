// Package measure does the same work on each system: it publishes, starts worker processes, watches them from outside and
// through what they note, and ends them.
package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
)

// Scale is how long and how often things are measured.
type Scale struct {
	Rounds  int
	Drain   int           // times the system's number of no-op tasks, in hundredths
	Idle    time.Duration // of looking at an idle worker
	Paced   time.Duration // of publishing 200 tasks a second
	WarmUp  time.Duration // of several workers
	Window  time.Duration // of looking at them
	Sleeper int           // tasks of a second that are in flight at once
}

// Brief is one short round, Full is what is published, and Trial only shows that it works.
func Brief() Scale {
	return Scale{
		Rounds: 1, Drain: 100, Idle: 3 * time.Second, Paced: 5 * time.Second, WarmUp: 500 * time.Millisecond, Window: time.Second, Sleeper: 10000,
	}
}

// Full see Brief.
func Full() Scale {
	return Scale{
		Rounds: 5, Drain: 150, Idle: 10 * time.Second, Paced: 10 * time.Second, WarmUp: 500 * time.Millisecond, Window: 2 * time.Second, Sleeper: 10000,
	}
}

// Trial see Brief.
func Trial() Scale {
	return Scale{
		Rounds: 1, Drain: 5, Idle: 100 * time.Millisecond, Paced: 200 * time.Millisecond,
		WarmUp: 100 * time.Millisecond, Window: 500 * time.Millisecond, Sleeper: 500,
	}
}

// Bench measures one system.
type Bench struct {
	System systems.System
	URL    string // of its service
	Worker string // the program of the worker processes
	Scale  Scale
}

// Figures are what one workload has shown.
type Figures map[report.Metric]float64

// Workload is a part of a round.
type Workload struct {
	Name string
	Of   func(systems.System) bool // whether the system takes part
	Run  func(context.Context, Bench) (Figures, error)
}

// Workloads are the parts of a round.
func Workloads() []Workload {
	every := func(systems.System) bool { return true }
	return []Workload{
		{"drain", every, drain},
		{"idle, latency", every, light},
		{"10,000 at once", func(s systems.System) bool { return s.Sleepers }, sleep},
		{"scaling", func(s systems.System) bool { return s.Scales }, scaling},
	}
}

// bed is one measurement: a queue of its own and a folder.
type bed struct {
	Bench
	config    systems.Config
	publisher systems.Publisher
	workers   []*worker
}

// on makes a bed, measures and clears up.
func (b Bench) on(ctx context.Context, slots int, run func(context.Context, *bed) (Figures, error)) (f Figures, err error) {
	dir, err := os.MkdirTemp("", "warrener-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	queue := fmt.Sprintf("bench-%d-%s", sequence.Add(1), strings.ReplaceAll(b.System.Name, ".", "-"))
	d := &bed{Bench: b, config: systems.Config{URL: b.URL, Queue: queue, Slots: slots, Dir: dir}}
	if d.publisher, err = b.System.Open(ctx, d.config); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, d.clear(ctx)) }()
	return run(ctx, d)
}

var sequence atomic.Int64 //nolint:gochecknoglobals // no two queues of a process have the same name

// clear also works when the measurement was interrupted.
func (d *bed) clear(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := errors.Join(d.publisher.Close(), d.stop())
	if cleaned := d.System.Clean(ctx, d.config); cleaned != nil {
		err = errors.Join(err, fmt.Errorf("clean up: %w", cleaned))
	}
	return err
}
