package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// deadLetterRoutes follows what a queue's dead letters will go through. One that leads nowhere loses them; with at-least-once
// dead-lettering they are retained, out of everybody's sight.
func deadLetterRoutes(r *report) {
	if r.needsAPI("dead-letter routes") {
		return
	}
	for _, q := range append(r.want.objects().Queues, r.want.levels().Queues...) {
		have := r.facts.Queues[q.Name]
		if have.API == nil || q.Args["x-dead-letter-exchange"] == nil {
			continue // it keeps what it has
		}
		r.route("queue "+q.Name, q.Name, have)
	}
	r.ok("all dead-letter routes lead to a queue")
}

func (r *report) route(what, name string, q Queue) {
	exchange, from := q.effective("dead-letter-exchange")
	x, ok := exchange.(string)
	if !ok {
		r.mismatch(what, "has no dead-letter exchange: tasks that kill their workers are lost", r.want.remake())
		return
	}
	level := strings.HasPrefix(name, "warrener.delay.")
	key, _ := q.effective("dead-letter-routing-key")
	k, ok := key.(string)
	if !ok && !level {
		k = name // a message keeps the key it came with, which for a task that was not delayed is the queue's name
	}
	have := r.facts.Exchanges[x]
	switch to, known := r.facts.Queues[k]; {
	case x == "":
		if !known || to.Missing {
			r.mismatch(what, fmt.Sprintf("its dead letters go to queue %q (%s), which does not exist", k, from), r.want.remake())
		}
	case have.Missing:
		r.mismatch(what, fmt.Sprintf("its dead letters go to exchange %q (%s), which does not exist", x, from), r.want.declare())
	case level && len(have.Bindings) == 0, !level && !have.routes(k):
		r.mismatch(what, fmt.Sprintf("its dead letters go to exchange %q with routing key %q, which leads to no queue", x, k),
			r.want.declare())
	}
}

func (w Want) remake() string {
	return "delete the queue once it is empty, and start a worker, which declares it with its dead-letter route"
}

// routes says whether an exchange takes a key somewhere. Topic patterns are taken by their plain words, for what is ours has
// none with wildcards at the end of a dead-letter route.
func (x Exchange) routes(key string) bool {
	for _, b := range x.Bindings {
		if x.Kind == "fanout" || x.Kind == "headers" || b.Key == key || x.Kind == "topic" && matches(b.Key, key) {
			return true
		}
	}
	return false
}

// matches is AMQP's topic matching: * is a word, # any number of them.
func matches(pattern, key string) bool {
	return match(strings.Split(pattern, "."), strings.Split(key, "."))
}

func match(pattern, words []string) bool {
	switch {
	case len(pattern) == 0:
		return len(words) == 0
	case pattern[0] == "#":
		return match(pattern[1:], words) || len(words) > 0 && match(pattern, words[1:])
	case len(words) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == words[0]) && match(pattern[1:], words[1:])
}

// replicas are the nodes of a quorum queue: with less than a majority it does nothing.
func replicas(r *report) {
	if r.needsAPI("replicas") {
		return
	}
	for _, name := range append(r.want.queueNames(), r.want.keeping()...) {
		q := r.facts.Queues[name].API
		if q == nil || len(q.Members) == 0 {
			continue
		}
		gone := slices.DeleteFunc(slices.Clone(q.Members), func(node string) bool { return slices.Contains(q.Online, node) })
		switch what := "queue " + name; {
		case 2*len(q.Online) <= len(q.Members):
			r.mismatch(what, fmt.Sprintf("%d of %d replicas are online, no majority: the queue does nothing",
				len(q.Online), len(q.Members)),
				"start "+strings.Join(gone, ", "))
		case len(gone) > 0:
			r.warn(what, "replicas are offline: "+strings.Join(gone, ", "),
				"start them, or take them out of the cluster (rabbitmq-queues shrink)")
		}
	}
	r.ok("all replicas of all queues are online")
}

// consumerTimeouts compares how long a task may run with how long its delivery may be unsettled.
func consumerTimeouts(r *report) {
	if r.want.Role == Producer {
		r.ok("does not concern a producer")
		return
	}
	for _, q := range r.want.Queues {
		r.consumerTimeout(q, r.facts.Queues[q.Name])
	}
	if !r.facts.API {
		r.unchecked("consumer timeouts set by policies not checked: "+r.facts.NoAPI,
			"give the management API's address by --management-url")
	}
}

