package warrener

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// Delivery is a task as a worker received it. It belongs to the handler until the handler returns; the payload and the
// headers are not to be changed, for the next attempt is made of them.
type Delivery struct {
	// ID is the task's id, the same for all its attempts: the key to recognise a repetition by. A message that came
	// without one got one made up from its delivery, which is another one each time.
	ID string

	// Name is the task's name; "" when a plain AMQP message has no type.
	Name string

	// Queue that the task was received from.
	Queue string

	// Payload is the body of the message, and ContentType says what it is made of.
	Payload     []byte
	ContentType string

	// Headers are the user's own.
	Headers map[string]any

	// Attempt is 1 for the first. MaxAttempts is 0 when the task does not say and the worker decides.
	Attempt, MaxAttempts int

	// Redelivered says that a worker had this delivery before and did not settle it: its effects may be there.
	Redelivered bool

	// Priority, CorrelationID and ReplyTo are AMQP's properties; AppID names the client that published the task.
	Priority                      uint8
	CorrelationID, ReplyTo, AppID string

	// TraceParent and TraceState are the W3C trace context of the publisher.
	TraceParent, TraceState string

	// PublishedAt is when this attempt was published, NotBefore when it was due and ExpiresAt when it is out of date.
	// Each is zero when the message does not say.
	PublishedAt, NotBefore, ExpiresAt time.Time
}

func newDelivery(t *tasks.Task) *Delivery {
	return &Delivery{
		ID: t.ID, Name: t.Name, Queue: t.Queue,
		Payload: t.Payload, ContentType: t.ContentType, Headers: t.Headers,
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, Redelivered: t.Redelivered,
		Priority: t.Priority, CorrelationID: t.CorrelationID, ReplyTo: t.ReplyTo, AppID: t.AppID,
		TraceParent: t.TraceParent, TraceState: t.TraceState,
		PublishedAt: t.PublishedAt, NotBefore: t.NotBefore, ExpiresAt: t.ExpiresAt,
	}
}

type deliveryKey struct{}

func withDelivery(ctx context.Context, d *Delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

// DeliveryFrom returns the delivery that a handler made by [Definition.Handler] is running, given its context: for the
// id, the attempt and all else that is not in the payload. Outside of such a handler it returns nil.
func DeliveryFrom(ctx context.Context) *Delivery {
	d, _ := ctx.Value(deliveryKey{}).(*Delivery)
	return d
}

// Handler runs tasks.
type Handler interface {
	// HandleTask runs the task once. What it returns decides what follows: nil means done, an error another attempt, unless
	// [Permanent], [RetryAfter] or [Malformed] says otherwise. It should return soon after ctx is done, which happens at
	// the task's timeout and when a worker has drained for long enough. It is called from many goroutines at once.
	HandleTask(ctx context.Context, d *Delivery) error
}

// HandlerFunc is a function as a [Handler].
type HandlerFunc func(ctx context.Context, d *Delivery) error

// HandleTask calls f.
func (f HandlerFunc) HandleTask(ctx context.Context, d *Delivery) error { return f(ctx, d) }

// Middleware wraps a handler to do something before or after each task, or in place of it.
type Middleware func(next Handler) Handler

// Mux is a [Handler] that gives each task to the handler registered for its exact name. Register all of them before the
// worker runs: a Mux is not guarded against changes while it handles tasks.
type Mux struct {
	handlers map[string]Handler
	fallback Handler
	layers   []Middleware
	wrapped  Handler // dispatch within all layers; nil while there are none
}

// NewMux returns a Mux without handlers.
func NewMux() *Mux { return new(Mux) }

// Handle registers the handler for tasks of this name. It panics when the name is empty or taken or the handler nil.
func (m *Mux) Handle(name string, h Handler) {
	switch {
	case name == "":
		panic("warrener: empty task name: Default takes what has no name")
	case isNil(h):
		panic(fmt.Sprintf("warrener: nil handler for %q", name))
	case m.handlers[name] != nil:
		panic(fmt.Sprintf("warrener: two handlers for %q", name))
	}
	if m.handlers == nil {
		m.handlers = make(map[string]Handler)
	}
	m.handlers[name] = h
}

// Default registers the handler of every task that no other takes, plain AMQP messages without a name included. Without
// one such tasks are dead-lettered as unknown; the default handler can do the same by returning [ErrUnknownTask]. It
// panics when there is one already or the handler is nil.
func (m *Mux) Default(h Handler) {
	switch {
	case isNil(h):
		panic("warrener: nil default handler")
	case m.fallback != nil:
		panic("warrener: two default handlers")
	}
	m.fallback = h
}

func isNil(h Handler) bool {
	f, ok := h.(HandlerFunc)
	return h == nil || ok && f == nil
}

// Use wraps everything the Mux handles in these layers, no matter whether it was registered before or after, tasks for
// the default handler and unknown ones included. The first layer is the outermost: it sees a task first and its error
// last. It panics when a layer is nil.
func (m *Mux) Use(layers ...Middleware) {
	if slices.ContainsFunc(layers, func(layer Middleware) bool { return layer == nil }) {
		panic("warrener: nil middleware")
	}
	m.layers = append(m.layers, layers...)
	m.wrapped = HandlerFunc(m.dispatch)
	for _, layer := range slices.Backward(m.layers) {
		m.wrapped = layer(m.wrapped)
	}
}

// Names lists the names that have a handler, sorted.
func (m *Mux) Names() []string { return slices.Sorted(maps.Keys(m.handlers)) }

// HandleTask runs the task in the handler for its name, else in the default one. Without either it returns
// [ErrUnknownTask].
func (m *Mux) HandleTask(ctx context.Context, d *Delivery) error {
	if m.wrapped != nil {
		return m.wrapped.HandleTask(ctx, d)
	}
	return m.handler(d.Name).HandleTask(ctx, d)
}

func (m *Mux) dispatch(ctx context.Context, d *Delivery) error {
	return m.handler(d.Name).HandleTask(ctx, d)
}

// handler is found first and called by HandleTask itself, so that the Mux adds no more than one frame to a handler's stack.
func (m *Mux) handler(name string) Handler {
	if h, ok := m.handlers[name]; ok {
		return h
	}
	if m.fallback != nil {
		return m.fallback
	}
	return HandlerFunc(unknown)
}

func unknown(_ context.Context, d *Delivery) error {
	return fmt.Errorf("%w: %q", ErrUnknownTask, d.Name)
}
