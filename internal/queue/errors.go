package queue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What became of a publication that was not confirmed, and why a connection could not be had.
var (
	// ErrUnroutable: the broker gave the message back, no queue takes it.
	ErrUnroutable = errors.New("unroutable: no such queue")
	// ErrRejected: the broker nacked the message, most often because the queue is full.
	ErrRejected = errors.New("rejected by the broker")
	// ErrBlocked: the broker has raised a memory or disk alarm and accepts nothing for now.
	ErrBlocked = errors.New("blocked by a resource alarm of the broker")
	// ErrUnknownOutcome: the message was sent and its confirm did not come; it may be stored or not.
	ErrUnknownOutcome = errors.New("outcome unknown: sent, but not confirmed")
	// ErrUnavailable: there is no connection to a broker, and nothing was sent.
	ErrUnavailable = errors.New("broker unavailable")
	// ErrAccessRefused: the broker refused the login, the vhost or the operation.
	ErrAccessRefused = errors.New("access refused")
	// ErrStale: the delivery belongs to a session that has ended; the broker gives it to somebody again.
	ErrStale = errors.New("stale delivery: its session has ended")
	// ErrPaused: an operator has paused the queue, and nothing is consumed until it is resumed.
	ErrPaused = errors.New("the queue is paused")
	// ErrClosed: the publisher or consumer was closed by its owner.
	ErrClosed = errors.New("closed")
)

// MismatchError says that an object exists with another argument than the one wanted.
// Nothing is ever deleted and declared anew: that is for the operator to decide.
type MismatchError struct {
	Kind, Name           string // "queue", "emails"
	Argument, Want, Have string // "x-queue-type", "quorum", "classic"
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s %q exists with %s %s, not %s", e.Kind, e.Name, e.Argument, e.Have, e.Want)
}

// MissingError says that an object which should be there is not.
type MissingError struct {
	Kind, Name string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s %q does not exist", e.Kind, e.Name)
}

// ConsumerTimeoutError says that tasks of a queue may run longer than the broker waits for their ack. It would give a task to
// another worker while it runs, and go on doing so.
type ConsumerTimeoutError struct {
	Queue           string
	Timeout         time.Duration // of a task; 0: none
	ConsumerTimeout time.Duration // of the queue
}

func (e *ConsumerTimeoutError) Error() string {
	timeout := e.Timeout.String()
	if e.Timeout == 0 {
		timeout = "for ever"
	}
	return fmt.Sprintf("queue %q has a consumer timeout of %s, and a task may take %s", e.Queue, e.ConsumerTimeout, timeout)
}

// The broker's own words, the same from RabbitMQ 3.10 to 4.3:
//
//	NOT_FOUND - no queue 'q' in vhost '/'
//	PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'
//
// Not every 404 is about what does not exist: a queue whose node is down has one too, and is waited for.
var (
	notFound     = regexp.MustCompile(`no (\w+) '(.*)' in vhost '.*'$`)
	inequivalent = regexp.MustCompile(`inequivalent arg '([^']*)' for (\w+) '(.*)' in vhost '.*': received (.*) but current is (.*)$`)
)

// explain turns an error of the client library into one of ours.
func explain(err error) error {
	var e *amqp.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case amqp.NotFound:
		if m := notFound.FindStringSubmatch(e.Reason); m != nil {
			return &MissingError{Kind: m[1], Name: m[2]}
		}
	case amqp.AccessRefused:
		return fmt.Errorf("%w: %s", ErrAccessRefused, e.Reason)
	case amqp.PreconditionFailed:
		if m := inequivalent.FindStringSubmatch(e.Reason); m != nil {
			return &MismatchError{Kind: m[2], Name: m[3], Argument: m[1], Want: argument(m[4]), Have: argument(m[5])}
		}
	}
	return err
}

// argument takes the type out of "the value 'x' of type 'longstr'" and the quotes off 'x'.
func argument(text string) string {
	text = strings.TrimPrefix(text, "the value ")
	text, _, _ = strings.Cut(text, " of type ")
	return strings.Trim(text, "'")
}
