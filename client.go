package warrener

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// ClientConfig configures a [Client]. Its zero value is ready for a RabbitMQ on this machine.
type ClientConfig struct {
	// URL of the broker, [DefaultURL] when empty. Several hosts of a cluster, separated by commas, are tried in random order.
	URL string

	// URLFunc returns the URL in place of the field, and is asked again at each dial, so that a password can change.
	URLFunc func() (string, error)

	// TLS for amqps URLs; nil takes the certificates that the URL names, else the system's.
	TLS *tls.Config

	// DialFunc replaces the network's dialer.
	DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

	// Name of this client, seen in the broker's management UI and as the app id of its tasks; program@host#pid when empty.
	Name string

	// Queues are declared on each new connection, so that tasks can be published before the first worker has started.
	Queues []Queue

	// Passive clients declare nothing. Whatever they publish to has to be there.
	Passive bool

	// ConnectTimeout is how long Dial tries to reach the broker; 0 means 30 s. Afterwards the client reconnects for ever.
	ConnectTimeout time.Duration

	// PublishTimeout bounds a publish whose context has no deadline; 0 means 30 s. It also covers the time without a
	// connection and the time the broker takes no tasks because of an alarm.
	PublishTimeout time.Duration

	// MaxBody is the largest payload in bytes; 0 means 1 MiB. It cannot be above 16 MiB, RabbitMQ's own limit.
	MaxBody int

	Hooks  Hooks
	Logger *slog.Logger // slog.Default() when nil
}

// Client publishes tasks. It is safe for concurrent use, and faster for it: concurrent callers share a pipeline.
type Client struct {
	name           string
	publishTimeout time.Duration
	maxBody        int
	published      func(PublishInfo)
	publisher      *queue.Publisher

	calls  sync.RWMutex // held for reading by each publish; Close waits for them
	closed bool

	disconnect context.CancelFunc
	running    sync.WaitGroup
}

// Dial connects to the broker. It tries all hosts, again and again, until one answers, ConnectTimeout has passed or ctx is
// done; the error is then [ErrUnavailable]. Refused access, [ErrAccessRefused], and objects that do not fit, a
// [*MismatchError], end it at once. The client lives until Close, whatever becomes of ctx.
func Dial(ctx context.Context, cfg ClientConfig) (*Client, error) {
	cfg.Name = cmp.Or(cfg.Name, defaultName())
	queues, err := workQueues(cfg.Queues)
	if err != nil {
		return nil, err
	}
	config, err := cfg.connection().config(RolePublish)
	if err != nil {
		return nil, err
	}
	objects := []topology.Objects{topology.Base()}
	for _, q := range queues {
		objects = append(objects, topology.Work(q))
	}
	if cfg.Hooks.ClientStarted != nil {
		cfg.Hooks.ClientStarted(ClientInfo{Name: cfg.Name, Queues: queueNames(cfg.Queues)})
	}
	c := &Client{
		name:           cfg.Name,
		publishTimeout: cmp.Or(cfg.PublishTimeout, 30*time.Second),
		maxBody:        cmp.Or(cfg.MaxBody, tasks.DefaultMaxBody),
		published:      cfg.Hooks.Published,
		publisher:      queue.NewPublisher(config, objects...),
	}
	return c, c.connect(ctx)
}

func (c ClientConfig) connection() connection {
	return connection{
		url: c.URL, urlFunc: c.URLFunc, tls: c.TLS, dial: c.DialFunc, name: c.Name,
		connectTimeout: c.ConnectTimeout, passive: c.Passive, hooks: c.Hooks, log: c.Logger,
	}
}

// connect starts the publisher, which Close ends, and waits for its first connection.
func (c *Client) connect(ctx context.Context) error {
	connected, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	c.disconnect = disconnect
	var failed error
	c.running.Go(func() { failed = c.publisher.Run(connected) })
	err := c.publisher.Connected(ctx)
	if err == nil {
		return nil
	}
	c.closed = true
	disconnect()
	c.running.Wait()
	return cmp.Or(failed, err) // why it gave up says more than that it is closed
}

// Publish sends a task and returns its id once the broker has it. The error says what is known of the task: not sent or
// refused, or with [ErrUnknownOutcome] nothing; then publish it again with the id returned, and it runs at least once.
func (c *Client) Publish(ctx context.Context, t Task) (string, error) {
	start := time.Now()
	route, message, err := t.message(c.name, c.maxBody, start)
	if err == nil {
		err = c.publish(ctx, queue.Publication{Route: route, Message: &message})
	}
	err = c.tell(t, message.ID, time.Since(start), err)
	return message.ID, err
}

func (c *Client) publish(ctx context.Context, p queue.Publication) error {
	c.calls.RLock()
	defer c.calls.RUnlock()
	if c.closed {
		return ErrClosed
	}
	return c.publisher.PublishWithin(ctx, c.publishTimeout, p)
}

func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.publishTimeout)
}

// tell adds the task to an error, and tells the hook how the publish ended.
func (c *Client) tell(t Task, id string, took time.Duration, err error) error {
	target := cmp.Or(t.Queue, DefaultQueue)
	if err != nil {
		err = fmt.Errorf("publish %s to queue %q: %w", t.Name, target, err)
	}
	if c.published != nil {
		c.published(PublishInfo{ID: id, Name: t.Name, Queue: target, Outcome: publishOutcome(err), Took: took, Err: err})
	}
	return err
}

// Result is what became of one task of [Client.PublishMany]. The error means what it means for [Client.Publish].
type Result struct {
	ID  string
	Err error
}

// PublishMany sends tasks one after the other without waiting for each confirm, and returns once all are known; the
// results are in the order of the tasks. Tasks for one queue arrive there in order. One that is refused does not keep
// the others back.
func (c *Client) PublishMany(ctx context.Context, ts []Task) []Result {
	start := time.Now()
	results := make([]Result, len(ts))
	messages := make([]tasks.Message, len(ts))
	publications := make([]queue.Publication, 0, len(ts))
	sent := make([]int, 0, len(ts)) // which task a publication is of
	for i, t := range ts {
		var route topology.Route
		route, messages[i], results[i].Err = t.message(c.name, c.maxBody, start)
		results[i].ID = messages[i].ID
		if results[i].Err == nil {
			publications = append(publications, queue.Publication{Route: route, Message: &messages[i]})
			sent = append(sent, i)
		}
	}
	for j, err := range c.publishMany(ctx, publications) {
		results[sent[j]].Err = err
	}
	took := time.Since(start)
	for i, t := range ts {
		results[i].Err = c.tell(t, results[i].ID, took, results[i].Err)
	}
	return results
}

func (c *Client) publishMany(ctx context.Context, ps []queue.Publication) []error {
	c.calls.RLock()
	defer c.calls.RUnlock()
	if c.closed {
		errs := make([]error, len(ps))
		for i := range errs {
			errs[i] = ErrClosed
		}
		return errs
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return c.publisher.PublishMany(ctx, ps)
}

// Ready is nil when a task could be published now; else it says why not.
func (c *Client) Ready() error { return c.publisher.Ready() }

// Close waits for the calls in progress and closes the connection. Closing twice is an error.
func (c *Client) Close() error {
	c.calls.Lock()
	defer c.calls.Unlock()
	if c.closed {
		return errors.Join(errors.New("close client"), ErrClosed)
	}
	c.closed = true
	c.disconnect()
	c.running.Wait()
	return nil
}
