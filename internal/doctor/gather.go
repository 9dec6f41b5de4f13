package doctor

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

// Gather finds out what Examine needs. api may be nil, and noAPI then says why. The error is that of a lost connection: what
// else goes wrong is a fact.
func Gather(ctx context.Context, want Want, broker *queue.Inspector, api *management.Client, noAPI string) (*Facts, error) {
	g := &gatherer{
		want: want, needs: want.needs(), broker: broker, api: api,
		facts: &Facts{
			Host: broker.Host(), Version: broker.Version(), API: api != nil, NoAPI: noAPI,
			Exchanges: map[string]Exchange{}, Queues: map[string]Queue{},
		},
	}
	for _, step := range []func(context.Context) error{g.exchanges, g.queues, g.askAPI, g.bind, g.read, g.ask, g.write} {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return g.facts, nil
}

type gatherer struct {
	want   Want
	needs  needs
	broker *queue.Inspector
	api    *management.Client
	facts  *Facts
}

func (g *gatherer) exchanges(context.Context) error {
	for _, x := range append(g.want.objects().Exchanges, g.want.levels().Exchanges...) {
		o, err := g.object(thing{
			name:    "exchange " + x.Name,
			needed:  slices.ContainsFunc(g.needs.configureExchanges, func(n topology.Exchange) bool { return n.Name == x.Name }),
			exists:  func() error { return g.broker.ExchangeExists(x.Name) },
			compare: func() error { return g.broker.Exchange(x) },
			try:     func() error { return g.broker.TryConfigureExchange(x.Name, x.Kind) },
		})
		if err != nil {
			return err
		}
		g.facts.Exchanges[x.Name] = Exchange{Object: o, Kind: x.Kind}
	}
	return nil
}

func (g *gatherer) queues(context.Context) error {
	for _, q := range append(g.want.objects().Queues, g.want.levels().Queues...) {
		var counts queue.Counts
		seen := false
		o, err := g.object(thing{
			name:   "queue " + q.Name,
			needed: slices.ContainsFunc(g.needs.configureQueues, func(n topology.Queue) bool { return n.Name == q.Name }),
			exists: func() (err error) {
				counts, err = g.broker.QueueExists(q.Name)
				seen = !errors.Is(err, queue.ErrAccessRefused)
				return err
			},
			compare: func() error { return g.broker.Queue(q) },
			try:     func() error { return g.broker.TryConfigureQueue(q.Name) },
		})
		if err != nil {
			return err
		}
		have := Queue{Object: o, Counts: counts}
		if !seen {
			have.Uncounted = o.Uncompared
		}
		g.facts.Queues[q.Name] = have
	}
	return nil
}

// thing is an exchange or a queue.
type thing struct {
	name                 string
	needed               bool // to be configured by the role
	exists, compare, try func() error
}

// object looks at a thing. To compare it takes the permission to configure it, so that one is known as well.
func (g *gatherer) object(t thing) (Object, error) {
	err := t.exists()
	_, missing := errors.AsType[*queue.MissingError](err)
	switch {
	case err == nil:
		err = t.compare()
	case missing && t.needed:
		err = t.try()
	case missing:
		err = nil
	}
	o := Object{Missing: missing}
	if t.needed {
		g.facts.Tried++
	}
	if mismatch, ok := errors.AsType[*queue.MismatchError](err); ok {
		o.Differs = append(o.Differs, mismatch)
		return o, nil
	}
	if errors.Is(err, queue.ErrAccessRefused) {
		o.Uncompared = fmt.Sprintf("user %s may not configure it", g.facts.Host.User)
		if t.needed {
			g.refused("declare "+t.name, err)
		}
		return o, nil
	}
	return o, err
}

func (g *gatherer) refused(doing string, err error) {
	g.facts.Refused = append(g.facts.Refused, Refusal{Doing: doing, Reason: err.Error()})
}

// try notes a permission that is missing.
func (g *gatherer) try(doing string, err error) error {
	g.facts.Tried++
	if !errors.Is(err, queue.ErrAccessRefused) {
		return err
	}
	g.refused(doing, err)
	return nil
}

func (g *gatherer) bind(context.Context) error {
	for _, b := range g.needs.bind {
		if err := g.try("bind "+target(b)+" to exchange "+b.Exchange, g.broker.TryBind(b)); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) read(context.Context) error {
	for _, name := range g.needs.consume {
		if err := g.try("consume from queue "+name, g.broker.TryRead(name)); err != nil {
			return err
		}
	}
	return nil
}

// ask is for the pause queues that may not be counted. One that is not there is no pause.
func (g *gatherer) ask(context.Context) error {
	for _, name := range g.needs.ask {
		if err := g.try("ask whether queue "+name+" is paused", g.broker.TryCount(topology.PauseQueue(name))); err != nil {
			return err
		}
	}
	return nil
}

// write is the last: a broker with an alarm reads nothing more from a connection that has published.
func (g *gatherer) write(ctx context.Context) error {
	for _, name := range g.needs.publish {
		err := g.try("publish to exchange "+name, g.broker.TryWrite(ctx, name))
		if errors.Is(err, queue.ErrBlocked) || errors.Is(err, queue.ErrUnknownOutcome) {
			g.facts.Untried = err.Error()
			if errors.Is(err, queue.ErrBlocked) {
				g.facts.Blocked = err.Error()
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// askAPI adds what only the API knows. The first error ends it, for an API that is slow or refuses is so each time.
func (g *gatherer) askAPI(ctx context.Context) error {
	if g.api == nil {
		return nil
	}
	for _, step := range []func(context.Context) error{g.askSkew, g.askQueues, g.askExchanges} {
		if err := step(ctx); err != nil {
			g.facts.API, g.facts.NoAPI = false, err.Error()
			return nil
		}
	}
	return nil
}

func (g *gatherer) askSkew(ctx context.Context) (err error) {
	g.facts.Skew, err = g.api.Skew(ctx)
	return err
}

func (g *gatherer) askQueues(ctx context.Context) error {
	for _, want := range append(g.want.objects().Queues, g.want.levels().Queues...) {
		have := g.facts.Queues[want.Name]
		q, err := g.api.Queue(ctx, want.Name)
		switch {
		case errors.Is(err, management.ErrNotFound):
			have.Missing = true
		case err != nil:
			return err
		default:
			have.API = &q
			have.compare(differing("queue", want.Name, want.Args, q.Arguments))
			if have.Uncounted != "" && q.Ready != nil {
				have.Counts.Messages, have.Uncounted = *q.Ready, ""
			}
		}
		g.facts.Queues[want.Name] = have
	}
	return nil
}

// askExchanges asks for the bindings too, and for the exchanges of others where dead letters go.
func (g *gatherer) askExchanges(ctx context.Context) error {
	wanted := map[string]topology.Exchange{}
	for _, x := range append(g.want.objects().Exchanges, g.want.levels().Exchanges...) {
		wanted[x.Name] = x
	}
	all := maps.Clone(wanted)
	for _, q := range maps.Clone(g.facts.Queues) {
		name, _ := q.effective("dead-letter-exchange")
		if name == "" { // the default one, which leads to the queue that the key names
			if err := g.askTarget(ctx, q); err != nil {
				return err
			}
		} else if name != nil {
			x := fmt.Sprint(name)
			all[x] = wanted[x]
		}
	}
	for name := range all {
		if err := g.askExchange(ctx, name, wanted[name]); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) askTarget(ctx context.Context, from Queue) error {
	key, _ := from.effective("dead-letter-routing-key")
	name, ok := key.(string)
	if _, known := g.facts.Queues[name]; !ok || known {
		return nil
	}
	q, err := g.api.Queue(ctx, name)
	missing := errors.Is(err, management.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	g.facts.Queues[name] = Queue{Object: Object{Missing: missing}, API: &q}
	return nil
}

func (g *gatherer) askExchange(ctx context.Context, name string, want topology.Exchange) error {
	have := g.facts.Exchanges[name]
	x, err := g.api.Exchange(ctx, name)
	if errors.Is(err, management.ErrNotFound) {
		have.Missing = true
		g.facts.Exchanges[name] = have
		return nil
	}
	if err != nil {
		return err
	}
	have.Kind = x.Type
	if want.Name != "" {
		differences := differing("exchange", name, want.Args, x.Arguments)
		if x.Type != want.Kind {
			differences = append(differences,
				&queue.MismatchError{Kind: "exchange", Name: name, Argument: "type", Want: want.Kind, Have: x.Type})
		}
		have.compare(differences)
	}
	have.Bindings, err = g.api.Bindings(ctx, name)
	g.facts.Exchanges[name] = have
	return err
}

// compare takes what the API knows of differences: all of them. But it is the broker that decides what is one, where it was
// asked: it passes over arguments that it does not know.
func (o *Object) compare(differences []*queue.MismatchError) {
	if o.Uncompared != "" || len(o.Differs) > 0 && len(differences) > 0 {
		o.Uncompared, o.Differs = "", differences
	}
}

// differing returns the arguments that differ, by name.
func differing(kind, name string, want, have map[string]any) []*queue.MismatchError {
	var list []*queue.MismatchError
	all := maps.Clone(have)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, want)
	for _, argument := range slices.Sorted(maps.Keys(all)) {
		if w, h := text(want[argument]), text(have[argument]); w != h {
			list = append(list, &queue.MismatchError{Kind: kind, Name: name, Argument: argument, Want: w, Have: h})
		}
	}
	return list
}

func text(v any) string {
	if n, ok := number(v); ok {
		return fmt.Sprint(n)
	}
	if v == nil {
		return "none"
	}
	return fmt.Sprint(v)
}
