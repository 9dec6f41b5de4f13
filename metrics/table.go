package metrics

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

const (
	// other is the name of all queues and tasks that have no series of their own.
	other = "other"

	// maxMet is how many pairs that nobody announced get series of their own.
	maxMet = 100

	// maxName is the longest name that AMQP can carry. A longer one is an invalid task's.
	maxName = 255
)

// pair is what series are told apart by.
type pair struct{ queue, task string }

// table holds the series S of each pair, as few as doc.go promises. Looking up takes no lock.
type table[S any] struct {
	create func(pair) *S

	mu  sync.Mutex // held to replace now
	now atomic.Pointer[roster[S]]
}

// roster is a table at one time. It is replaced, never changed.
type roster[S any] struct {
	open   bool // a task that nobody announced may get series of its own
	queues map[string]bool
	tasks  map[string]bool
	met    int
	series map[pair]*S
}

func newTable[S any](create func(pair) *S, open bool) *table[S] {
	t := &table[S]{create: create}
	t.now.Store(&roster[S]{
		open:   open,
		queues: make(map[string]bool),
		tasks:  map[string]bool{other: true},
		series: make(map[pair]*S),
	})
	return t
}

// announce makes the series of these queues and tasks, each with all that were announced before.
func (t *table[S]) announce(queues, tasks []string) {
	t.mu.Lock()
	defer t.mu.Unlock()

	next := t.now.Load().clone()
	for _, name := range slices.DeleteFunc(slices.Clone(queues), unusable) {
		next.queues[name] = true
	}
	for _, name := range slices.DeleteFunc(slices.Clone(tasks), unusable) {
		next.tasks[name] = true
	}
	for queue := range next.queues {
		for task := range next.tasks {
			if p := (pair{queue, task}); next.series[p] == nil {
				next.series[p] = t.create(p)
			}
		}
	}
	t.now.Store(next)
}

// of finds the series to count a task of a queue in.
func (t *table[S]) of(queue, task string) *S {
	now, p := t.now.Load(), pair{queue, task}
	if s := now.series[p]; s != nil {
		return s
	}
	if s := now.series[now.label(p)]; s != nil {
		return s
	}
	return t.meet(p)
}

// meet makes the series of a pair that is seen for the first time.
func (t *table[S]) meet(p pair) *S {
	t.mu.Lock()
	defer t.mu.Unlock()

	next := t.now.Load().clone()
	p = next.label(p)
	if s := next.series[p]; s != nil {
		return s
	}
	s := t.create(p)
	next.series[p] = s
	next.queues[p.queue] = true // so that its further tasks count as other tasks of this queue
	next.met++
	t.now.Store(next)
	return s
}

// label is the pair to count p under: itself while there is room, or with other in place of what nobody announced.
func (r *roster[S]) label(p pair) pair {
	if unusable(p.queue) {
		p.queue = other
	}
	if unusable(p.task) || !r.open && !r.tasks[p.task] {
		p.task = other
	}
	if r.series[p] != nil || r.met < maxMet {
		return p
	}
	if !r.queues[p.queue] {
		p.queue = other
	}
	if !r.tasks[p.task] {
		p.task = other
	}
	return p
}

func (r *roster[S]) clone() *roster[S] {
	next := *r
	next.queues, next.tasks, next.series = maps.Clone(r.queues), maps.Clone(r.tasks), maps.Clone(r.series)
	return &next
}

func unusable(name string) bool {
	return name == "" || len(name) > maxName || !utf8.ValidString(name)
}
