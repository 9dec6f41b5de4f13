package deadletter

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// Letter is what can be said of a dead letter without its payload.
type Letter struct {
	ID      string    `json:"id"`
	Task    string    `json:"task,omitempty"`
	Queue   string    `json:"queue"` // where it came from, and goes to when it is redriven
	Reason  string    `json:"reason"`
	Error   string    `json:"error,omitempty"`
	Attempt int       `json:"attempt,omitempty"` // the last; 0 for what is no task
	Worker  string    `json:"worker,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Died    time.Time `json:"died,omitzero"`
	Size    int       `json:"size"`              // of the payload
	Problem string    `json:"problem,omitempty"` // why it is no task
}

// Unknown is the reason of what nobody has given one.
const Unknown = "unknown"

// Read describes a message. home is the work queue that the dead-letter queue belongs to.
func Read(m *tasks.Message, home string) Letter {
	l := Letter{ID: IDOf(m), Task: m.Type, Reason: Unknown, Size: len(m.Body)}
	origin, _ := tasks.OriginOf(m)
	l.Queue = cmp.Or(origin, home)
	if death, ok := tasks.DeathOf(m); ok {
		l.Reason, l.Error, l.Worker, l.Died = string(death.Reason), death.Err, death.Worker, death.At
	}
	if deaths := tasks.BrokerDeaths(m); l.Died.IsZero() && len(deaths) > 0 {
		l.Died = deaths[0].At
	}
	task, err := tasks.Decode(m, tasks.HardMaxBody)
	switch {
	case err != nil:
		l.Problem = err.Error()
	case m.Type == "":
		l.Problem = "a plain message, without the name of a task in its type"
		l.Created = task.CreatedAt
	default:
		l.Attempt, l.Created = task.Attempt, task.CreatedAt
	}
	return l
}

// IDOf is the id of a message. One that has none is known by its content; its copies are the same.
func IDOf(m *tasks.Message) string {
	if m.ID != "" {
		return m.ID
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %d\n", m.Type, m.CorrelationID, m.Timestamp.Unix())
	sum.Write(m.Body)
	return fmt.Sprintf("content-%x", sum.Sum(nil)[:8])
}

// Event is a moment in the life of a task.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// Timeline is what is known of a task's life, the earliest first.
func Timeline(m *tasks.Message) []Event {
	var events []Event
	add := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			events = append(events, Event{at.UTC(), fmt.Sprintf(format, args...)})
		}
	}
	if t, err := tasks.Decode(m, tasks.HardMaxBody); err == nil {
		add(t.CreatedAt, "made by its publisher")
		if !t.PublishedAt.Equal(t.CreatedAt) {
			add(t.PublishedAt, "attempt %d published", t.Attempt)
		}
		add(t.NotBefore, "attempt %d due", t.Attempt)
		add(t.ExpiresAt, "expires")
	}
	for _, death := range tasks.BrokerDeaths(m) {
		add(death.At, "dead-lettered by the broker from queue %s: %s, %d times", death.Queue, death.Reason, death.Count)
	}
	if death, ok := tasks.DeathOf(m); ok {
		add(death.At, "given up by worker %s: %s", death.Worker, death.Reason)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events
}
