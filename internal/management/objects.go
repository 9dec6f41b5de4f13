package management

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Queue is what the API says of a queue. What a broker has not counted yet, or does not count, is nil.
type Queue struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	State      string         `json:"state"`
	Arguments  map[string]any `json:"arguments"`
	Policy     string         `json:"policy"`
	Definition map[string]any `json:"effective_policy_definition"` // nil until the queue is a few seconds old
	Members    []string       `json:"members"`
	Online     []string       `json:"online"`
	Ready      *int           `json:"messages_ready"`
	// DeadLettering counts what left a quorum queue, and waits there until its dead-letter route takes it.
	DeadLettering *int `json:"messages_dlx"`
}

// Queue asks for a queue; [ErrNotFound] when there is none.
func (c *Client) Queue(ctx context.Context, name string) (Queue, error) {
	var q Queue
	if err := c.get(ctx, &q, "queues", c.vhost, name); err != nil {
		return Queue{}, fmt.Errorf("ask the management API for queue %q: %w", name, err)
	}
	return q, nil
}

// Version asks for the broker's version.
func (c *Client) Version(ctx context.Context) (string, error) {
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	if err := c.get(ctx, &overview, "overview"); err != nil {
		return "", fmt.Errorf("ask the management API for the version: %w", err)
	}
	return overview.Version, nil
}

// Exchange is what the API says of an exchange.
type Exchange struct {
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Durable   bool           `json:"durable"`
	Arguments map[string]any `json:"arguments"`
}

// Exchange asks for an exchange; [ErrNotFound] when there is none.
func (c *Client) Exchange(ctx context.Context, name string) (Exchange, error) {
	var x Exchange
	if err := c.get(ctx, &x, "exchanges", c.vhost, name); err != nil {
		return Exchange{}, fmt.Errorf("ask the management API for exchange %q: %w", name, err)
	}
	return x, nil
}

// Binding leads from an exchange to a queue or an exchange, as Kind says.
type Binding struct {
	Source string `json:"source"`
	Target string `json:"destination"`
	Kind   string `json:"destination_type"` // queue or exchange
	Key    string `json:"routing_key"`
}

// Bindings are those that begin at an exchange.
func (c *Client) Bindings(ctx context.Context, exchange string) ([]Binding, error) {
	var list []Binding
	if err := c.get(ctx, &list, "exchanges", c.vhost, exchange, "bindings", "source"); err != nil {
		return nil, fmt.Errorf("ask the management API for the bindings of exchange %q: %w", exchange, err)
	}
	return list, nil
}

// Skew is how far the broker's clock is ahead of ours, as its answer's Date tells: at least so far, since the date has whole
// seconds and the answer took its time. Zero means that both may agree.
func (c *Client) Skew(ctx context.Context) (time.Duration, error) {
	asked := time.Now()
	_, header, err := c.ask(ctx, "whoami")
	if err != nil {
		return 0, fmt.Errorf("ask the management API who we are: %w", err)
	}
	answered := time.Now()
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0, errors.New("the management API's answer has no date")
	}
	return skew(date, asked, answered), nil
}

// skew compares a date of whole seconds with the time around it.
func skew(date, asked, answered time.Time) time.Duration {
	if late := date.Add(time.Second).Sub(asked); late < 0 {
		return late
	}
	return max(date.Sub(answered), 0)
}

// ConsumerTimeout is how long a broker of this version waits for a queue's consumers to settle a delivery, as the queue's
// argument or its policy says; the less of both. 0: neither says so, or the version does not look at them. Then the broker's
// own setting holds, which the API does not tell, or for a classic queue since 4.3 none.
func (q Queue) ConsumerTimeout(version string) time.Duration {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major < 3 || major == 3 && minor < 12 {
		return 0
	}
	if q.Type != "quorum" && (major > 4 || major == 4 && minor >= 3) {
		return 0
	}
	var least time.Duration
	for _, value := range []any{q.Arguments["x-consumer-timeout"], q.Definition["consumer-timeout"]} {
		ms, ok := value.(float64)
		if d := time.Duration(ms) * time.Millisecond; ok && d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// policyWithin is how long after its declaration a queue's policy is known to the API, which counts each 5 s.
const (
	policyWithin = 8 * time.Second
	policyAgain  = 500 * time.Millisecond
)

var errNoPolicy = errors.New("the management API does not say which policy the queue has")

// ConsumerTimeout asks for a queue's consumer timeout, see [Queue.ConsumerTimeout]. For a queue that was declared just now
// it waits until its policy is known.
func (c *Client) ConsumerTimeout(ctx context.Context, queue string) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, policyWithin, errNoPolicy)
	defer cancel()
	version, err := c.Version(ctx)
	if err != nil {
		return 0, err
	}
	for {
		q, err := c.Queue(ctx, queue)
		if err == nil && q.Definition != nil {
			return q.ConsumerTimeout(version), nil
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNotFound) {
			return 0, err
		}
		select {
		case <-time.After(policyAgain):
		case <-ctx.Done():
			return q.ConsumerTimeout(version), fmt.Errorf("queue %q: %w", queue, context.Cause(ctx))
		}
	}
}
