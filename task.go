package warrener

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// DefaultQueue is the queue of a task that names none.
const DefaultQueue = "default"

// Task is a task to be published. Only the name is needed: every other zero field has a meaning, given with it. Most
// programs publish through a [Definition] instead; the raw form is for those that learn names and payloads at run time.
type Task struct {
	// Name says which handler runs the task, for example "email.send".
	Name string

	// Payload is the body of the message, as it is.
	Payload []byte

	// ContentType of the payload; "" means application/json.
	ContentType string

	// Queue that the task goes to; "" means [DefaultQueue].
	Queue string

	// ID identifies the task over all its attempts; "" means a new UUIDv7. Give one of your own to publish the same task
	// again after [ErrUnknownOutcome].
	ID string

	// Delay is how long the task waits at the broker before a worker gets it; 0 or less means not at all.
	Delay time.Duration

	// NotBefore is the same as a point in time; zero, or past, means now. Only one of Delay and NotBefore may be set.
	NotBefore time.Time

	// ExpiresAt is when the task is out of date: a worker that gets it later dead-letters it without running it. Zero
	// means never.
	ExpiresAt time.Time

	// MaxAttempts is how many attempts the task has, the first included; 0 means what the worker is configured with.
	MaxAttempts int

	// Timeout ends the context of each attempt; 0 means what the worker is configured with.
	Timeout time.Duration

	// Backoff is the wait before the next attempt; zero means what the worker is configured with.
	Backoff Backoff

	// Priority among the tasks of one queue: on a quorum queue of RabbitMQ 4, 5 and above is high. 0 is the default.
	Priority uint8

	// Headers travel with the task untouched. Names that start with "warrener-" are not for users.
	Headers map[string]any

	// CorrelationID and ReplyTo are AMQP's properties of these names, for handlers that answer.
	CorrelationID, ReplyTo string

	// TraceParent and TraceState are the W3C trace context that the task continues.
	TraceParent, TraceState string
}

// NewID makes an id for a task, a UUIDv7, for callers that have to know it before they publish: to write it down, and to
// publish again with the same [ID] after [ErrUnknownOutcome].
func NewID() string { return tasks.NewID() }

// OnQueue sends the task to this queue.
func OnQueue(name string) func(*Task) { return func(t *Task) { t.Queue = name } }

// ID gives the task an id of the caller's.
func ID(id string) func(*Task) { return func(t *Task) { t.ID = id } }

// Delay lets the task wait at the broker for this long.
func Delay(d time.Duration) func(*Task) { return func(t *Task) { t.Delay = d } }

// At lets the task wait at the broker until then.
func At(due time.Time) func(*Task) { return func(t *Task) { t.NotBefore = due } }

// ExpiresAt says when the task is out of date.
func ExpiresAt(end time.Time) func(*Task) { return func(t *Task) { t.ExpiresAt = end } }

// ExpiresIn says how long after it is published the task is out of date. A delay counts as well.
func ExpiresIn(d time.Duration) func(*Task) { return func(t *Task) { t.ExpiresAt = time.Now().Add(d) } }

// MaxAttempts says how many attempts the task has, the first included.
func MaxAttempts(n int) func(*Task) { return func(t *Task) { t.MaxAttempts = n } }

// Timeout ends the context of each attempt after this long.
func Timeout(d time.Duration) func(*Task) { return func(t *Task) { t.Timeout = d } }

// RetryBackoff sets the wait before the next attempt, see [Backoff].
func RetryBackoff(minimum, maximum time.Duration) func(*Task) {
	return func(t *Task) { t.Backoff = Backoff{Min: minimum, Max: maximum} }
}

// Priority sets the task's priority among the tasks of its queue.
func Priority(p uint8) func(*Task) { return func(t *Task) { t.Priority = p } }

// CorrelationID sets the AMQP property of this name.
func CorrelationID(id string) func(*Task) { return func(t *Task) { t.CorrelationID = id } }

// ReplyTo sets the AMQP property of this name.
func ReplyTo(queue string) func(*Task) { return func(t *Task) { t.ReplyTo = queue } }

// Header sets one header of the user's.
func Header(key string, value any) func(*Task) {
	return func(t *Task) {
		headers := maps.Clone(t.Headers) // the map may be the caller's
		if headers == nil {
			headers = make(map[string]any, 1)
		}
		headers[key] = value
		t.Headers = headers
	}
}

// Backoff is the wait before the next attempt. It grows exponentially with full jitter: after n failed attempts it is
// drawn evenly from zero to Min·2ⁿ⁻¹, or to Max where that is less.
type Backoff struct {
	Min, Max time.Duration
}

// ParseBackoff reads "1s..1h", or "30s" for 30s..30s. An empty string is the zero value.
func ParseBackoff(s string) (Backoff, error) {
	b, err := tasks.ParseBackoff(s)
	return Backoff(b), err
}

// String writes the backoff as [ParseBackoff] reads it.
func (b Backoff) String() string { return tasks.Backoff(b).String() }

// Definition is a task's name together with the Go type of its payload: what both sides have to agree on. Programs that
// publish and workers that run share one, as a package variable.
type Definition[T any] struct {
	name    string
	options []func(*Task)
}

