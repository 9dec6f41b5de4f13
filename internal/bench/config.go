package bench

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Config says what is measured, and on which broker. Each field has to be set, but for Management and those that may be nil.
type Config struct {
	URL            string // the broker's address, or several of a cluster
	Management     string // the management API's; "" when there is none, and then the broker's CPU time is not known
	ConnectTimeout time.Duration

	Workloads   []string // by name, see Names
	QueueType   string   // quorum or classic
	Raw         bool     // the same on the bare client as well
	Rounds      int
	Tasks       int // a round
	Size        int // bytes of a payload
	Concurrency int // handlers at once
	Publishers  int // blocking callers, of the workload callers
	Rate        int // tasks a second, of the workload latency
	InFlight    int // tasks and handlers of the workload sleep

	Log  *slog.Logger
	Step func(done, of int, what string) // told before each piece of work and at the end; nil: nobody watches
}

const (
	leastSize = 64 // has room for what every payload says
	mostSize  = 1 << 20
	mostTasks = 10_000_000
	mostSlots = 30_000 // their prefetch is twice that, and AMQP can say 65535
)

// Check says what is wrong with the configuration, in the words of the command's flags.
func (c Config) Check() error {
	for _, name := range c.Workloads {
		if !slices.Contains(append(Names(), sleeping), name) {
			return fmt.Errorf("no workload %q: there are %s and %s", name, strings.Join(Names(), ", "), sleeping)
		}
	}
	for _, limit := range []struct {
		flag        string
		value       int
		least, most int
	}{
		{"rounds", c.Rounds, 1, 1000},
		{"tasks", c.Tasks, 1, mostTasks},
		{"size", c.Size, leastSize, mostSize},
		{"concurrency", c.Concurrency, 1, mostSlots},
		{"publishers", c.Publishers, 1, 10_000},
		{"rate", c.Rate, 1, 10_000},
		{"in-flight", c.InFlight, 1, mostSlots},
	} {
		if limit.value < limit.least || limit.value > limit.most {
			return fmt.Errorf("--%s is from %d to %d", limit.flag, limit.least, limit.most)
		}
	}
	if len(c.Workloads) == 0 {
		return errors.New("no workload")
	}
	return nil
}

// prefetch is what a worker of so many slots holds, on both sides: the SDK's own choice for more than 16.
func prefetch(slots int) int { return max(2*slots, 250) }
