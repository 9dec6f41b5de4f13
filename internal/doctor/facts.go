package doctor

import (
	"time"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// Facts are what was found out about a broker.
type Facts struct {
	Host      queue.Host
	Version   string
	Exchanges map[string]Exchange
	Queues    map[string]Queue
	Refused   []Refusal
	Tried     int    // permissions
	Untried   string // why the permission to write was not tried
	Blocked   string // the alarm's reason

	API   bool   // the management API was asked
	NoAPI string // why it was not, or not to the end
	Skew  time.Duration
}

// Refusal is a permission that the user does not have.
type Refusal struct {
	Doing  string // "publish to exchange warrener.work"
	Reason string // in the broker's words
}

// Object is what exchanges and queues have in common.
type Object struct {
	Missing    bool
	Differs    []*queue.MismatchError // from what a program declares: the first difference, with the API all
	Uncompared string                 // why it was not compared
}

// Exchange is one that is expected, or that a queue's dead letters go to.
type Exchange struct {
	Object
	Kind     string // by the API only, as the bindings
	Bindings []management.Binding
}

// Queue is one that is expected.
type Queue struct {
	Object
	Counts    queue.Counts
	Uncounted string            // why there are no counts
	API       *management.Queue // nil when it was not asked
}

// effective is an argument's value in force, without "x-" in its name, and where it is from. An argument wins over a policy,
// but of two numbers the less.
func (q Queue) effective(name string) (value any, from string) {
	if q.API == nil {
		return nil, ""
	}
	argument, policy := q.API.Arguments["x-"+name], q.API.Definition[name]
	a, isNumber := number(argument)
	p, both := number(policy)
	switch {
	case argument == nil && policy == nil:
		return nil, ""
	case argument == nil, isNumber && both && p < a:
		return policy, "policy " + q.API.Policy
	}
	return argument, "argument x-" + name
}

// number reads what is int64 in a topology and float64 in JSON.
func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// objects are all that is expected but for the delay levels.
func (w Want) objects() topology.Objects {
	all := topology.Base()
	base := len(all.Queues)
	links := len(all.Bindings)
	for _, q := range w.Queues {
		o := topology.Work(q)
		all.Queues = append(all.Queues, o.Queues[base:]...)
		all.Bindings = append(all.Bindings, o.Bindings[links:]...)
	}
	return all
}

// levels are the delay levels that the longest delay needs.
func (w Want) levels() topology.Objects {
	route, err := topology.After("", w.MaxDelay)
	if err != nil { // above the highest
		return topology.DelayLevels(topology.Levels - 1)
	}
	return topology.DelayLevels(route.Level)
}
