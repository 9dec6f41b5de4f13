package warrener

import (
	"fmt"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
)

// What Publish says when a task may not be published as it is. Nothing was sent.
var (
	// ErrInvalid: the task itself is at fault, and the message says how: no name, a bad queue name, two times that
	// contradict each other. Correct the call; trying again changes nothing.
	ErrInvalid = tasks.ErrInvalid

	// ErrTooLarge: the payload is above the client's limit for bodies, or the headers are above theirs (16 KiB). Store
	// the data elsewhere and publish where it is.
	ErrTooLarge = tasks.ErrTooLarge
)

// What Publish says when the broker did not take a task.
var (
	// ErrUnroutable: there is no such queue, so the broker returned the task. It does not exist at the broker. Declare
	// the queue (name it in the Queues of the client or of a worker) or correct the name.
	ErrUnroutable = queue.ErrUnroutable

	// ErrRejected: the broker refused the task with a nack, as it does when the queue has reached its length limit. It
	// does not exist at the broker. Publish again later, and slower.
	ErrRejected = queue.ErrRejected

	// ErrBlocked: the broker takes nothing from publishers for now, because its memory or disk alarm is raised. The task
	// does not exist at the broker. Publish again later; workers go on meanwhile.
	ErrBlocked = queue.ErrBlocked

	// ErrUnknownOutcome: the connection was lost, or time ran out, before the broker had confirmed. The task may exist at
	// the broker or not. Publish it again with the same [ID]: at worst it runs twice, and its handler can tell by the id.
	ErrUnknownOutcome = queue.ErrUnknownOutcome

	// ErrUnavailable: there is no connection to the broker. The task was not sent. Publish again later; the client
	// connects again by itself.
	ErrUnavailable = queue.ErrUnavailable

	// ErrAccessRefused: the broker refused the user, the password, the virtual host, or the operation. Nothing was
	// stored. It takes a change of the configuration or of the permissions.
	ErrAccessRefused = queue.ErrAccessRefused

	// ErrClosed: the client was closed before. Nothing was sent.
	ErrClosed = queue.ErrClosed
)

// ErrPaused is what [Hooks].Unsubscribed is told when an operator has paused the queue. It is no fault: the worker stays
// ready, and takes tasks again when the queue is resumed.
var ErrPaused = queue.ErrPaused

// What a handler can return, beside any error of its own, to have the task dead-lettered with a reason of its own.
var (
	// ErrUnknownTask: the handler knows no task of this name. A [Mux] returns it when it has neither a handler for the
	// name nor a default one. The task is dead-lettered, for it would fail in the same way each time.
	ErrUnknownTask = tasks.ErrUnknownTask

	// ErrExpired: the task is out of date. A worker says so of a task past its [Task.ExpiresAt], without running it;
	// a handler may return it for reasons that only it knows. The task is dead-lettered.
	ErrExpired = tasks.ErrExpired

	// ErrMalformed: the message is no task, or its payload is not the task's. Errors made by [Malformed] wrap it. The task
	// is dead-lettered.
	ErrMalformed = tasks.ErrMalformed
)

// MismatchError says that an exchange or a queue exists at the broker with other properties than the ones asked for: the
// Kind and Name of the object, the Argument that differs, what it is (Have) and what it should be (Want). Nothing was
// changed. Configure what is there, or delete it by hand once it is empty.
type MismatchError = queue.MismatchError

// MissingError says that an exchange or a queue, by its Kind and Name, does not exist at the broker, and that a passive
// client or worker, which declares nothing, needs it. Let someone declare it who may.
type MissingError = queue.MissingError

// ConsumerTimeoutError says that a task of the Queue may run (Timeout, 0 for ever) as long as the broker waits for its ack
// (ConsumerTimeout) or longer. A worker does not start then: the broker would take such a task for lost and give it to
// another worker, again and again. Shorten [WorkerConfig.Timeout], or raise the queue's consumer timeout by a policy.
type ConsumerTimeoutError = queue.ConsumerTimeoutError

// Permanent wraps a handler's error to say that no further attempt can succeed: the task is dead-lettered now.
// Permanent(nil) is nil.
func Permanent(err error) error { return tasks.Permanent(err) }

// RetryAfter wraps a handler's error to choose the wait before the next attempt, in place of the backoff. It counts as
// an attempt like any other. With a nil error the task is tried again all the same: a handler that asks for another
// attempt is not done.
func RetryAfter(d time.Duration, err error) error { return tasks.RetryAfter(d, err) }

// Malformed wraps a handler's error to say that the payload cannot be understood: the task is dead-lettered now, its
// bytes untouched. Handlers made by [Definition.Handler] say so by themselves. Malformed(nil) is nil.
func Malformed(err error) error { return tasks.Malformed(err) }

// AbandonedError is what [Worker.Run] returns when handlers ignored their context until the drain timeout and beyond.
// Their goroutines still run; the broker delivers their tasks again.
type AbandonedError struct {
	Tasks []TaskInfo
}

// Error names each task that was left behind.
func (e *AbandonedError) Error() string {
	names := make([]string, len(e.Tasks))
	for i, t := range e.Tasks {
		names[i] = fmt.Sprintf("%s %s (queue %s, attempt %d)", t.Name, t.ID, t.Queue, t.Attempt)
	}
	return fmt.Sprintf("%d handlers ignored the end of their context: %s", len(e.Tasks), strings.Join(names, ", "))
}
