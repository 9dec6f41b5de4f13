package warrenertest

import (
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// Task is a task as it waits in a queue.
type Task struct {
	ID, Name, Queue string
	Payload         []byte
	Headers         map[string]any // the user's own
	Attempt         int            // the next one; 1 for the first
	NotBefore       time.Time      // zero: not delayed
}

// DeadLetter is a task in a dead-letter queue.
type DeadLetter struct {
	Task   // Attempt is the last one
	Reason warrener.Reason
	Error  string // the last one
}

// Tasks returns the tasks that are ready in a queue, the first in line first, and leaves them there: what a service has
// published.
func (b *Broker) Tasks(queue string) []Task {
	var list []Task
	for _, m := range b.vhost().Messages(queue) {
		message := message(m, queue)
		list = append(list, task(&message))
	}
	return list
}

// DeadLetters returns the dead letters of a queue, the oldest first, and leaves them where they are.
func (b *Broker) DeadLetters(queue string) []DeadLetter {
	var list []DeadLetter
	for _, m := range b.vhost().Messages(topology.DeadQueue(queue)) {
		message := message(m, queue)
		death, _ := tasks.DeathOf(&message)
		list = append(list, DeadLetter{Task: task(&message), Reason: warrener.Reason(death.Reason), Error: death.Err})
	}
	return list
}

// task reads a message. What is malformed is shown as far as it goes.
func task(m *tasks.Message) Task {
	t, err := tasks.Decode(m, tasks.HardMaxBody)
	if err != nil {
		return Task{ID: m.ID, Name: m.Type, Queue: m.Origin.Queue, Payload: m.Body, Headers: m.Headers, Attempt: 1}
	}
	return Task{ID: t.ID, Name: t.Name, Queue: m.Origin.Queue, Payload: t.Payload, Headers: t.Headers, Attempt: t.Attempt, NotBefore: t.NotBefore}
}

func message(m *vhost.Message, queue string) tasks.Message {
	p := &m.Properties
	return tasks.Message{
		ID: p.MessageID, Type: p.Type, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding,
		CorrelationID: p.CorrelationID, ReplyTo: p.ReplyTo, AppID: p.AppID, Priority: p.Priority, Timestamp: p.Timestamp,
		Headers: map[string]any(p.Headers), Body: m.Body, Origin: tasks.Origin{Queue: queue},
	}
}
