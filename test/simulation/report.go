package simulation

import (
	"fmt"
	"strings"
	"time"
)

// Report is what became of a world.
type Report struct {
	Seed     uint64
	Tasks    int            // published by producers, each counted once
	Runs     int            // of handlers
	Dead     int            // tasks in dead-letter queues at the end
	Faults   map[string]int // by their kind
	Virtual  time.Duration  // how long the world existed by its own clock
	Failures []Failure
	Timeline []string // of the tasks that the failures name, and of what happened to the world meanwhile
}

// Failure is an invariant that did not hold.
type Failure struct {
	Invariant string // one of the names in the table of docs/reliability.md
	Task      string // "" when it concerns no task by itself
	Text      string
}

func (f Failure) String() string {
	if f.Task == "" {
		return fmt.Sprintf("%s: %s", f.Invariant, f.Text)
	}
	return fmt.Sprintf("%s: task %s: %s", f.Invariant, f.Task, f.Text)
}

// String is the report of a world in which something is wrong.
func (r *Report) String() string {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintln(&b, f)
	}
	for _, line := range r.Timeline {
		fmt.Fprintln(&b, "  ", line)
	}
	return b.String()
}

// Endless begins the panic of a world that does not come to its end; the report so far follows.
const Endless = "world without an end:\n"

// ReportPrefix begins the line in which a world that runs by itself prints its report, as JSON.
const ReportPrefix = "simulated: "