// Define declares the task of this name, whose payload is a T in JSON. The options hold for each task of the definition,
// unless the call says otherwise. It panics on a name or an option that no task could be published with, for that is a
// mistake in the program.
//
// The payload is encoded and decoded by encoding/json. So a field that T does not know is ignored, which lets an older
// worker run a newer task, and a []byte is base64; json.RawMessage stands for JSON that is passed on as it is. A body
// that is not one JSON value is dead-lettered as malformed, an empty body too, unless T is struct{}, for tasks
// that need no payload.
func Define[T any](name string, opts ...func(*Task)) Definition[T] {
	d := Definition[T]{name: name, options: opts}
	trial := d.apply(Task{Name: name}, nil)
	trial.Delay, trial.NotBefore, trial.ExpiresAt = 0, time.Time{}, time.Time{} // what is past at the next start is no mistake
	if _, _, err := trial.message("", tasks.DefaultMaxBody, time.Now()); err != nil {
		panic(fmt.Sprintf("warrener: define %q: %v", name, err))
	}
	return d
}

// Name is the task's name.
func (d Definition[T]) Name() string { return d.name }

// Task makes a task with this payload, to be published by [Client.Publish] or [Client.PublishMany].
func (d Definition[T]) Task(payload T, opts ...func(*Task)) (Task, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return Task{}, fmt.Errorf("%w: encode the payload of %s: %w", ErrInvalid, d.name, err)
	}
	return d.apply(Task{Name: d.name, Payload: body}, opts), nil
}

// Publish publishes a task with this payload and returns its id. An error says whether the task may exist at the broker
// all the same: only with [ErrUnknownOutcome], and then the id comes with it.
func (d Definition[T]) Publish(ctx context.Context, c *Client, payload T, opts ...func(*Task)) (string, error) {
	t, err := d.Task(payload, opts...)
	if err != nil {
		return "", err
	}
	return c.Publish(ctx, t)
}

// Handler makes a handler that decodes the payload and calls run with it. It returns the two arguments of [Mux.Handle]:
//
//	mux.Handle(SendEmail.Handler(sendEmail))
//
// A payload that is no T is dead-lettered as malformed. [DeliveryFrom] finds the rest of the delivery in run's context.
func (d Definition[T]) Handler(run func(ctx context.Context, payload T) error) (string, Handler) {
	if run == nil {
		panic(fmt.Sprintf("warrener: nil handler for %q", d.name))
	}
	return d.name, HandlerFunc(func(ctx context.Context, delivery *Delivery) error {
		payload, err := decode[T](delivery.Payload)
		if err != nil {
			return Malformed(fmt.Errorf("decode the payload: %w", err))
		}
		return run(withDelivery(ctx, delivery), payload)
	})
}

func (d Definition[T]) apply(t Task, opts []func(*Task)) Task {
	for _, option := range d.options {
		option(&t)
	}
	for _, option := range opts {
		option(&t)
	}
	return t
}

func decode[T any](body []byte) (T, error) {
	var payload T
	if _, none := any(payload).(struct{}); none && len(body) == 0 {
		return payload, nil
	}
	err := json.Unmarshal(body, &payload)
	return payload, err
}

// message is the task as it goes to the broker: by which route, and as what.
func (t Task) message(app string, maxBody int, now time.Time) (topology.Route, tasks.Message, error) {
	if t.Queue == "" {
		t.Queue = DefaultQueue
	}
	if err := t.setDue(now); err != nil {
		return topology.Route{}, tasks.Message{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	route, err := t.route(now)
	if err != nil {
		return topology.Route{}, tasks.Message{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	m, err := tasks.Encode(t.internal(app, now), maxBody)
	return route, m, err
}

// setDue turns a delay into the time when the task is due, and drops a time that has passed.
func (t *Task) setDue(now time.Time) error {
	switch {
	case t.Delay != 0 && !t.NotBefore.IsZero():
		return errors.New("a delay and a time not before which to run: give one of both")
	case t.Delay > 0:
		t.NotBefore = now.Add(t.Delay)
	case !t.NotBefore.After(now):
		t.NotBefore = time.Time{}
	}
	due := now
	if !t.NotBefore.IsZero() {
		due = t.NotBefore
	}
	if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(due) {
		return fmt.Errorf("expires at %s, before it is due at %s", t.ExpiresAt.Format(time.RFC3339), due.Format(time.RFC3339))
	}
	return nil
}

func (t *Task) route(now time.Time) (topology.Route, error) {
	if err := topology.CheckQueueName(t.Queue); err != nil {
		return topology.Route{}, err
	}
	if t.NotBefore.IsZero() {
		return topology.ToQueue(t.Queue), nil
	}
	return topology.After(t.Queue, t.NotBefore.Sub(now))
}

func (t *Task) internal(app string, now time.Time) *tasks.Task {
	return &tasks.Task{
		ID: t.ID, Name: t.Name, Queue: t.Queue,
		Payload: t.Payload, ContentType: t.ContentType,
		CorrelationID: t.CorrelationID, ReplyTo: t.ReplyTo, AppID: app,
		Priority: t.Priority, Headers: t.Headers,
		Attempt: 1, MaxAttempts: t.MaxAttempts,
		Timeout: t.Timeout, Backoff: tasks.Backoff(t.Backoff),
		CreatedAt: now, NotBefore: t.NotBefore, ExpiresAt: t.ExpiresAt,
		TraceParent: t.TraceParent, TraceState: t.TraceState,
	}
}
