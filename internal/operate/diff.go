package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// Difference is one between what should be and what is.
type Difference struct {
	Kind     string `json:"kind"` // exchange, queue or binding
	Name     string `json:"name"`
	Argument string `json:"argument,omitempty"` // "" when the object is missing
	Want     string `json:"want,omitempty"`
	Have     string `json:"have,omitempty"` // "none" when it has no such argument
}

// Missing says that the object is not there, which Apply mends. What is there with another argument it leaves alone.
func (d Difference) Missing() bool { return d.Argument == "" }

func (d Difference) String() string {
	if d.Missing() {
		return fmt.Sprintf("%s %q is missing", d.Kind, d.Name)
	}
	return fmt.Sprintf("%s %q has %s %s, not %s", d.Kind, d.Name, d.Argument, d.Have, d.Want)
}

// SeesBindings says whether Diff can tell which bindings are missing: AMQP does not.
func (b *Broker) SeesBindings() bool { return b.api != nil }

// Diff compares what should be with what is. What is there beyond that is none of its business.
func (b *Broker) Diff(ctx context.Context, want topology.Objects) ([]Difference, error) {
	if b.api != nil {
		return b.compare(ctx, want)
	}
	var all []Difference
	note := func(err error) error {
		if missing, ok := errors.AsType[*queue.MissingError](err); ok {
			all = append(all, Difference{Kind: missing.Kind, Name: missing.Name})
			return nil
		}
		if m, ok := errors.AsType[*queue.MismatchError](err); ok {
			all = append(all, Difference{Kind: m.Kind, Name: m.Name, Argument: m.Argument, Want: m.Want, Have: m.Have})
			return nil
		}
		return err
	}
	for _, x := range want.Exchanges {
		if err := note(b.amqp.CheckExchange(x)); err != nil {
			return nil, err
		}
	}
	for _, q := range want.Queues {
		if err := note(b.amqp.CheckQueue(q)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compare is Diff by the API.
func (b *Broker) compare(ctx context.Context, want topology.Objects) ([]Difference, error) {
	exchanges, err := b.api.Exchanges(ctx)
	if err != nil {
		return nil, err
	}
	queues, err := b.api.Queues(ctx)
	if err != nil {
		return nil, err
	}
	bindings, err := b.api.AllBindings(ctx)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, x := range want.Exchanges {
		all = append(all, differsExchange(x, exchanges)...)
	}
	for _, q := range want.Queues {
		all = append(all, differsQueue(q, queues)...)
	}
	for _, bind := range want.Bindings {
		if !slices.Contains(bindings, asSeen(bind)) {
			all = append(all, Difference{Kind: "binding", Name: bindingName(bind)})
		}
	}
	return all, nil
}

func differsExchange(want topology.Exchange, there []management.Exchange) []Difference {
	i := slices.IndexFunc(there, func(x management.Exchange) bool { return x.Name == want.Name })
	if i < 0 {
		return []Difference{{Kind: "exchange", Name: want.Name}}
	}
	have := there[i]
	all := differs("exchange", want.Name, want.Args, have.Arguments)
	if have.Type != want.Kind {
		all = append(all, Difference{"exchange", want.Name, "type", want.Kind, have.Type})
	}
	if !have.Durable {
		all = append(all, Difference{"exchange", want.Name, "durable", "true", "false"})
	}
	return all
}

func differsQueue(want topology.Queue, there []management.Counts) []Difference {
	i := slices.IndexFunc(there, func(q management.Counts) bool { return q.Name == want.Name })
	if i < 0 {
		return []Difference{{Kind: "queue", Name: want.Name}}
	}
	have := there[i]
	args := maps.Clone(have.Arguments)
	if args == nil {
		args = map[string]any{}
	}
	args["x-queue-type"] = have.Type // which the virtual host may have chosen
	all := differs("queue", want.Name, want.Args, args)
	if !have.Durable {
		all = append(all, Difference{"queue", want.Name, "durable", "true", "false"})
	}
	return all
}

func differs(kind, name string, want, have map[string]any) []Difference {
	var all []Difference
	arguments := slices.AppendSeq(slices.Collect(maps.Keys(want)), maps.Keys(have))
	for _, argument := range sortedOnce(arguments) {
		w, h := shown(want, argument), shown(have, argument)
		if w != h {
			all = append(all, Difference{Kind: kind, Name: name, Argument: argument, Want: w, Have: h})
		}
	}
	return all
}

func shown(arguments map[string]any, name string) string {
	v, ok := arguments[name]
	if !ok {
		return "none"
	}
	return fmt.Sprint(v)
}

func asSeen(b topology.Binding) management.Binding {
	seen := management.Binding{Source: b.Exchange, Target: b.Queue, Kind: "queue", Key: b.Key}
	if b.ToExchange != "" {
		seen.Target, seen.Kind = b.ToExchange, "exchange"
	}
	return seen
}

func bindingName(b topology.Binding) string {
	to := b.Queue + b.ToExchange
	return fmt.Sprintf("%s %s -> %s", b.Exchange, b.Key, to)
}

// Apply declares what is missing, unless something is there with other arguments: then it changes nothing and returns that.
func (b *Broker) Apply(ctx context.Context, want topology.Objects) (made, conflicts []Difference, err error) {
	all, err := b.Diff(ctx, want)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range all {
		if d.Missing() {
			made = append(made, d)
		} else {
			conflicts = append(conflicts, d)
		}
	}
	if len(conflicts) > 0 {
		return nil, conflicts, nil
	}
	return made, nil, b.amqp.Declare(want)
}

func sortedOnce(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }
