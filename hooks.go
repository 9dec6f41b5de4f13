package warrener

import (
	"errors"
	"time"
)

// Hooks are called as things happen in a client or a worker: for metrics, traces and tests. Any may be nil. They are
// called from many goroutines and in the middle of the work, so they must not block. [MergeHooks] joins several sets.
type Hooks struct {
	// WorkerStarted and ClientStarted are called once, before anything else happens.
	WorkerStarted func(WorkerInfo)
	ClientStarted func(ClientInfo)

	// Published is called when the outcome of a publish is known: of a caller's task, not of a worker's retries.
	Published func(PublishInfo)

	// Received is called for each delivery, Started when its handler is called, with the time it has waited since it was
	// published or due, and Finished when the handler has returned. Settled ends the delivery: it is called for every
	// delivery received, started or not.
	Received func(TaskInfo)
	Started  func(t TaskInfo, waited time.Duration)
	Finished func(t TaskInfo, took time.Duration, err error)
	Settled  func(TaskInfo, Settlement)

	// ConnectionUp and ConnectionDown tell of the connections to the broker, each connection that was up once.
	ConnectionUp   func(Role)
	ConnectionDown func(Role, error)

	// Blocked is called when the broker stops taking tasks because of an alarm, and with reason "" when it is over.
	Blocked func(role Role, reason string)

	// Subscribed and Unsubscribed tell whether a worker consumes from a queue; the error is [ErrPaused] when it need not.
	// ConsumerCancelled is called when it was the broker that ended it, as it does when the queue is deleted.
	Subscribed        func(queue string)
	Unsubscribed      func(queue string, err error)
	ConsumerCancelled func(queue string)

	// Paused is called when a worker learns that an operator has paused a queue, and Resumed when the pause is over.
	Paused  func(queue string)
	Resumed func(queue string)

	// Depths is called by a worker from time to time with what waits at the broker.
	Depths func(Depths)
}

// Role is what a connection is for: publishing and consuming have one each, for a blocked connection must not keep
// acknowledgements from the broker.
type Role string

// The two roles of a connection.
const (
	RolePublish Role = "publish"
	RoleConsume Role = "consume"
)

// WorkerInfo describes a worker that starts.
type WorkerInfo struct {
	Name        string
	Queues      []string
	Tasks       []string // the names its Mux has handlers for, sorted; none when its handler is no Mux
	Default     bool     // it takes tasks of other names as well
	Concurrency int
}

// ClientInfo describes a client that starts.
type ClientInfo struct {
	Name   string
	Queues []string
}

// TaskInfo says which task an event is about.
type TaskInfo struct {
	ID, Name, Queue string
	Attempt         int
	Redelivered     bool
}

// PublishInfo is how a publish ended.
type PublishInfo struct {
	ID, Name, Queue string
	Outcome         PublishOutcome
	Took            time.Duration
	Err             error // what the caller was told
}

// PublishOutcome is what became of a published task.
type PublishOutcome string

// The outcomes of a publish. All but the first come with an error.
const (
	PublishConfirmed PublishOutcome = "confirmed" // stored
	PublishReturned  PublishOutcome = "returned"  // ErrUnroutable
	PublishRejected  PublishOutcome = "rejected"  // ErrRejected
	PublishUnknown   PublishOutcome = "unknown"   // ErrUnknownOutcome
	PublishFailed    PublishOutcome = "failed"    // any other error: not sent
)

func publishOutcome(err error) PublishOutcome {
	switch {
	case err == nil:
		return PublishConfirmed
	case errors.Is(err, ErrUnroutable):
		return PublishReturned
	case errors.Is(err, ErrRejected):
		return PublishRejected
	case errors.Is(err, ErrUnknownOutcome):
		return PublishUnknown
	default:
		return PublishFailed
	}
}

// Settlement is how a delivery ended.
type Settlement struct {
	Outcome Outcome
	Reason  Reason        // why it was dead-lettered
	Delay   time.Duration // how long the next attempt waits, when retried
	Err     error         // of the handler, or of settling
}

// Outcome is what a worker did with a delivery.
type Outcome string

// The outcomes of a delivery.
const (
	Acked        Outcome = "acked"         // done
	Retried      Outcome = "retried"       // the next attempt is at the broker
	DeadLettered Outcome = "dead_lettered" // in the dead-letter queue, with a reason
	Requeued     Outcome = "requeued"      // given back, not started
	Stale        Outcome = "stale"         // its connection had ended before: the broker delivers it again
	Lost         Outcome = "lost"          // could not be settled: the broker delivers it again
)

// Reason is why a task was dead-lettered.
type Reason string

// The reasons to dead-letter a task.
const (
	ReasonPermanent   Reason = "permanent"    // the handler returned Permanent
	ReasonExhausted   Reason = "exhausted"    // its attempts were used up
	ReasonMalformed   Reason = "malformed"    // its headers or its payload cannot be understood
	ReasonUnknownTask Reason = "unknown_task" // no handler for its name
	ReasonExpired     Reason = "expired"      // it was out of date
	ReasonCrashed     Reason = "crashed"      // its workers died, more often than the delivery limit allows
)

// Depths are the messages that wait at the broker.
type Depths struct {
	Queues   []QueueDepth
	Delayed  int // in all delay levels together; -1 when the broker refuses to say
	Unrouted int // delayed tasks whose queue is gone; -1 likewise
}

// QueueDepth are the messages of one queue and its dead-letter queue.
type QueueDepth struct {
	Queue     string
	Ready     int // wait for a worker
	Unacked   int // are with a worker; -1 when the broker was not asked
	Consumers int
	Dead      int // in the dead-letter queue; -1 when the broker refuses to say
}

// MergeHooks makes one set of hooks of several: each is called, in their order.
func MergeHooks(hooks ...Hooks) Hooks {
	var merged Hooks
	for _, next := range hooks {
		merged = merged.then(next)
	}
	return merged
}

func (h Hooks) then(next Hooks) Hooks {
	return Hooks{
		WorkerStarted:     both1(h.WorkerStarted, next.WorkerStarted),
		ClientStarted:     both1(h.ClientStarted, next.ClientStarted),
		Published:         both1(h.Published, next.Published),
		Received:          both1(h.Received, next.Received),
		Started:           both2(h.Started, next.Started),
		Finished:          both3(h.Finished, next.Finished),
		Settled:           both2(h.Settled, next.Settled),
		ConnectionUp:      both1(h.ConnectionUp, next.ConnectionUp),
		ConnectionDown:    both2(h.ConnectionDown, next.ConnectionDown),
		Blocked:           both2(h.Blocked, next.Blocked),
		Subscribed:        both1(h.Subscribed, next.Subscribed),
		Unsubscribed:      both2(h.Unsubscribed, next.Unsubscribed),
		ConsumerCancelled: both1(h.ConsumerCancelled, next.ConsumerCancelled),
		Paused:            both1(h.Paused, next.Paused),
		Resumed:           both1(h.Resumed, next.Resumed),
		Depths:            both1(h.Depths, next.Depths),
	}
}

// A hook that nobody set stays nil, so that the worker can save the call.
func both1[A any](first, second func(A)) func(A) {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(a A) { first(a); second(a) }
}

func both2[A, B any](first, second func(A, B)) func(A, B) {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(a A, b B) { first(a, b); second(a, b) }
}

func both3[A, B, C any](first, second func(A, B, C)) func(A, B, C) {
	if first == nil {
		return second
	}
	if second == nil {
		return first
	}
	return func(a A, b B, c C) { first(a, b, c); second(a, b, c) }
}
