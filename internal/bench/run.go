package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// cleanWithin is how long deleting the queues may take, also after ctx is done.
const cleanWithin = 15 * time.Second

// run is a run in progress.
type run struct {
	cfg      Config
	queue    string // of both sides, which take turns
	other    string // of the bare side where both work at once
	operator *queue.Operator
	sdk      *sdk
	bare     *bare // nil unless asked for
	meter    meter
	number   int // of the last round on one side: no two have the same
	steps    int // done
}

// Run measures the workloads one after the other. The queues that it works on are its own, and deleted at the end, also after an
// error and when ctx is done; exchanges and delay levels, which all queues of a virtual host share, stay.
func Run(ctx context.Context, cfg Config) (report *Report, err error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	name := "warrener-bench-" + uuid.NewString()
	r := &run{cfg: cfg, queue: name, other: name + "-bare"}
	clean, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx) // whatever it has led to
		}
		defer time.AfterFunc(cleanWithin, stop).Stop()
		err = errors.Join(err, r.close())
	}()
	if err := r.open(ctx, clean); err != nil {
		return nil, err
	}
	report = newReport(cfg, r.operator.Version())
	r.meter.broker, r.meter.brokerWhy = findBroker(ctx, cfg)
	if r.meter.brokerWhy != nil {
		report.NoBroker = r.meter.brokerWhy.Error()
	}
	for _, name := range cfg.Workloads {
		w, err := r.measure(ctx, name)
		if err != nil {
			return nil, err
		}
		report.Workloads = append(report.Workloads, w)
	}
	r.step("done")
	return report, nil
}

// open connects everybody. The operator's connection goes on after ctx, to clean up.
func (r *run) open(ctx, clean context.Context) error {
	urls, err := queue.Addresses(r.cfg.URL)
	if err != nil {
		return err
	}
	if r.operator, err = queue.Operate(clean, queue.Config{
		URLs: func() ([]string, error) { return urls, nil },
		Name: "warrener bench", ConnectTimeout: r.cfg.ConnectTimeout, Log: r.cfg.Log,
	}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	queues := []string{r.queue}
	if r.cfg.Raw {
		if r.bare, err = openBare(r.cfg); err != nil {
			return err
		}
		queues = append(queues, r.other)
	}
	r.sdk, err = openSDK(ctx, r.cfg, queues...)
	return err
}

// close ends what open began, the last first, and deletes the queues.
func (r *run) close() error {
	var errs []error
	if r.sdk != nil {
		errs = append(errs, r.sdk.close())
	}
	if r.bare != nil {
		errs = append(errs, r.bare.close())
	}
	if r.operator == nil {
		return nil
	}
	for _, q := range []string{r.queue, r.other} {
		for _, own := range []string{q, topology.DeadQueue(q), topology.PauseQueue(q)} {
			if err := r.operator.Delete(own); err != nil {
				errs = append(errs, fmt.Errorf("delete queue %q: %w", own, err))
			}
		}
	}
	r.operator.Close()
	return errors.Join(errs...)
}

// measure does all rounds of one workload.
func (r *run) measure(ctx context.Context, name string) (Workload, error) {
	rounds := make([]Round, r.cfg.Rounds)
	for i := range rounds {
		rounds[i].SDKFirst = i%2 == 0
		if err := r.round(ctx, name, &rounds[i]); err != nil {
			return Workload{}, fmt.Errorf("%s, round %d: %w", name, i+1, err)
		}
	}
	return conclude(name, rounds), nil
}

// round does the work of one round on each side, in the order that the round has.
func (r *run) round(ctx context.Context, name string, round *Round) (err error) {
	if name == latency {
		r.step(name)
		return r.latency(ctx, round)
	}
	work := r.work(name)
	ours := func() error {
		r.step(name)
		round.SDK, err = work(ctx, r.sdk)
		return err
	}
	if !r.cfg.Raw {
		return ours()
	}
	theirs := func() error {
		r.step(name + " on amqp091-go")
		s, err := work(ctx, r.bare)
		if err != nil {
			return fmt.Errorf("on the bare client: %w", err)
		}
		round.Bare = &s
		return nil
	}
	first, second := ours, theirs
	if !round.SDKFirst {
		first, second = theirs, ours
	}
	if err := first(); err != nil {
		return err
	}
	return second()
}

// step tells whoever watches what comes next.
func (r *run) step(what string) {
	if r.cfg.Step != nil {
		r.cfg.Step(r.steps, r.cfg.steps(), what)
	}
	r.steps++
}

// steps is how many pieces of work there are.
func (c Config) steps() int {
	sum := 0
	for _, name := range c.Workloads {
		if c.Raw && name != latency {
			sum += c.Rounds
		}
		sum += c.Rounds
	}
	return sum
}
