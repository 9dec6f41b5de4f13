package simulation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/warrener/warrener"
)

// plan is all that is decided before a world begins. It follows from the seed alone.
type plan struct {
	calm      bool // no faults: then the figures have to be exact
	queues    []warrener.Queue
	producers []producerPlan
	workers   []workerPlan
	faults    []fault
}

// producerPlan is what one producer publishes, in batches.
type producerPlan struct {
	declares bool // the queues, instead of leaving that to the workers
	batches  []batch
}

// batch are tasks that are published together.
type batch struct {
	after    time.Duration // the one before
	pipeline bool          // by PublishMany, instead of many callers of Publish
	tasks    []*task
}

// workerPlan is how a worker is configured.
type workerPlan struct {
	queues      []warrener.Queue
	concurrency int
	prefetch    int
}

// task is one task and what its handler does.
type task struct {
	id          string
	queue       string
	kind        kind
	fails       int           // how many of its attempts fail, or kill their worker
	takes       time.Duration // each run
	wait        time.Duration // what it asks for before its next attempt
	delay       time.Duration
	expires     time.Duration // after the world began; 0 is never
	maxAttempts int
	timeout     time.Duration
	once        bool // given up when the broker refuses it
	payload     []byte
}

// kind is what the handler of a task does.
type kind string

const (
	good      kind = "good"
	flaky     kind = "flaky"     // fails in its first attempts
	patient   kind = "patient"   // likewise, and says how long to wait
	panicky   kind = "panicky"   // panics in its first attempts
	slow      kind = "slow"      // runs into its timeout in its first attempts
	deadly    kind = "deadly"    // kills its worker in its first runs
	hasty     kind = "hasty"     // is out of date soon
	hopeless  kind = "hopeless"  // fails in each attempt
	permanent kind = "permanent" // says that no attempt will succeed
	malformed kind = "malformed" // has a payload that its handler cannot read
	unknown   kind = "unknown"   // has no handler
	poison    kind = "poison"    // kills its worker each time
)

// reason is why a task of this kind has to end as a dead letter; "" when it has not.
func (k kind) reason() warrener.Reason {
	return map[kind]warrener.Reason{
		hopeless: warrener.ReasonExhausted, permanent: warrener.ReasonPermanent, malformed: warrener.ReasonMalformed,
		unknown: warrener.ReasonUnknownTask, poison: warrener.ReasonCrashed,
	}[k]
}

// kinds are drawn from these: the first for calm worlds, all for others.
func kinds() []kind {
	return []kind{
		good, good, good, good, good, good, good, flaky, flaky, patient, panicky, slow, hasty, hopeless, permanent, malformed, unknown,
		good, good, good, deadly,
	}
}

const calmKinds = 17

// dice is where a plan's decisions come from.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) dice { return dice{rand.New(rand.NewPCG(seed, stream))} }

// one in n.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// between has both ends.
func (d dice) between(low, high int) int { return low + d.IntN(high-low+1) }

// moment is a time between 0 and limit. Short ones are as likely as long ones: each order of magnitude has its share.
func (d dice) moment(limit time.Duration) time.Duration {
	return time.Duration(float64(limit) * d.Float64() * d.Float64()).Truncate(time.Microsecond)
}

func pick[T any](d dice, of []T) T { return of[d.IntN(len(of))] }

func newPlan(seed uint64) *plan {
	d := newDice(seed, 0)
	p := &plan{calm: seed%8 == 0}
	names := []string{"jobs", "mail"}[:d.between(1, 2)]
	poisonous := !p.calm && d.one(5)
	for _, name := range names {
		q := warrener.Queue{Name: name}
		switch {
		case poisonous:
			q.DeliveryLimit = d.between(3, 6)
		case d.one(6):
			q.Type = warrener.Classic
		}
		p.queues = append(p.queues, q)
	}
	for i := range d.between(1, 2) {
		p.producers = append(p.producers, newProducerPlan(d, p, i+1))
	}
	if poisonous {
		p.poison(d)
	}
	for range d.between(2, 3) {
		p.workers = append(p.workers, workerPlan{
			queues:      p.queues,
			concurrency: d.between(1, 4),
			prefetch:    d.between(1, 10),
		})
	}
	p.faults = sorted(append(newFaults(d, p), newPauses(newDice(seed, 2), p)...))
	return p
}

func newProducerPlan(d dice, p *plan, number int) producerPlan {
	pp := producerPlan{declares: d.one(2)}
	tasks := d.between(8, 20)
	for made := 0; made < tasks; {
		b := batch{after: d.moment(4 * time.Second), pipeline: d.one(2)}
		for range d.between(1, 6) {
			made++
			b.tasks = append(b.tasks, newTask(d, p, fmt.Sprintf("p%d.%02d", number, made)))
		}
		pp.batches = append(pp.batches, b)
	}
	return pp
}

func newTask(d dice, p *plan, id string) *task {
	of := kinds()
	if p.calm {
		of = of[:calmKinds]
	}
	t := &task{
		id: id, queue: pick(d, p.queues).Name, kind: pick(d, of), takes: d.moment(300 * time.Millisecond), once: d.one(8),
		maxAttempts: d.between(3, 5), timeout: 20 * time.Second,
	}
	if d.one(8) {
		t.takes = d.moment(15 * time.Second)
	}
	t.fails = d.between(1, 2)
	if d.one(3) {
		t.delay = d.moment(20 * time.Second)
	}
	switch t.kind {
	case patient:
		t.wait = d.moment(10 * time.Second)
	case slow:
		t.timeout = time.Second + d.moment(2*time.Second)
		t.takes = min(t.takes, t.timeout/2)
	case hasty:
		t.expires = time.Second + d.moment(30*time.Second)
		t.delay = d.moment(t.expires)
	}
	t.payload = encode(d, t)
	return t
}

// poison puts one task into the plan that kills every worker.
func (p *plan) poison(d dice) {
	tasks := pick(d, pick(d, p.producers).batches).tasks
	t := pick(d, tasks)
	t.kind, t.expires = poison, 0
	t.payload = encode(d, t)
}

// payload is what every task carries.
type payload struct {
	ID   string
	Fill string
}

func encode(d dice, t *task) []byte {
	body, err := json.Marshal(payload{ID: t.id, Fill: fill(d)})
	if err != nil {
		panic(err) // two strings always have a form in JSON
	}
	if t.kind == malformed {
		body = body[:len(body)-1]
	}
	return body
}

// fill makes some payloads longer than a frame's worth of buffers, and all of them different.
func fill(d dice) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, d.between(0, 40))
	for i := range b {
		b[i] = letters[d.IntN(len(letters))]
	}
	return string(b)
}

func (p *plan) tasks() []*task {
	var all []*task
	for _, pp := range p.producers {
		for _, b := range pp.batches {
			all = append(all, b.tasks...)
		}
	}
	return all
}

// task is the task as it is published. born is when the world began.
func (t *task) publishable(born time.Time) warrener.Task {
	name := step.Name()
	if t.kind == unknown {
		name = "simulation.nobody"
	}
	published := warrener.Task{
		ID: t.id, Name: name, Queue: t.queue, Payload: t.payload, Delay: t.delay, MaxAttempts: t.maxAttempts, Timeout: t.timeout,
		Headers: map[string]any{"simulation-id": t.id},
	}
	if t.expires > 0 {
		published.ExpiresAt = born.Add(t.expires)
	}
	return published
}

// step is the task of all producers and workers.
var step = warrener.Define[payload]("simulation.step")
