package tasks

import (
	"strings"
	"time"
)

// Redrive returns the message that runs a dead letter again: as a first attempt, with its id and all that its publisher stated.
// What is past is gone: the attempts, the delay, an expiry that would only end it again. A dead letter that is no task goes back
// unchanged, but for the marks of its death and what the broker would obey.
func Redrive(m *Message, now time.Time) Message {
	again := m.again(1)
	again.ID = m.ID // none is made up: it would be that of this delivery
	if _, err := Decode(m, HardMaxBody); err != nil {
		return again
	}
	for _, name := range []string{headerAttempt, headerNotBefore, headerQueue} {
		delete(again.Headers, name)
	}
	if expiry, err := parseTime(text(again.Headers[headerExpiresAt])); err == nil && !now.Before(expiry) {
		delete(again.Headers, headerExpiresAt)
	}
	again.setHeader(headerPublishedAt, formatTime(now)) // how long it waits is counted from here
	return again
}

// BrokerDeath is an entry of x-death: how often the broker has dead-lettered a message from a queue, and why.
type BrokerDeath struct {
	Queue, Reason string
	Count         int64
	At            time.Time // the first time
}

// BrokerDeaths returns the entries of x-death, the latest first. A task that was delayed has one for each level it waited in.
func BrokerDeaths(m *Message) []BrokerDeath {
	entries, _ := m.Headers["x-death"].([]any)
	deaths := make([]BrokerDeath, 0, len(entries))
	for _, entry := range entries {
		fields, ok := asTable(entry)
		if !ok {
			continue
		}
		death := BrokerDeath{Queue: text(fields["queue"]), Reason: text(fields["reason"])}
		death.Count, _ = integer(fields["count"])
		death.At, _ = fields["time"].(time.Time)
		deaths = append(deaths, death)
	}
	return deaths
}

// OriginOf is the queue that a dead letter came from: as whoever gave it up wrote, or as the broker did. stated says that it was
// the former, who knows only work queues; "" is not known.
func OriginOf(m *Message) (queue string, stated bool) {
	if queue = text(m.Headers[headerQueue]); queue != "" && checkShort("queue", queue) == nil {
		return queue, true
	}
	for _, death := range BrokerDeaths(m) {
		if death.Queue != "" && !strings.HasPrefix(death.Queue, "warrener.delay.") {
			return death.Queue, false
		}
	}
	return "", false
}
