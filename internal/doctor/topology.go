package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

func exchanges(r *report) {
	expected := r.want.objects().Exchanges
	for _, x := range expected {
		r.object("exchange", x.Name, r.facts.Exchanges[x.Name].Object)
	}
	r.ok(fmt.Sprintf("%d exchanges are as expected", len(expected)))
}

func queues(r *report) {
	expected := r.want.objects().Queues
	for _, q := range expected {
		r.object("queue", q.Name, r.facts.Queues[q.Name].Object)
	}
	r.ok(fmt.Sprintf("%d queues are as expected", len(expected)))
}

// object reports what is missing, differs or was not compared.
func (r *report) object(kind, name string, o Object) {
	what := kind + " " + name
	switch {
	case o.Missing:
		r.mismatch(what, "does not exist", r.want.declare())
	case len(o.Differs) > 0:
		r.differs(what, o.Differs)
	case o.Uncompared != "":
		r.add(Unchecked, what, "not compared: "+o.Uncompared, "run doctor as a user who may configure it, or with --management-url")
	}
}

// differs reports other arguments than the declared ones. A passive program does not declare, so it is not refused.
func (r *report) differs(what string, differences []*queue.MismatchError) {
	severity := Mismatch
	if r.want.Passive {
		severity = Warning
	}
	var found []string
	fix := "drain and delete it (rabbitmqctl delete_queue), then start a worker, which declares it"
	for _, m := range differences {
		found = append(found, fmt.Sprintf("%s %s, not %s", m.Argument, m.Have, m.Want))
		switch {
		case m.Argument == "x-queue-type":
			fix = "ask for what is there by --queue-type " + m.Have + "; or " + fix
		case m.Argument == "x-consumer-timeout":
			fix = "set the consumer timeout by a policy (key consumer-timeout) in place of the argument: " + fix
		case m.Kind == "exchange":
			fix = "delete the exchange while nothing publishes to it, then start a worker, which declares it with its bindings"
		}
	}
	r.add(severity, what, "has "+strings.Join(found, "; "), fix)
}

// declare says how to make what is missing. Not by any worker: one that does not know a task dead-letters it.
func (w Want) declare() string {
	fix := "start a worker that takes from " + strings.Join(w.queueNames(), ", ") + " without --passive: it declares what is missing"
	if len(w.Queues) > 0 && w.Queues[0].Type == topology.Classic {
		fix += ", with --queue-type classic"
	}
	return fix
}

func bindings(r *report) {
	if r.needsAPI("bindings") {
		return
	}
	expected := r.want.objects().Bindings
	for _, level := range r.want.levels().Bindings {
		if !r.facts.Exchanges[level.Exchange].Missing {
			expected = append(expected, level)
		}
	}
	checked := 0
	for _, b := range expected {
		x := r.facts.Exchanges[b.Exchange]
		if x.Missing {
			continue // which is reported already
		}
		checked++
		if !slices.ContainsFunc(x.Bindings, func(have management.Binding) bool { return same(b, have) }) {
			r.mismatch("exchange "+b.Exchange, fmt.Sprintf("does not lead to %s (routing key %q)", target(b), b.Key), r.want.declare())
		}
	}
	r.ok(fmt.Sprintf("all %d bindings of the exchanges that exist are there", checked))
}

func same(want topology.Binding, have management.Binding) bool {
	to, kind := want.Queue, "queue"
	if want.ToExchange != "" {
		to, kind = want.ToExchange, "exchange"
	}
	return have.Target == to && have.Kind == kind && have.Key == want.Key
}

func target(b topology.Binding) string {
	if b.ToExchange != "" {
		return "exchange " + b.ToExchange
	}
	return "queue " + b.Queue
}

// levels are declared from 0 up, as far as somebody needed them. One that is missing below another breaks the way.
func levels(r *report) {
	expected := r.want.levels()
	highest := -1
	for level, q := range expected.Queues {
		if !r.facts.Queues[q.Name].Missing {
			highest = level
		}
	}
	for level, q := range expected.Queues {
		x := r.facts.Exchanges[expected.Exchanges[level].Name]
		if level <= highest || r.want.Passive {
			r.object("queue", q.Name, r.facts.Queues[q.Name].Object)
			r.object("exchange", expected.Exchanges[level].Name, x.Object)
		}
	}
	if highest < len(expected.Queues)-1 {
		r.ok(fmt.Sprintf("%d of %d delay levels exist; the others are declared with the first delay that needs them",
			highest+1, len(expected.Queues)))
	}
	r.ok(fmt.Sprintf("%d delay levels are as expected, for delays up to %s", len(expected.Queues), r.want.MaxDelay))
}

