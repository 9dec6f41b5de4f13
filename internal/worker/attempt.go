package worker

import (
	"log/slog"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// attempt is a delivery on its way through the engine. One goroutine at a time has it: the source's, the dispatcher's,
// then its own. Once it is in a slot, others may read task, deadline and slot.
type attempt struct {
	delivery Delivery
	message  *tasks.Message
	task     tasks.Task
	queue    *Queue
	suspect  bool
	next     *attempt // in the line of the inbox

	slot     int
	deadline time.Time // zero: none
	overdue  bool      // the watch has reported it; only the watch looks at it

	begun time.Time // when its handler was called
	err   error     // why it cannot run, then what the handler returned
}

// newAttempt understands a delivery, or notes why it cannot be understood.
func newAttempt(d Delivery, q *Queue, maxBody int) *attempt {
	a := &attempt{delivery: d, message: d.Message(), queue: q}
	tasks.EnsureID(a.message)
	a.task, a.err = tasks.Decode(a.message, maxBody)
	if a.err != nil {
		a.task = tasks.Task{ID: a.message.ID, Name: a.message.Type, Redelivered: a.message.Origin.Redelivered}
	}
	a.task.Queue = q.Name
	a.suspect = a.comebacks() >= suspectCount && !a.crashed()
	return a
}

// info names the attempt.
func (a *attempt) info() Info {
	return Info{
		ID: a.task.ID, Task: a.task.Name, Queue: a.task.Queue, Attempt: a.task.Attempt, Redelivered: a.task.Redelivered,
	}
}

// comebacks is how often the delivery came back because whoever held it died. A first delivery has none, whatever
// count its publisher wrote, or a former queue left, in its headers.
func (a *attempt) comebacks() int {
	if !a.task.Redelivered {
		return 0
	}
	return a.task.DeliveryCount
}

// crashed tells that this is the last time the broker delivers it. It is not run, for nobody would be left to give a
// reason if it killed its worker once more.
func (a *attempt) crashed() bool {
	return a.queue.DeliveryLimit > 0 && a.comebacks() >= a.queue.DeliveryLimit
}

// logger adds to log what names the attempt.
func (a *attempt) logger(log *slog.Logger) *slog.Logger {
	return log.With("task_id", a.task.ID, "task", a.task.Name, "queue", a.task.Queue, "attempt", a.task.Attempt)
}
