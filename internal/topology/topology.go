package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The exchanges and queues that all work queues share.
const (
	WorkExchange  = "warrener.work"   // direct: queue name → queue
	DeadExchange  = "warrener.dead"   // direct: queue name → its dead-letter queue
	PauseExchange = "warrener.paused" // direct: queue name → its pause queue
	Unrouted      = "warrener.unrouted"
)

// DefaultDeliveryLimit is how often the broker lets a task come back from workers that died before it is dead-lettered.
const DefaultDeliveryLimit = 20

// Types of a work queue.
const (
	Quorum  = "quorum"  // replicated, the default
	Classic = "classic" // on one node, no delivery limit
)

// Exchange is a durable exchange.
type Exchange struct {
	Name string
	Kind string // direct, fanout or topic
	Args map[string]any
}

// Queue is a durable queue. Args holds its x-queue-type as well; numbers are int64.
type Queue struct {
	Name string
	Args map[string]any
}

// Binding leads from an exchange to a queue or to another exchange: one of Queue and ToExchange is set.
type Binding struct {
	Exchange   string
	Key        string
	Queue      string
	ToExchange string
}

// Objects is a part of the topology, in an order in which it can be declared: exchanges, queues, bindings.
type Objects struct {
	Exchanges []Exchange
	Queues    []Queue
	Bindings  []Binding
}

// WorkQueue is a queue of tasks, as its owner describes it.
type WorkQueue struct {
	Name          string
	Type          string // Quorum when empty
	DeliveryLimit int    // DefaultDeliveryLimit when 0; classic queues have none
}

// Work returns a work queue with its dead-letter queue, its pause queue and all that they rest on, but for the delay levels.
func Work(q WorkQueue) Objects {
	o := Base()
	o.Queues = append(o.Queues, q.Queue(), keeping(DeadQueue(q.Name), nil), q.pause())
	o.Bindings = append(o.Bindings,
		Binding{Exchange: WorkExchange, Key: q.Name, Queue: q.Name},
		Binding{Exchange: DeadExchange, Key: q.Name, Queue: DeadQueue(q.Name)},
		Binding{Exchange: PauseExchange, Key: q.Name, Queue: PauseQueue(q.Name)},
		DelayBinding(q.Name))
	return o
}

// Queue returns the work queue itself.
func (q WorkQueue) Queue() Queue {
	args := map[string]any{
		"x-queue-type":              Quorum,
		"x-overflow":                "reject-publish", // a full queue refuses; the default drops its oldest message
		"x-dead-letter-exchange":    DeadExchange,
		"x-dead-letter-routing-key": q.Name,
	}
	if q.Type != "" {
		args["x-queue-type"] = q.Type
	}
	if args["x-queue-type"] == Classic {
		return Queue{q.Name, args} // which refuses the two arguments below
	}
	limit := q.DeliveryLimit
	if limit == 0 {
		limit = DefaultDeliveryLimit
	}
	args["x-delivery-limit"] = int64(limit)
	args["x-dead-letter-strategy"] = "at-least-once"
	return Queue{q.Name, args}
}

// Base returns what all work queues share: the exchanges, and the queue of what could not be routed after its delay.
func Base() Objects {
	return Objects{
		Exchanges: []Exchange{
			{Name: WorkExchange, Kind: "direct"},
			{Name: DeadExchange, Kind: "direct"},
			{Name: PauseExchange, Kind: "direct"},
			{Name: Unrouted, Kind: "fanout"},
			{Name: DeliveryExchange, Kind: "topic", Args: map[string]any{"alternate-exchange": Unrouted}},
		},
		Queues:   []Queue{keeping(Unrouted, nil)},
		Bindings: []Binding{{Exchange: Unrouted, Queue: Unrouted}},
	}
}

