// Package faults runs tasks on a real RabbitMQ while it does to broker, network, workers and producers what happens to them in
// production, and holds what producers were told against what was done: every task that was accepted has had its effect or is
// a dead letter.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/test/faults/ledger"
)

// Scale is how long a run takes.
type Scale int

// The scales.
const (
	Brief Scale = iota // in CI, minutes
	Short              // a quarter of an hour
	Full               // hours
)

// Scenario is one row of the report.
type Scenario struct {
	Suite string // "F1"
	Name  string
	Does  string // in the report
	Rows  []int  // of the catalogue in docs/reliability.md
	Brief bool   // also part of the brief form

	Workers     int // processes
	SDKWorkers  int // in each process; 0 is 1
	Concurrency int
	Hold        time.Duration
	Producers   int
	Callers     int
	Rate        int // tasks a second of each producer
	Poison      int // one task in so many
	Shaky       int
	Timeout     time.Duration // of a publish; 0 is 30 s
	Proxy       bool          // agents reach the broker by proxies

	Broken  string                    // the bug of the agents; a scenario with one has to find losses
	BadRole string                    // which agents have it: work, produce or both
	Declare func(*amqp.Channel) error // what differs from the usual topology

	Faults   [3]int        // how many, by scale
	Recovery time.Duration // at most, 99 in 100; 0: not asked
	Inject   func(ctx context.Context, w *World, faults int) error
	Check    func(w *World) error // beyond what holds for all
}

func (s *Scenario) sdkWorkers() int { return max(1, s.SDKWorkers) }

func (s *Scenario) workArgs() []string {
	args := []string{"work", "-queue", queue, "-c", strconv.Itoa(s.Concurrency), "-hold", s.Hold.String(), "-workers", strconv.Itoa(s.sdkWorkers())}
	if s.BadRole == "work" || s.BadRole == "both" {
		args = append(args, "-broken", s.Broken)
	}
	return args
}

func (s *Scenario) produceArgs() []string {
	args := []string{
		"produce", "-queue", queue, "-callers", strconv.Itoa(s.Callers), "-rate", strconv.Itoa(s.Rate),
		"-poison", strconv.Itoa(s.Poison), "-shaky", strconv.Itoa(s.Shaky),
	}
	if s.Timeout > 0 {
		args = append(args, "-timeout", s.Timeout.String())
	}
	if s.BadRole == "produce" || s.BadRole == "both" {
		args = append(args, "-broken", s.Broken)
	}
	return args
}

// Env is what all scenarios of a run share.
type Env struct {
	Agent string // path of the program
	Dir   string // for ledgers and logs
	Seed  uint64
	Scale Scale
	Log   io.Writer
}

// Result is a row of the report.
type Result struct {
	Suite, Name, Does string
	Rows              []int
	Broker            string
	Seed              uint64
	Faults            int
	Sum               ledger.Sum
	Bound             int             // duplicates that the faults explain
	Recoveries        []time.Duration // after each fault
	Limit             time.Duration   // asked of 99 in 100
	Took              time.Duration
	Notes             []string // figures of this scenario alone
	Caught            string   // of a broken client: how it was found out
	Failures          []string
}

// Run runs a scenario on a broker.
func Run(ctx context.Context, s *Scenario, b Broker, env *Env) *Result {
	start := time.Now()
	w, err := newWorld(ctx, s, b, env)
	if err != nil {
		return &Result{Suite: s.Suite, Name: s.Name, Does: s.Does, Broker: b.Version(), Seed: env.Seed, Failures: []string{err.Error()}}
	}
	w.result.Does = s.Does
	err = w.run(ctx, s.Faults[env.Scale])
	err = errors.Join(err, w.close())
	r := w.result
	r.Took = time.Since(start)
	r.Sum = w.account.Sum()
	if s.Broken != "" {
		judgeBroken(r)
		return r
	}
	if err != nil {
		r.Failures = append(r.Failures, err.Error())
	}
	w.judge()
	return r
}

func (w *World) run(ctx context.Context, faults int) error {
	if err := w.start(ctx); err != nil {
		return err
	}
	err := w.scenario.Inject(ctx, w, faults)
	err = errors.Join(err, w.finish(ctx)) // whatever it came to: the account is drawn up of all that was accepted
	if err == nil && w.scenario.Check != nil {
		return w.scenario.Check(w)
	}
	return err
}

// judge holds the account against what is promised.
func (w *World) judge() {
	r := w.result
	fail := func(format string, args ...any) { r.Failures = append(r.Failures, fmt.Sprintf(format, args...)) }
	if r.Sum.Accepted == 0 {
		fail("no task was accepted")
	}
	if n := len(r.Sum.Lost); n > 0 {
		fail("%d tasks are lost", n)
		for _, id := range r.Sum.Lost[:min(n, 3)] {
			if line, err := w.account.Timeline(id); err == nil {
				fail("%s", line)
			}
		}
	}
	if n := len(r.Sum.Foreign); n > 0 {
		fail("%d tasks ran that nobody published: %.200v", n, r.Sum.Foreign)
	}
	if r.Sum.Duplicates > r.Bound {
		fail("%d duplicates, and the faults explain %d", r.Sum.Duplicates, r.Bound)
	}
	// Machines do other things too: the shorter the run, the more of a figure is theirs.
	limit := r.Limit * [3]time.Duration{10, 2, 1}[w.scale]
	if w.scale == Brief {
		limit = max(limit, 20*time.Second)
	}
	if p99 := Percentile(r.Recoveries, 99); r.Limit > 0 && p99 > limit {
		fail("recovery took %s, not %s at most", p99, limit)
	}
}

// judgeBroken wants the suite to have found the bug.
func judgeBroken(r *Result) {
	if n := len(r.Sum.Lost); n > 0 {
		r.Caught = fmt.Sprintf("%d of %d accepted tasks lost", n, r.Sum.Accepted)
		return
	}
	r.Failures = append(r.Failures, fmt.Sprintf("the bug was not found: %d accepted, none lost", r.Sum.Accepted))
}

// Percentile of durations; 0 of none.
func Percentile(d []time.Duration, p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
