package faults

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/test/faults/ledger"
)

type ledgerEntry = ledger.Entry

const (
	queue     = "q"
	deadQueue = "q.dead"

	startWithin  = 30 * time.Second
	settleWithin = 2 * time.Minute
	endWithin    = 40 * time.Second // above the drain timeout of the agents
)

// World is a scenario under way: agents, ledgers, and the broker that they use.
type World struct {
	Broker Broker

	scenario *Scenario
	scale    Scale
	rng      *rand.Rand
	dir      string
	agent    string // path of the agent

	// Between the agents and the broker, if the scenario wants proxies.
	workProxy, produceProxy *Proxy

	workers   []*agent
	producers []*agent
	account   *ledger.Account
	faults    *ledger.Writer
	reasons   map[string]string // of dead letters, by id

	result *Result
}

// Broker is what scenarios do to a broker, one node or a cluster of them.
type Broker interface {
	URL() string     // for agents; several hosts in a cluster
	Version() string // "4.3.6"
	// CloseConnections makes the broker close all connections of the scenario.
	CloseConnections(ctx context.Context) error
}

func newWorld(ctx context.Context, s *Scenario, b Broker, env *Env) (_ *World, err error) {
	w := &World{
		Broker: b, scenario: s, scale: env.Scale, rng: rand.New(rand.NewPCG(env.Seed, 0)), agent: env.Agent,
		dir:     filepath.Join(env.Dir, fmt.Sprintf("%s-%s-%s", s.Suite, s.Name, b.Version())),
		reasons: map[string]string{},
		result:  &Result{Suite: s.Suite, Name: s.Name, Rows: s.Rows, Broker: b.Version(), Seed: env.Seed, Limit: s.Recovery},
	}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, err
	}
	w.account = ledger.NewAccount(w.dir)
	if w.faults, err = ledger.Open(filepath.Join(w.dir, "faults.ledger")); err != nil {
		return nil, err
	}
	if err := w.declare(ctx); err != nil {
		return nil, err
	}
	forWork, forProduce := b.URL(), b.URL()
	if s.Proxy {
		if w.workProxy, forWork, err = throughProxy(b.URL()); err != nil {
			return nil, err
		}
		if w.produceProxy, forProduce, err = throughProxy(b.URL()); err != nil {
			return nil, err
		}
	}
	for i := range s.Workers {
		w.workers = append(w.workers, w.newAgent(fmt.Sprintf("worker%d", i), forWork, s.workArgs()))
	}
	for i := range s.Producers {
		w.producers = append(w.producers, w.newAgent(fmt.Sprintf("producer%d", i), forProduce, s.produceArgs()))
	}
	return w, nil
}

