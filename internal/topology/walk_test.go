package topology_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// broker routes messages through a topology as RabbitMQ does, in no time.
type broker struct{ topology.Objects }

// matches reports whether a topic binding's words match a routing key's.
func matches(binding, key []string) bool {
	if len(binding) == 0 {
		return len(key) == 0
	}
	if binding[0] == "#" {
		return matches(binding[1:], key) || len(key) > 0 && matches(binding, key[1:])
	}
	return len(key) > 0 && (binding[0] == "*" || binding[0] == key[0]) && matches(binding[1:], key[1:])
}

// queues returns the queues that a message reaches at once from an exchange.
func (b broker) queues(exchange, key string) []string {
	var reached []string
	routed := false
	for _, binding := range b.Bindings {
		if binding.Exchange != exchange || !b.routes(binding, key) {
			continue
		}
		routed = true
		if binding.Queue != "" {
			reached = append(reached, binding.Queue)
		} else {
			reached = append(reached, b.queues(binding.ToExchange, key)...)
		}
	}
	if alternate, ok := b.exchange(exchange).Args["alternate-exchange"].(string); ok && !routed {
		return b.queues(alternate, key)
	}
	return reached
}

func (b broker) routes(binding topology.Binding, key string) bool {
	switch b.exchange(binding.Exchange).Kind {
	case "fanout":
		return true
	case "topic":
		return matches(strings.Split(binding.Key, "."), strings.Split(key, "."))
	}
	return binding.Key == key
}

func (b broker) exchange(name string) topology.Exchange {
	i := slices.IndexFunc(b.Exchanges, func(e topology.Exchange) bool { return e.Name == name })
	return b.Exchanges[i]
}

// walk follows a message until it rests in a queue without a TTL, and adds up the TTLs on its way.
func (b broker) walk(route topology.Route) (end string, waited time.Duration, err error) {
	exchange := route.Exchange
	for {
		reached := b.queues(exchange, route.Key)
		if len(reached) != 1 {
			return "", 0, fmt.Errorf("%s routes %s to %v, one queue is wanted", exchange, route.Key, reached)
		}
		i := slices.IndexFunc(b.Queues, func(q topology.Queue) bool { return q.Name == reached[0] })
		args := b.Queues[i].Args
		ttl, delays := args["x-message-ttl"].(int64)
		if !delays {
			return reached[0], waited, nil
		}
		waited += time.Duration(ttl) * time.Millisecond
		exchange = args["x-dead-letter-exchange"].(string)
	}
}

// world declares levels up to highest and some work queues.
func world(highest int, queues ...string) broker {
	all := topology.DelayLevels(highest)
	for i, name := range queues {
		work := topology.Work(topology.WorkQueue{Name: name})
		if i == 0 {
			all.Exchanges = append(all.Exchanges, work.Exchanges...)
			all.Bindings = append(all.Bindings, topology.Base().Bindings...)
		}
		all.Queues = append(all.Queues, work.Queues...)
		all.Bindings = append(all.Bindings, work.Bindings[len(topology.Base().Bindings):]...)
	}
	return broker{all}
}

func TestEveryDelayEndsOnItsQueue(t *testing.T) {
	t.Parallel()
	const seed = 1
	random := rand.New(rand.NewPCG(seed, seed))
	queues := []string{"b", "a.b", ".b", "a..b", "b.", "a", "1", "0.1", "b.dead.letters", strings.Repeat("x.", 92) + "b"}
	all := world(topology.Levels-1, queues...)
	for range 2000 {
		queue := queues[random.IntN(len(queues))]
		delay := 1 + time.Duration(random.Int64N(int64(topology.MaxDelay)))>>random.IntN(40)
		route, err := topology.After(queue, delay)
		if err != nil {
			t.Fatal(err)
		}
		checkWalk(t, all, route, delay)
		// No level above the route's is needed.
		checkWalk(t, world(route.Level, queues...), route, delay)
	}
}

func checkWalk(t *testing.T, b broker, route topology.Route, delay time.Duration) {
	t.Helper()
	end, waited, err := b.walk(route)
	if err != nil {
		t.Fatalf("after %v: %v", delay, err)
	}
	roundedUp := (delay + topology.Resolution - 1).Truncate(topology.Resolution)
	if end != route.Queue || waited != roundedUp {
		t.Fatalf("after %v to %q: ended on %q after %v, want %v", delay, route.Queue, end, waited, roundedUp)
	}
}

func TestDirectRoutes(t *testing.T) {
	t.Parallel()
	b := world(0, "b", "a.b")
	for _, route := range []topology.Route{topology.ToQueue("b"), topology.ToQueue("a.b"), topology.ToDead("b"), topology.ToDead("a.b")} {
		if end, waited, err := b.walk(route); err != nil || end != route.Queue || waited != 0 {
			t.Errorf("%v ended on %q after %v: %v", route, end, waited, err)
		}
	}
}

func TestDelayedForMissingQueueIsParked(t *testing.T) {
	t.Parallel()
	route, err := topology.After("gone", 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	end, waited, err := world(1, "b").walk(route)
	if err != nil || end != topology.Unrouted || waited != 300*time.Millisecond {
		t.Errorf("ended on %q after %v: %v, want %q after 300ms", end, waited, err, topology.Unrouted)
	}
}
