package simulation

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// ledger is where everybody writes down what happened. It stands outside of the world: no fault reaches it.
type ledger struct {
	born time.Time

	mu       sync.Mutex
	events   []event
	records  map[string]*record
	failures []Failure
	faults   map[string]int
	troubled bool // there has been a fault: from now on a task may run twice
	ends     int  // of consuming: each may count toward the delivery limit of what was not settled
}

// event is a line of the timeline. It is written only when all is over: writing takes stack, and where stacks grow Go draws random
// numbers from the source that select uses. So a trace would change what it shows.
type event struct {
	at     time.Duration
	who    string
	task   string // "" for what concerns all
	format string
	args   []any
	log    func() string // what it logged, for traces
}

func (e *event) String() string {
	text := fmt.Sprintf(e.format, e.args...)
	if e.log != nil {
		text = e.log()
	}
	if e.task == "" {
		return fmt.Sprintf("%11.6fs  %-7s %s", e.at.Seconds(), e.who, text)
	}
	return fmt.Sprintf("%11.6fs  %-7s %-7s %s", e.at.Seconds(), e.who, e.task, text)
}

// record is what became of one task.
type record struct {
	plan     *task
	first    time.Time // when it was first handed to Publish
	accepted bool
	doubtful bool // Publish once said that it did not know
	refused  bool // Publish said that it is not there, and its producer has given it up
	tries    int
	runs     []*run
	dead     int // letters, at the end
}

// run is one call of a task's handler.
type run struct {
	worker     string
	attempt    int
	start, end time.Time // end is zero when it was cut off
	result     result
}

type result string

const (
	running   result = "still running"
	succeeded result = "has its effect"
	failed    result = "failed"
	cutOff    result = "died with its worker"
)

func newLedger(p *plan) *ledger {
	l := &ledger{born: time.Now(), records: map[string]*record{}, faults: map[string]int{}}
	for _, t := range p.tasks() {
		l.records[t.id] = &record{plan: t}
	}
	return l
}

// note adds an event.
func (l *ledger) note(who, task, format string, args ...any) {
	l.add(event{who: who, task: task, format: format, args: args})
}

func (l *ledger) add(e event) {
	e.at = time.Since(l.born)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// fail notes an invariant that does not hold.
func (l *ledger) fail(f Failure) {
	l.note("!", f.Task, "%s: %s", f.Invariant, f.Text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, f)
}

// fault counts a fault that is about to happen, and notes it.
func (l *ledger) fault(kind, format string, args ...any) {
	l.note("fault", "", format, args...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults[kind]++
	l.troubled = l.troubled || kind != drain && kind != pausing
}

func (l *ledger) isTroubled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.troubled
}

// killed is how often a task has killed its worker.
func (l *ledger) killed(r *record) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range r.runs {
		if x.result == cutOff {
			n++
		}
	}
	return n
}

// ended notes that deliveries may go back to their queue and be counted there.
func (l *ledger) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends++
}

// change changes the record of a task; false when there is no such task.
func (l *ledger) change(id string, change func(*record)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[id]
	if ok {
		change(r)
	}
	return ok
}

// manyRuns is more than any task can have for good reasons.
const manyRuns = 100

// endless is a task that comes back again and again, "" when there is none.
func (l *ledger) endless() (id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if len(r.runs) > manyRuns {
			id = max(id, r.plan.id) // any, but always the same
		}
	}
	return id
}

// begin writes down a run that begins, and returns what is wrong with that.
func (l *ledger) begin(id string, now *run) (*record, []Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[id]
	if !ok {
		return nil, []Failure{{onlyPublished, id, "nobody has published it"}}
	}
	wrong := r.objections(now, l.born, l.troubled)
	r.runs = append(r.runs, now)
	return r, wrong
}

// finish writes down how a run ended, unless its worker has died meanwhile.
func (l *ledger) finish(now *run, as result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now.result = as
	if as != cutOff {
		now.end = time.Now()
	}
}

// ids are those of all tasks, sorted.
func (l *ledger) ids() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.records))
}

// timeline are the events of the tasks that failures name, and of what concerns all. A full one has everything.
func (l *ledger) timeline(full bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	concerned := map[string]bool{"": true}
	for _, f := range l.failures {
		concerned[f.Task] = true
	}
	var lines []string
	for i := range l.events {
		if e := &l.events[i]; full || concerned[e.task] && e.log == nil {
			lines = append(lines, e.String())
		}
	}
	return lines
}
