package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/warrener/warrener"
)

// producer publishes what its plan says, each task until the broker has it. It writes down what was accepted; when its
// process dies, the next one goes on with what is not written down.
type producer struct {
	world  *world
	number int
	plan   producerPlan
	dice   dice

	mu    sync.Mutex
	host  *host
	lives int
}

// run publishes everything, or stops when ctx is done.
func (p *producer) run(ctx context.Context) {
	defer p.enter(nil)
	p.begin()
	var client *warrener.Client
	closeClient := func() {
		if client != nil {
			_ = client.Close() // it has been told all outcomes
			p.world.zombies.Go(p.machine().wait)
		}
	}
	defer func() { closeClient() }()
	for _, b := range p.plan.batches {
		p.world.pause(ctx, b.after)
		for left := b.tasks; len(left) > 0 && ctx.Err() == nil; {
			if client == nil || !p.machine().alive() {
				closeClient()
				client = p.connect(ctx)
			}
			if client == nil {
				continue
			}
			left = p.publish(ctx, client, b.pipeline, left)
			if len(left) > 0 {
				p.world.pause(ctx, 50*time.Millisecond+p.dice.moment(time.Second))
			}
		}
	}
}

func (p *producer) begin() {
	p.lives++
	p.enter(newHost(fmt.Sprintf("p%d.%d", p.number, p.lives), p.world.broker.Dial))
}

func (p *producer) enter(h *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.host = h
}

func (p *producer) machine() *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.host
}

func (p *producer) crash(why string) {
	h := p.machine()
	if h == nil || !h.alive() {
		return
	}
	p.world.ledger.fault(crash, "%s dies: %s", h.name, why)
	h.die()
}

// connect makes a client, in a new life if the old one has ended; nil when that does not work yet.
func (p *producer) connect(ctx context.Context) *warrener.Client {
	if !p.machine().alive() {
		p.world.pause(ctx, p.dice.moment(3*time.Second))
		p.begin()
	}
	h := p.machine()
	cfg := warrener.ClientConfig{
		URL: url, DialFunc: h.Dial, Name: h.name, PublishTimeout: 5 * time.Second, Logger: p.world.logger(h.name, h),
		Hooks: warrener.Hooks{
			ConnectionUp: func(warrener.Role) { p.world.ledger.note(h.name, "", "is connected") },
			ConnectionDown: func(_ warrener.Role, err error) {
				p.world.ledger.note(h.name, "", "has lost its connection: %v", err)
			},
		},
	}
	if p.plan.declares {
		cfg.Queues = p.world.plan.queues
	}
	client, err := warrener.Dial(ctx, cfg)
	if err == nil {
		return client
	}
	p.world.ledger.note(h.name, "", "does not reach the broker: %v", err)
	if !errors.Is(err, warrener.ErrUnavailable) && !errors.Is(err, warrener.ErrAccessRefused) && ctx.Err() == nil {
		p.world.ledger.fail(Failure{honest, "", fmt.Sprintf("%s cannot connect: %v", h.name, err)})
	}
	p.world.pause(ctx, time.Second)
	return nil
}

// publish publishes tasks and returns those that are to be published again.
func (p *producer) publish(ctx context.Context, client *warrener.Client, pipeline bool, tasks []*task) []*task {
	h := p.machine()
	born := p.world.ledger.born
	list := make([]warrener.Task, len(tasks))
	for i, t := range tasks {
		list[i] = t.publishable(born)
		p.world.ledger.note(h.name, t.id, "publishes to %s, delay %s, %s", t.queue, t.delay, t.kind)
		p.world.ledger.change(t.id, (*record).tried)
	}
	ctx, stop := h.context(ctx)
	defer stop()
	errs := make([]error, len(tasks))
	if pipeline {
		for i, result := range client.PublishMany(ctx, list) {
			errs[i] = result.Err
		}
	} else {
		var callers sync.WaitGroup
		for i := range list {
			callers.Go(func() { _, errs[i] = client.Publish(ctx, list[i]) })
		}
		callers.Wait()
	}
	if !h.alive() {
		errs = dead(errs)
	}
	var again []*task
	for i, t := range tasks {
		if p.settle(h.name, t, errs[i]) {
			again = append(again, t)
		}
	}
	return again
}

// dead is what a process that has died knows of its tasks.
func dead(errs []error) []error {
	for i := range errs {
		errs[i] = fmt.Errorf("%w: %w", warrener.ErrUnknownOutcome, errDead)
	}
	return errs
}

func (r *record) tried() {
	r.tries++
	if r.first.IsZero() {
		r.first = time.Now()
	}
}

// settle writes down what Publish said; true when the task is to be published again.
func (p *producer) settle(who string, t *task, err error) (again bool) {
	ledger := p.world.ledger
	calm := !ledger.isTroubled()
	switch {
	case err == nil:
		ledger.note(who, t.id, "is accepted")
		ledger.change(t.id, func(r *record) { r.accepted = true })
		return false
	case errors.Is(err, warrener.ErrInvalid) && t.kind == hasty:
		ledger.note(who, t.id, "is out of date before it is published")
		ledger.change(t.id, (*record).refuse)
		return false
	case errors.Is(err, warrener.ErrUnknownOutcome) && !calm, errors.Is(err, warrener.ErrRejected) && p.world.plan.lies():
		ledger.note(who, t.id, "may be published or not: %v", err)
		ledger.change(t.id, func(r *record) { r.doubtful = true })
		return true
	case errors.Is(err, warrener.ErrUnroutable), !calm && expected(err):
		ledger.note(who, t.id, "is refused: %v", err)
		if t.once {
			ledger.change(t.id, (*record).refuse)
		}
		return !t.once
	default:
		ledger.fail(Failure{honest, t.id, fmt.Sprintf("nothing has happened that explains: %v", err)})
		return false
	}
}

// refuse gives the task up. Nothing may come of it, unless something may have come of an earlier try.
func (r *record) refuse() { r.refused = !r.doubtful && !r.accepted }

// expected says whether a fault explains an error that means that the task was not sent.
func expected(err error) bool {
	return errors.Is(err, warrener.ErrUnavailable) || errors.Is(err, warrener.ErrBlocked) || errors.Is(err, context.DeadlineExceeded)
}

// lies says whether the broker nacks what it has.
func (p *plan) lies() bool {
	return slices.ContainsFunc(p.faults, func(f fault) bool { return f.kind == falseNack })
}