// declare makes the queue, as a client does or as the scenario wants it.
func (w *World) declare(ctx context.Context) error {
	client, err := warrener.Dial(ctx, warrener.ClientConfig{URL: w.Broker.URL(), Queues: []warrener.Queue{{Name: queue}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := client.Close(); err != nil || w.scenario.Declare == nil {
		return err
	}
	return w.withChannel(w.scenario.Declare)
}

// throughProxy starts a proxy to a broker, and returns the broker's URL by it.
func throughProxy(address string) (*Proxy, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	p, err := NewProxy(u.Host)
	if err != nil {
		return nil, "", err
	}
	u.Host = p.Addr
	return p, u.String(), nil
}

func (w *World) newAgent(name, address string, args []string) *agent {
	return &agent{name: name, path: w.agent, args: args, url: address, dir: w.dir}
}

// start starts the workers, then the producers, and waits until each worker has begun a task.
func (w *World) start(ctx context.Context) error {
	for _, a := range slices.Concat(w.workers, w.producers) {
		if err := a.start(ctx); err != nil {
			return err
		}
	}
	_, err := w.allBegin(ctx, time.Time{}, startWithin)
	return err
}

// allBegin waits until each worker has begun a task after since, and says when the last of them did.
func (w *World) allBegin(ctx context.Context, since time.Time, within time.Duration) (last time.Time, err error) {
	var missing []string
	err = w.until(ctx, within, func() (bool, error) {
		if err := w.account.Read(); err != nil {
			return false, err
		}
		missing, last = nil, time.Time{}
		for _, a := range w.workers {
			at := w.account.FirstBegin(a.current(), since)
			if at.IsZero() {
				missing = append(missing, a.name)
			}
			if at.After(last) {
				last = at
			}
		}
		return len(missing) == 0, nil
	})
	if err != nil {
		return last, fmt.Errorf("workers that do not begin tasks within %s: %s: %w", within, strings.Join(missing, ", "), err)
	}
	return last, nil
}

var errNotSo = errors.New("it did not come to that")

// until polls a condition.
func (w *World) until(ctx context.Context, within time.Duration, cond func() (bool, error)) error {
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return errNotSo
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Pause lets the world go on for a while.
func (w *World) Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fault notes a fault, and how many tasks it may have doubled.
func (w *World) Fault(what string, inFlight int) time.Time {
	w.result.Faults++
	w.result.Bound += inFlight
	_ = w.faults.Note(ledger.Fault, "-", what) // for timelines alone
	return time.Now()
}

// Recovered waits until every worker begins tasks again, and notes how long that took since a time.
func (w *World) Recovered(ctx context.Context, since time.Time) error {
	last, err := w.allBegin(ctx, since, time.Minute)
	if err != nil {
		return err
	}
	w.result.Recoveries = append(w.result.Recoveries, max(0, last.Sub(since)))
	w.account.Forget()
	return nil
}

// inHands is how many tasks all workers may have done without the broker knowing it: at most what they hold unacked.
func (w *World) inHands() int { return len(w.workers) * w.inHandsOfOne() }

func (w *World) inHandsOfOne() int {
	return w.scenario.sdkWorkers() * 2 * w.scenario.Concurrency // an SDK worker's prefetch, up to a concurrency of 16
}

// inPublishing is how many tasks all producers may be waiting to hear of.
func (w *World) inPublishing() int { return len(w.producers) * w.scenario.Callers }

// finish ends the producers, lets the workers work off what is there, ends them, and draws up the account.
func (w *World) finish(ctx context.Context) error {
	var errs []error
	for _, a := range w.producers {
		errs = append(errs, a.end(endWithin))
	}
	err := w.until(ctx, settleWithin, w.settled())
	switch {
	case !errors.Is(err, errNotSo): // else what is missing is in the account
		errs = append(errs, err)
	case w.scenario.Broken != "":
		w.result.Failures = append(w.result.Failures, "the tasks are not worked off, so that those missing may not be lost")
	}
	for _, a := range w.workers {
		errs = append(errs, a.end(endWithin))
	}
	return errors.Join(append(errs, w.look())...)
}

// settled says that nothing waits and, unless agents are broken, nothing is missing. Of broken ones it says that they have come
// to an end.
func (w *World) settled() func() (bool, error) {
	effects, since := -1, time.Now()
	return func() (bool, error) {
		if err := w.look(); err != nil {
			return false, nil //nolint:nilerr // the broker may be on its way back
		}
		left, err := w.left()
		sum := w.account.Sum()
		if sum.Effects != effects {
			effects, since = sum.Effects, time.Now()
		}
		done := len(sum.Lost) == 0
		if w.scenario.Broken != "" {
			done = time.Since(since) > 3*time.Second
		}
		return err == nil && left == 0 && done, nil
	}
}

// close ends whatever is left.
func (w *World) close() error {
	for _, a := range slices.Concat(w.workers, w.producers) {
		if a.exited != nil {
			a.abandon()
		}
	}
	errs := []error{w.faults.Close()}
	for _, p := range []*Proxy{w.workProxy, w.produceProxy} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// goroutines is how many all agents together had when they last said so.
func (w *World) goroutines() int {
	return w.sumGoroutines(func(_, now int) int { return now })
}

// mostGoroutines is how many they ever had, each at its time.
func (w *World) mostGoroutines() int {
	return w.sumGoroutines(func(before, now int) int { return max(before, now) })
}

// sumGoroutines makes one number of all that an agent has said, and adds those up.
func (w *World) sumGoroutines(fold func(before, now int) int) (sum int) {
	each := map[string]int{}
	for _, e := range w.account.Stats() {
		if n, err := strconv.Atoi(strings.Fields(e.Note)[0]); err == nil {
			each[e.ID] = fold(each[e.ID], n)
		}
	}
	for _, n := range each {
		sum += n
	}
	return sum
}

// look reads the ledgers and takes in the dead letters.
func (w *World) look() error {
	return errors.Join(w.account.Read(), w.takeDead())
}

// takeDead moves the dead letters from their queue into the account.
func (w *World) takeDead() error {
	return w.withChannel(func(ch *amqp.Channel) error {
		for {
			d, ok, err := ch.Get(deadQueue, false)
			if err != nil || !ok {
				return err
			}
			w.account.Dead(d.MessageId)
			w.reasons[d.MessageId] = reasonOf(d.Headers)
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	})
}

// reasonOf is why a message is a dead letter: by its own word, else by the broker's.
func reasonOf(headers amqp.Table) string {
	if reason, ok := headers["warrener-reason"].(string); ok {
		return reason
	}
	deaths, _ := headers["x-death"].([]any)
	if len(deaths) == 0 {
		return "none"
	}
	latest, _ := deaths[0].(amqp.Table)
	if reason, ok := latest["reason"].(string); ok && reason != "delivery_limit" {
		return reason
	}
	return "crashed" // more often than the delivery limit allows
}

// left is how many messages wait in the queue.
func (w *World) left() (n int, err error) {
	err = w.withChannel(func(ch *amqp.Channel) error {
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		n = q.Messages
		return err
	})
	return n, err
}