func (r *report) consumerTimeout(q topology.WorkQueue, have Queue) {
	limit, timeout := have.consumerTimeout(r.facts.Version), r.want.TaskTimeout
	classic := q.Type == topology.Classic
	if have.API != nil {
		classic = have.API.Type == topology.Classic
	}
	switch what := "queue " + q.Name; {
	case have.Missing:
	case classic && queue.AtLeast(r.facts.Version, 4, 3):
		r.add(OK, what, "a classic queue has no consumer timeout since RabbitMQ 4.3", "")
	case limit > 0 && (timeout == 0 || timeout >= limit):
		r.mismatch(what, fmt.Sprintf("its consumer timeout is %s, and a task may take %s: the broker would give it to another worker"+
			" while it runs, again and again", limit, orForEver(timeout)), raise(timeout, q.Name))
	case limit > 0:
		r.add(OK, what, fmt.Sprintf("its consumer timeout is %s, and a task may take %s", limit, timeout), "")
	case timeout == 0 || timeout >= queue.DefaultConsumerTimeout:
		r.warn(what, fmt.Sprintf("a task may take %s, and RabbitMQ's consumer timeout is 30m unless the broker is configured otherwise,"+
			" which it does not tell", orForEver(timeout)), raise(timeout, q.Name))
	default:
		r.add(OK, what, fmt.Sprintf("a task may take %s; the broker's consumer timeout is 30m unless it is configured otherwise,"+
			" which it does not tell", timeout), "")
	}
}

// consumerTimeout is what the API tells, or the broker when it found the argument to be another.
func (q Queue) consumerTimeout(version string) time.Duration {
	if q.API != nil {
		return q.API.ConsumerTimeout(version)
	}
	for _, m := range q.Differs {
		if ms, err := strconv.Atoi(m.Have); m.Argument == "x-consumer-timeout" && err == nil {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

func orForEver(timeout time.Duration) string {
	if timeout == 0 {
		return "for ever"
	}
	return timeout.String()
}

// raise says how to make room for a task's timeout: twice as much, for a task waits in the worker as well.
func raise(timeout time.Duration, name string) string {
	if timeout == 0 {
		return "give tasks a timeout (worker run --timeout-task) below the consumer timeout"
	}
	definition := fmt.Sprintf(`{"consumer-timeout": %d}`, (2 * timeout).Milliseconds())
	return fmt.Sprintf("shorten the task timeout; or: rabbitmqctl set_policy consumer-timeout %s %s --apply-to queues (from RabbitMQ 3.12 on;"+
		" else consumer_timeout in rabbitmq.conf)", quote("^"+regexp.QuoteMeta(name)+"$"), quote(definition))
}

// retained looks for messages that have left their queue, and whose way is blocked.
func retained(r *report) {
	if r.needsAPI("retained dead letters") {
		return
	}
	for _, name := range append(r.want.queueNames(), r.want.keeping()...) {
		q := r.facts.Queues[name].API
		if q != nil && q.DeadLettering != nil && *q.DeadLettering > 0 {
			what := "dead letters are retained: no queue takes them"
			if strings.HasPrefix(name, "warrener.delay.") {
				what = "delayed tasks are past their time and cannot go on: the next level, or their queue, does not take them"
			}
			r.warn("queue "+name, fmt.Sprintf("%d %s", *q.DeadLettering, what),
				"mend the dead-letter route, or make room in the queue where it leads; the broker tries again every 3 minutes")
		}
	}
	r.ok("no dead letters are retained")
}

// parked are messages that nobody will touch unless told to.
func parked(r *report) {
	if n := r.facts.Queues[topology.Unrouted].Counts.Messages; n > 0 {
		r.warn("queue "+topology.Unrouted, fmt.Sprintf("%d delayed tasks found their queue gone", n),
			"declare the queue that their header warrener-queue names, and publish them to "+topology.WorkExchange+" again")
	}
	for _, q := range r.want.Queues {
		name := topology.DeadQueue(q.Name)
		if n := r.facts.Queues[name].Counts.Messages; n > 0 {
			r.warn("queue "+name, fmt.Sprintf("%d dead letters wait for somebody to look at them", n),
				"read warrener-reason and warrener-error in their headers; publish to "+topology.WorkExchange+" what should run again")
		}
	}
	r.delayed()
	for _, name := range r.want.keeping() {
		if q := r.facts.Queues[name]; q.Uncounted != "" {
			r.add(Unchecked, "queue "+name, "messages not counted: "+q.Uncounted,
				"run doctor as a user who may read it, or with --management-url")
		}
	}
	r.ok("nothing waits for an operator")
}

// delayed tells of levels where messages wait though nothing can take them on.
func (r *report) delayed() {
	waiting := 0
	for level, q := range r.want.levels().Queues {
		n := r.facts.Queues[q.Name].Counts.Messages
		waiting += n
		below := topology.DeliveryExchange
		if level > 0 {
			below = topology.LevelName(level - 1)
		}
		if n > 0 && r.facts.Exchanges[below].Missing {
			r.mismatch("queue "+q.Name, fmt.Sprintf("%d delayed tasks wait, and exchange %s, where they go next, does not exist",
				n, below),
				r.want.declare())
		}
	}
	if waiting > 0 {
		r.ok(fmt.Sprintf("%d delayed tasks wait for their time", waiting))
	}
}
