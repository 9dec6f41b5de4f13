package tasks

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// wireTime is RFC 3339 with milliseconds, always in UTC.
const wireTime = "2006-01-02T15:04:05.000Z07:00"

// Encode returns the message that carries a task, once it has seen that the broker will take it: a message over a
// limit would cost the connection of all who share it. What is not set takes its default: an id, application/json,
// the first attempt. maxBody 0 is DefaultMaxBody.
func Encode(t *Task, maxBody int) (Message, error) {
	if limit := bodyLimit(maxBody); len(t.Payload) > limit {
		return Message{}, fmt.Errorf("%w: the body has %d bytes, %d are allowed", ErrTooLarge, len(t.Payload), limit)
	}
	if err := t.check(); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	m := Message{
		ID: t.ID, Type: t.Name, ContentType: t.ContentType, CorrelationID: t.CorrelationID, ReplyTo: t.ReplyTo, AppID: t.AppID,
		Priority: t.Priority, Body: t.Payload,
	}
	if m.ID == "" {
		m.ID = NewID()
	}
	if m.ContentType == "" {
		m.ContentType = "application/json"
	}
	m.Timestamp = t.created(m.ID).UTC().Truncate(time.Second)
	if err := t.writeHeaders(&m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if size := encodedTable(m.Headers); size > MaxHeaders {
		return Message{}, fmt.Errorf("%w: the headers have %d bytes, %d are allowed", ErrTooLarge, size, MaxHeaders)
	}
	return m, nil
}

// created returns when the task was made: its id knows best.
func (t *Task) created(id string) time.Time {
	if at, ok := idTime(id); ok {
		return at
	}
	if !t.CreatedAt.IsZero() {
		return t.CreatedAt
	}
	return time.Now()
}

func (t *Task) check() error {
	if t.Name == "" {
		return errors.New("the task has no name")
	}
	for _, s := range [...]struct{ what, value string }{
		{"id", t.ID}, {"name", t.Name}, {"queue", t.Queue}, {"content type", t.ContentType}, {"correlation id", t.CorrelationID},
		{"reply-to", t.ReplyTo}, {"app id", t.AppID}, {headerTraceParent, t.TraceParent},
	} {
		if err := checkShort(s.what, s.value); err != nil {
			return err
		}
	}
	switch {
	case !utf8.ValidString(t.TraceState):
		return errors.New(headerTraceState + " is not UTF-8")
	case t.Attempt < 0 || t.Attempt > maxAttempts:
		return fmt.Errorf("attempt %d is not in 1..%d", t.Attempt, maxAttempts)
	case t.MaxAttempts < 0 || t.MaxAttempts > maxAttempts:
		return fmt.Errorf("max attempts %d is not in 0..%d", t.MaxAttempts, maxAttempts)
	case t.Timeout < 0 || t.Timeout > maxTimeout:
		return fmt.Errorf("timeout %v is not in 0..%v", t.Timeout, maxTimeout)
	case t.Backoff != Backoff{}:
		return t.Backoff.check()
	}
	return nil
}

// checkShort returns why s cannot be an AMQP short string that people read in logs and terminals.
func checkShort(what, s string) error {
	switch {
	case len(s) > maxShort:
		return fmt.Errorf("%s %.20q… has %d bytes, %d are allowed", what, s, len(s), maxShort)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not UTF-8", what, s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s %q has a control character", what, s)
	}
	return nil
}

func (t *Task) writeHeaders(m *Message) error {
	for name, value := range t.Headers {
		if err := checkHeaderName(name); err != nil {
			return err
		}
		v, err := publishable(value, 0)
		if err != nil {
			return fmt.Errorf("header %q: %w", name, err)
		}
		m.setHeader(name, v)
	}
	if t.Attempt > 1 {
		m.setHeader(headerAttempt, int64(t.Attempt))
	}
	if t.MaxAttempts > 0 {
		m.setHeader(headerMaxAttempts, int64(t.MaxAttempts))
	}
	if t.Timeout > 0 {
		m.setHeader(headerTimeout, milliseconds(t.Timeout))
	}
	if (t.Backoff != Backoff{}) {
		m.setHeader(headerBackoff, t.Backoff.String())
	}
	if !t.NotBefore.IsZero() && t.Queue != "" {
		m.setHeader(headerQueue, t.Queue)
	}
	m.setText(headerTraceParent, t.TraceParent)
	m.setText(headerTraceState, t.TraceState)
	return t.writeTimes(m)
}

func (t *Task) writeTimes(m *Message) error {
	published := t.PublishedAt
	if published.Equal(t.CreatedAt) {
		published = time.Time{}
	}
	for _, h := range [...]struct {
		name string
		at   time.Time
	}{{headerPublishedAt, published}, {headerNotBefore, t.NotBefore}, {headerExpiresAt, t.ExpiresAt}} {
		if h.at.IsZero() {
			continue
		}
		if !plausible(h.at) {
			return fmt.Errorf("%s %v is not in 1970..9999", h.name, h.at)
		}
		m.setHeader(h.name, formatTime(h.at))
	}
	return nil
}

func checkHeaderName(name string) error {
	switch {
	case name == "":
		return errors.New("a header has no name")
	case strings.HasPrefix(name, ownPrefix):
		return fmt.Errorf("header %q: names with %s are reserved", name, ownPrefix)
	case name == headerTraceParent, name == headerTraceState:
		return fmt.Errorf("header %q is a field of the task", name)
	case brokerHeader(name):
		return fmt.Errorf("header %q is the broker's own and would be removed", name)
	}
	return checkShort("header", name)
}

func (m *Message) setHeader(name string, value any) {
	if m.Headers == nil {
		m.Headers = make(map[string]any)
	}
	m.Headers[name] = value
}

func (m *Message) setText(name, value string) {
	if value != "" {
		m.setHeader(name, value)
	}
}

// milliseconds rounds up: less than one would say that there is no timeout.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

func formatTime(at time.Time) string { return at.UTC().Format(wireTime) }

func plausible(at time.Time) bool {
	year := at.UTC().Year()
	return year >= 1970 && year <= 9999
}
