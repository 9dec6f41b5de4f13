package doctor

import (
	"regexp"
	"strings"

	"github.com/warrener/warrener/internal/topology"
)

// needs are the permissions of a role, as what it does with them.
type needs struct {
	configureExchanges []topology.Exchange
	configureQueues    []topology.Queue
	bind               []topology.Binding
	publish            []string // exchanges
	consume            []string // queues
	ask                []string // queues whose pause has to be seen
}

func (w Want) needs() needs {
	var n needs
	all, levels := w.objects(), w.levels()
	switch w.Role {
	case Producer:
		n.publish = append([]string{topology.WorkExchange}, names(levels.Exchanges)...)
		all = topology.Base() // the queues are the workers' to declare
		for _, q := range w.Queues {
			all.Bindings = append(all.Bindings, topology.DelayBinding(q.Name))
		}
	case Worker:
		n.publish = append([]string{topology.WorkExchange, topology.DeadExchange}, names(levels.Exchanges)...)
		n.consume = w.queueNames()
		n.ask = w.queueNames()
	case Operator:
		n.publish = []string{topology.WorkExchange, topology.PauseExchange} // to send dead letters back to work, and to pause
		n.consume = append(w.queueNames(), topology.Unrouted)
		for _, q := range w.Queues {
			n.consume = append(n.consume, topology.DeadQueue(q.Name), topology.PauseQueue(q.Name))
		}
	}
	if !w.Passive {
		n.configureExchanges = append(all.Exchanges, levels.Exchanges...)
		n.configureQueues = append(all.Queues, levels.Queues...)
		n.bind = append(all.Bindings, levels.Bindings...)
	}
	return n
}

// patterns are the regular expressions for configure, write and read that give the role its permissions.
func (w Want) patterns() (configure, write, read string) {
	const ours, nothing = `warrener\..*`, "^$"
	queues := quoted(w.queueNames())
	withTheirs := quoted(w.queueNames())
	for _, q := range w.Queues {
		withTheirs = append(withTheirs, regexp.QuoteMeta(topology.DeadQueue(q.Name)), regexp.QuoteMeta(topology.PauseQueue(q.Name)))
	}
	switch {
	case !w.Passive && w.Role == Producer:
		return oneOf(ours), oneOf(append(queues, ours)...), oneOf(ours)
	case !w.Passive:
		all := oneOf(append(withTheirs, ours)...)
		return all, all, all
	case w.Role == Producer:
		return nothing, `^warrener\.(work|delay\.[0-9]+)$`, nothing
	case w.Role == Worker:
		publish := []string{`warrener\.(work|dead|delay\.[0-9]+)`}
		for _, q := range w.Queues { // to write to a queue is the least that lets a user ask for its counts
			publish = append(publish, regexp.QuoteMeta(topology.PauseQueue(q.Name)))
		}
		return nothing, oneOf(publish...), oneOf(queues...)
	}
	return nothing, `^warrener\.(work|paused)$`, oneOf(append(withTheirs, regexp.QuoteMeta(topology.Unrouted))...)
}

func (w Want) queueNames() []string {
	list := make([]string, len(w.Queues))
	for i, q := range w.Queues {
		list[i] = q.Name
	}
	return list
}

func names(exchanges []topology.Exchange) []string {
	list := make([]string, len(exchanges))
	for i, x := range exchanges {
		list[i] = x.Name
	}
	return list
}

func quoted(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = regexp.QuoteMeta(name)
	}
	return list
}

// oneOf matches any of the expressions, and all of the name.
func oneOf(expressions ...string) string { return "^(" + strings.Join(expressions, "|") + ")$" }
