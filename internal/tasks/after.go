package tasks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxError = 2 << 10
	// maxDeadHeaders keeps a dead letter under half of a frame, 64 KiB, together with the properties in the same frame.
	// The broker adds headers when it dead-letters in turn, and a message whose headers fill a frame closes the
	// connection of each consumer that it is delivered to.
	maxDeadHeaders = 60 << 10
)

// Next returns the message of a task's next attempt, which waits for delay. It is made of the message as received, so
// that what this version does not understand goes along.
func Next(m *Message, t *Task, delay time.Duration, now time.Time) Message {
	next := m.again(4)
	next.setHeader(headerAttempt, int64(max(t.Attempt, 1)+1))
	next.setHeader(headerPublishedAt, formatTime(now))
	next.setText(headerQueue, t.Queue)
	delete(next.Headers, headerNotBefore)
	if delay > 0 {
		next.setHeader(headerNotBefore, formatTime(now.Add(delay)))
	}
	return next
}

// Death is how a task ended as a dead letter.
type Death struct {
	Reason Reason
	Err    string
	Worker string
	At     time.Time
}

// Dead returns the dead letter of a message. Its body and its headers stay as they are, for whoever looks into it;
// only headers so large that they would harm a consumer are left out, which the error then tells.
func Dead(m *Message, d Death) Message {
	dead := m.again(5)
	note := dead.shrink(maxDeadHeaders - maxError - 5*maxShort)
	dead.setHeader(headerReason, string(d.Reason))
	dead.setHeader(headerError, cut(d.Err, maxError-len(note))+note)
	dead.setHeader(headerWorker, cut(d.Worker, maxShort))
	dead.setHeader(headerDiedAt, formatTime(d.At))
	dead.setText(headerQueue, cut(m.Origin.Queue, maxShort))
	return dead
}

// again returns m to be published once more: with headers of its own and room for some added, without the broker's
// and without those of an earlier death.
func (m *Message) again(added int) Message {
	again := *m
	again.ID = m.id()
	again.Origin = Origin{}
	again.Headers = make(map[string]any, len(m.Headers)+added)
	for name, value := range m.Headers {
		if !brokerHeader(name) && !deadHeader(name) {
			again.Headers[name] = value
		}
	}
	return again
}

// shrink leaves out the largest headers until all take no more than limit bytes, and returns a note that says so.
func (m *Message) shrink(limit int) string {
	size := encodedTable(m.Headers)
	if size <= limit {
		return ""
	}
	largestFirst := slices.SortedFunc(maps.Keys(m.Headers), func(a, b string) int {
		return cmp.Or(encodedField(b, m.Headers[b])-encodedField(a, m.Headers[a]), strings.Compare(a, b))
	})
	removed := 0
	for size > limit {
		name := largestFirst[removed]
		size -= encodedField(name, m.Headers[name])
		delete(m.Headers, name)
		removed++
	}
	return fmt.Sprintf(" (%d headers left out, they were too large)", removed)
}

// cut returns s as valid UTF-8 of at most limit bytes, cut between two characters.
func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
