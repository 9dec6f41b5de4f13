package tasks

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Decode reads a received message. It is strict about our own headers and tolerant of all others, since anyone may
// publish a task. The error is a *MalformedError. maxBody 0 is DefaultMaxBody.
func Decode(m *Message, maxBody int) (Task, error) {
	if err := m.check(bodyLimit(maxBody)); err != nil {
		return Task{}, err
	}
	t := Task{
		ID: m.id(), Name: m.Type, Queue: m.Origin.Queue, Payload: m.Body, ContentType: m.ContentType,
		CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, AppID: m.AppID, Priority: m.Priority,
		Attempt: 1, CreatedAt: m.created(), Redelivered: m.Origin.Redelivered,
	}
	if len(m.Headers) > 0 {
		if err := t.readHeaders(m.Headers); err != nil {
			return Task{}, err
		}
	}
	if t.PublishedAt.IsZero() {
		t.PublishedAt = t.CreatedAt
	}
	return t, nil
}

func (m *Message) check(limit int) error {
	switch {
	case len(m.Body) > limit:
		return malformed("the body has %d bytes, %d are allowed", len(m.Body), limit)
	case !utf8.ValidString(m.ID):
		return malformed("message_id %.40q is not UTF-8", m.ID)
	case !utf8.ValidString(m.Type):
		return malformed("type %.40q is not UTF-8", m.Type)
	case m.ContentEncoding != "" && !strings.EqualFold(m.ContentEncoding, "utf-8") && !strings.EqualFold(m.ContentEncoding, "identity"):
		return malformed("content_encoding %.40q is not supported", m.ContentEncoding)
	}
	return nil
}

// created returns the time in the id, else the timestamp. Foreign ids and timestamps mean what they like; what cannot
// be a time is left out.
func (m *Message) created() time.Time {
	if at, ok := idTime(m.ID); ok {
		return at
	}
	if !plausible(m.Timestamp) {
		return time.Time{}
	}
	return m.Timestamp.UTC().Truncate(time.Second)
}

// readHeaders counts only what comes from others toward the limit: the broker's and our own are added on the way.
func (t *Task) readHeaders(headers map[string]any) error {
	foreign := 4
	for name, value := range headers {
		known, err := t.readHeader(name, value)
		if err != nil {
			return err
		}
		if !known {
			foreign += encodedField(name, value)
		}
	}
	if foreign > MaxHeaders {
		return malformed("the headers have %d bytes, %d are allowed", foreign, MaxHeaders)
	}
	return nil
}

// readHeader reports whether it knows the header as ours or the broker's.
func (t *Task) readHeader(name string, value any) (known bool, err error) {
	switch {
	case name == headerDeliveryCount:
		n, _ := integer(value)
		t.DeliveryCount = int(min(max(n, 0), math.MaxInt32))
		return true, nil
	case brokerHeader(name) || deadHeader(name):
		return true, nil
	case strings.HasPrefix(name, ownPrefix):
		return t.readOwn(name, value)
	case name == headerTraceParent:
		t.TraceParent = text(value)
		return false, nil
	case name == headerTraceState:
		t.TraceState = text(value)
		return false, nil
	}
	if t.Headers == nil {
		t.Headers = make(map[string]any)
	}
	t.Headers[name] = received(value)
	return false, nil
}

// text returns the string that value is. A trace context that is none loses the trace, not the task.
func text(value any) string {
	s, _ := value.(string)
	return s
}

func (t *Task) readOwn(name string, value any) (known bool, err error) {
	var number int64
	switch name {
	case headerAttempt:
		number, err = ownInteger(name, value, 1, maxAttempts)
		t.Attempt = int(number)
	case headerMaxAttempts:
		number, err = ownInteger(name, value, 1, maxAttempts)
		t.MaxAttempts = int(number)
	case headerTimeout:
		number, err = ownInteger(name, value, 0, maxTimeout.Milliseconds())
		t.Timeout = time.Duration(number) * time.Millisecond
	case headerBackoff:
		t.Backoff, err = ownText(name, value, ParseBackoff)
	case headerExpiresAt:
		t.ExpiresAt, err = ownText(name, value, parseTime)
	case headerNotBefore:
		t.NotBefore, err = ownText(name, value, parseTime)
	case headerPublishedAt:
		t.PublishedAt, err = ownText(name, value, parseTime)
	case headerQueue:
		err = t.readQueue(value)
	default:
		return false, nil // of a later version
	}
	return true, err
}

// readQueue takes the queue from the header only where the delivery does not tell.
func (t *Task) readQueue(value any) error {
	queue, err := ownText(headerQueue, value, func(s string) (string, error) { return s, checkShort("queue", s) })
	if t.Queue == "" {
		t.Queue = queue
	}
	return err
}

func ownInteger(name string, value any, low, high int64) (int64, error) {
	n, ok := integer(value)
	if !ok {
		return 0, malformed("%s is of type %T, an integer is wanted", name, value)
	}
	if n < low || n > high {
		return 0, malformed("%s is %d, not in %d..%d", name, n, low, high)
	}
	return n, nil
}

func ownText[T any](name string, value any, parse func(string) (T, error)) (T, error) {
	var none T
	s, ok := value.(string)
	if !ok {
		return none, malformed("%s is of type %T, a string is wanted", name, value)
	}
	if len(s) > maxShort {
		return none, malformed("%s has %d bytes, %d are allowed", name, len(s), maxShort)
	}
	v, err := parse(s)
	if err != nil {
		return none, malformed("%s: %v", name, err)
	}
	return v, nil
}

func parseTime(s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time as in RFC 3339", s)
	}
	if !plausible(at) {
		return time.Time{}, errors.New("the year is not in 1970..9999")
	}
	return at.UTC().Truncate(time.Millisecond), nil
}

func malformed(format string, args ...any) *MalformedError {
	return &MalformedError{Problem: fmt.Sprintf(format, args...)}
}
