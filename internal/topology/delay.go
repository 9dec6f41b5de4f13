package topology

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// DeliveryExchange is the topic exchange where a message arrives when its delay is over.
const DeliveryExchange = "warrener.delay.delivery"

// The delay levels.
const (
	Levels     = 32                     // one for each bit of a delay
	Resolution = 100 * time.Millisecond // what the lowest bit stands for
	MaxDelay   = (1<<Levels - 1) * Resolution
)

// Route is the way to a queue: where to publish, and with which routing key.
type Route struct {
	Exchange string
	Key      string
	Queue    string // where the message ends
	Level    int    // the highest delay level on the way, which must be declared with all below it; -1: none
}

// ToQueue returns the direct way to a work queue.
func ToQueue(queue string) Route {
	return Route{Exchange: WorkExchange, Key: queue, Queue: queue, Level: -1}
}

// ToDead returns the way to the dead-letter queue of a work queue.
func ToDead(queue string) Route {
	return Route{Exchange: DeadExchange, Key: queue, Queue: DeadQueue(queue), Level: -1}
}

// After returns the way to a work queue that takes delay, rounded up to Resolution. It enters the levels at the highest
// set bit: the levels above would only pass the message on.
func After(queue string, delay time.Duration) (Route, error) {
	if delay <= 0 {
		return ToQueue(queue), nil
	}
	if delay > MaxDelay {
		return Route{}, fmt.Errorf("delay %v is over %v", delay, MaxDelay)
	}
	steps := uint32((delay + Resolution - 1) / Resolution)
	level := bits.Len32(steps) - 1
	return Route{Exchange: LevelName(level), Key: key(steps, queue), Queue: queue, Level: level}, nil
}

// key spells steps in binary, a word for each bit and the highest first, before the queue's name.
func key(steps uint32, queue string) string {
	k := make([]byte, 0, 2*Levels+len(queue))
	for bit := Levels - 1; bit >= 0; bit-- {
		k = append(k, '0'+byte(steps>>bit&1), '.')
	}
	return string(append(k, queue...))
}

// LevelName returns the name of a level's exchange and of its queue.
func LevelName(level int) string { return fmt.Sprintf("warrener.delay.%02d", level) }

// DelayLevels returns the levels from 0 to highest. They lead to the delivery exchange, which Base has.
func DelayLevels(highest int) Objects {
	var o Objects
	for level := range highest + 1 {
		name, below := LevelName(level), DeliveryExchange
		if level > 0 {
			below = LevelName(level - 1)
		}
		o.Exchanges = append(o.Exchanges, Exchange{Name: name, Kind: "topic"})
		o.Queues = append(o.Queues, keeping(name, map[string]any{
			"x-message-ttl":          (Resolution << level).Milliseconds(),
			"x-dead-letter-exchange": below, // and no routing key, so that the message keeps its own
			"x-dead-letter-strategy": "at-least-once",
		}))
		above := strings.Repeat("*.", Levels-1-level)
		o.Bindings = append(o.Bindings,
			Binding{Exchange: name, Key: above + "1.#", Queue: name},
			Binding{Exchange: name, Key: above + "0.#", ToExchange: below})
	}
	return o
}

// DelayBinding returns the binding that hands a queue what was delayed for it. Its key has exactly one wildcard for
// each bit: with "#.b", queue b would also get what is meant for queue a.b.
func DelayBinding(queue string) Binding {
	return Binding{Exchange: DeliveryExchange, Key: strings.Repeat("*.", Levels) + queue, Queue: queue}
}