// Pause returns what it takes to pause a work queue, which Work has as well.
func Pause(q WorkQueue) Objects {
	return Objects{
		Exchanges: []Exchange{{Name: PauseExchange, Kind: "direct"}},
		Queues:    []Queue{q.pause()},
		Bindings:  []Binding{{Exchange: PauseExchange, Key: q.Name, Queue: PauseQueue(q.Name)}},
	}
}

// pause returns the queue whose message says that the work queue is paused. It is of the same type, so that it is there
// whenever the work queue is. A newer message takes the place of the one before, which is what a full queue does by default.
func (q WorkQueue) pause() Queue {
	args := map[string]any{"x-queue-type": Quorum, "x-max-length": int64(1), "x-overflow": "drop-head"}
	if q.Type != "" {
		args["x-queue-type"] = q.Type
	}
	if args["x-queue-type"] != Classic {
		args["x-delivery-limit"] = int64(neverReached) // whoever looks at the message puts it back
	}
	return Queue{PauseQueue(q.Name), args}
}

// Keeping returns a queue as the dead-letter queues and [Unrouted] are: it only keeps messages.
func Keeping(name string) Queue { return keeping(name, nil) }

// keeping returns a quorum queue that never drops a message by itself.
func keeping(name string, args map[string]any) Queue {
	all := map[string]any{
		"x-queue-type": Quorum,
		"x-overflow":   "reject-publish",
		// Without a limit of its own a queue has 20 since RabbitMQ 4.0: the message that an operator has looked at and
		// put back so often is dropped from a dead-letter queue, and leaves a delay level early. -1 turns the limit off
		// from 4.0 on, but on 3.10 it drops a message that comes back once. A number that nobody reaches is good on all.
		"x-delivery-limit": int64(neverReached),
	}
	maps.Copy(all, args)
	return Queue{name, all}
}

const neverReached = 1<<31 - 1

// DeadQueue returns the name of the dead-letter queue that belongs to a work queue.
func DeadQueue(queue string) string { return queue + ".dead" }

// PauseQueue returns the name of the queue that holds a message while a work queue is paused.
func PauseQueue(queue string) string { return queue + ".paused" }

// ToPause returns the way to the pause queue of a work queue.
func ToPause(queue string) Route {
	return Route{Exchange: PauseExchange, Key: queue, Queue: PauseQueue(queue), Level: -1}
}

// Join returns the objects of all parts, each once, in an order in which they can be declared.
func Join(parts ...Objects) Objects {
	var all Objects
	exchanges, queues, bindings := map[string]bool{}, map[string]bool{}, map[Binding]bool{}
	for _, o := range parts {
		for _, x := range o.Exchanges {
			if !exchanges[x.Name] {
				all.Exchanges = append(all.Exchanges, x)
			}
			exchanges[x.Name] = true
		}
		for _, q := range o.Queues {
			if !queues[q.Name] {
				all.Queues = append(all.Queues, q)
			}
			queues[q.Name] = true
		}
		for _, b := range o.Bindings {
			if !bindings[b] {
				all.Bindings = append(all.Bindings, b)
			}
			bindings[b] = true
		}
	}
	return all
}

// String lists the objects, one a line, with sorted arguments.
func (o Objects) String() string {
	var b strings.Builder
	for _, e := range o.Exchanges {
		fmt.Fprintf(&b, "exchange %s %s%s\n", e.Name, e.Kind, sorted(e.Args))
	}
	for _, q := range o.Queues {
		fmt.Fprintf(&b, "queue %s%s\n", q.Name, sorted(q.Args))
	}
	for _, bind := range o.Bindings {
		to := "queue " + bind.Queue
		if bind.ToExchange != "" {
			to = "exchange " + bind.ToExchange
		}
		fmt.Fprintf(&b, "binding %s %q -> %s\n", bind.Exchange, bind.Key, to)
	}
	return b.String()
}

func sorted(args map[string]any) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(args)) {
		fmt.Fprintf(&b, " %s=%v", name, args[name])
	}
	return b.String()
}