// keptAt is a limit below which a queue that only keeps messages loses those that an operator looks at so often.
const keptAt = 1_000_000

func deliveryLimits(r *report) {
	if r.needsAPI("delivery limits set by policies") {
		return
	}
	for _, q := range r.want.Queues {
		have := r.facts.Queues[q.Name]
		if have.API == nil {
			continue
		}
		value, from := have.effective("delivery-limit")
		limit, isSet := number(value)
		switch what := "queue " + q.Name; {
		case have.API.Type == topology.Classic:
			r.warn(what, "a classic queue knows no delivery limit: a task that kills its worker comes back for ever",
				"use a quorum queue, unless all tasks are known to be harmless")
		case !isSet && !queue.AtLeast(r.facts.Version, 4, 0), isSet && limit < 0:
			r.warn(what, "has no delivery limit: a task that kills its worker comes back for ever",
				"declare it with x-delivery-limit 20, or set a policy with delivery-limit")
		case isSet && limit < 3:
			r.warn(what, fmt.Sprintf("the delivery limit is %d by %s: a few lost connections dead-letter a task that is well",
				limit, from),
				"raise it to 20")
		}
	}
	for _, name := range r.want.keeping() {
		value, from := r.facts.Queues[name].effective("delivery-limit")
		if limit, isSet := number(value); isSet && limit < keptAt && strings.HasPrefix(from, "policy") {
			r.mismatch("queue "+name, fmt.Sprintf("the delivery limit is %d by %s: messages that are looked at so often are dropped",
				limit, from),
				"take delivery-limit out of the policy, or let its pattern not match this queue")
		}
	}
	r.ok("delivery limits protect the workers, and nothing else is subject to them")
}

// keeping are the queues that keep messages until somebody takes them: dead letters, unrouted, delay levels.
func (w Want) keeping() []string {
	list := []string{topology.Unrouted}
	for _, q := range w.Queues {
		list = append(list, topology.DeadQueue(q.Name))
	}
	for _, q := range w.levels().Queues {
		list = append(list, q.Name)
	}
	return list
}

// policies looks for those that make queues forget. What a queue declares wins over a policy, but it declares neither a
// length nor, where nothing may expire, a time to live.
func policies(r *report) {
	if r.needsAPI("policies") {
		return
	}
	work, keeping := r.want.queueNames(), r.want.keeping()
	for _, name := range append(work, keeping...) {
		q := r.facts.Queues[name]
		if q.API == nil {
			continue
		}
		what := "queue " + name
		fix := fmt.Sprintf("take it out of policy %q, or let its pattern not match this queue (rabbitmqctl list_policies)",
			q.API.Policy)
		if _, from := q.effective("expires"); from != "" {
			r.mismatch(what, "deletes itself with all that is in it when nobody uses it, by "+from+" (expires)", fix)
		}
		if value, _ := q.effective("overflow"); value == "drop-head" && q.limited() {
			r.mismatch(what, "drops its oldest messages when it is full (overflow drop-head)", "set overflow to reject-publish")
		}
		_, from := q.effective("message-ttl")
		switch {
		case from == "" || strings.HasPrefix(name, "warrener.delay.") && !strings.HasPrefix(from, "policy"):
		case slices.Contains(work, name):
			r.warn(what, "tasks that wait too long become dead letters, by "+from+" (message-ttl)",
				"let tasks say themselves when they expire; "+fix)
		default:
			r.mismatch(what, "messages leave it when their time is over, by "+from+" (message-ttl)", fix)
		}
	}
	r.ok("no policy makes a queue forget")
}

func (q Queue) limited() bool {
	_, length := q.effective("max-length")
	_, bytes := q.effective("max-length-bytes")
	return length != "" || bytes != ""
}
