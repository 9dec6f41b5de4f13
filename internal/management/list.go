package management

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Counts is a queue with what the API counts. A count that the API does not give is -1: that of a queue which is seconds old, and
// all of them where the broker collects no statistics. Counts are a few seconds old.
type Counts struct {
	Name      string
	Type      string
	Durable   bool
	Arguments map[string]any // integers are int64
	Ready     int
	Unacked   int
	Consumers int
	Oldest    time.Time // when the message at the head was published, by its own word; known of classic queues alone
	Traffic   *Traffic  // nil: none yet, or the broker does not count it
}

// queue is the API's form of Counts.
type queue struct {
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Durable   bool              `json:"durable"`
	Arguments map[string]any    `json:"arguments"`
	Ready     *int              `json:"messages_ready"`
	Unacked   *int              `json:"messages_unacknowledged"`
	Consumers *int              `json:"consumers"`
	Details   []json.RawMessage `json:"consumer_details"`
	Oldest    json.RawMessage   `json:"head_message_timestamp"` // a number of seconds, or "" where there is none
	Stats     json.RawMessage   `json:"message_stats"`
}

func (q queue) public() Counts {
	public := Counts{
		Name: q.Name, Type: q.Type, Durable: q.Durable, Arguments: arguments(q.Arguments),
		Ready: known(q.Ready), Unacked: known(q.Unacked), Consumers: known(q.Consumers),
		Traffic: traffic(q.Stats),
	}
	if q.Details != nil { // before RabbitMQ 4.3 the count of a quorum queue's consumers is another one
		public.Consumers = len(q.Details)
	}
	var seconds int64
	if json.Unmarshal(q.Oldest, &seconds) == nil && seconds > 0 {
		public.Oldest = time.Unix(seconds, 0)
	}
	return public
}

func known(count *int) int {
	if count == nil {
		return -1
	}
	return *count
}

// Counts asks for one queue; [ErrNotFound] when there is none.
func (c *Client) Counts(ctx context.Context, name string) (Counts, error) {
	var answer queue
	if err := c.get(ctx, &answer, "queues", c.vhost, name); err != nil {
		return Counts{}, fmt.Errorf("ask the management API for queue %q: %w", name, err)
	}
	return answer.public(), nil
}

// Queues asks for all queues of the virtual host.
func (c *Client) Queues(ctx context.Context) ([]Counts, error) {
	var answer []queue
	if err := c.get(ctx, &answer, "queues", c.vhost); err != nil {
		return nil, fmt.Errorf("ask the management API for the queues: %w", err)
	}
	list := make([]Counts, len(answer))
	for i, q := range answer {
		list[i] = q.public()
	}
	return list, nil
}

// Exchanges asks for all exchanges of the virtual host.
func (c *Client) Exchanges(ctx context.Context) ([]Exchange, error) {
	var list []Exchange
	if err := c.get(ctx, &list, "exchanges", c.vhost); err != nil {
		return nil, fmt.Errorf("ask the management API for the exchanges: %w", err)
	}
	for _, x := range list {
		arguments(x.Arguments)
	}
	return list, nil
}

// AllBindings asks for all bindings of the virtual host, but for those of the default exchange.
func (c *Client) AllBindings(ctx context.Context) ([]Binding, error) {
	var answer []Binding
	if err := c.get(ctx, &answer, "bindings", c.vhost); err != nil {
		return nil, fmt.Errorf("ask the management API for the bindings: %w", err)
	}
	list := answer[:0]
	for _, b := range answer {
		if b.Source != "" {
			list = append(list, b)
		}
	}
	return list, nil
}

// exact is up to where a float64 has each integer.
const exact = 1 << 53

// arguments makes int64s of the integers.
func arguments(given map[string]any) map[string]any {
	for name, v := range given {
		if number, ok := v.(float64); ok && number == math.Trunc(number) && math.Abs(number) < exact {
			given[name] = int64(number)
		}
	}
	return given
}
