package tasks_test

import (
	"maps"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warrener/warrener/internal/tasks"
)

// received is a message with headers of all kinds.
func received() tasks.Message {
	return tasks.Message{
		ID: idV7, Type: "email.send", ContentType: "text/plain", ContentEncoding: "utf-8", CorrelationID: "c", ReplyTo: "r", AppID: "a",
		Priority: 9, Timestamp: madeV7(), Body: []byte("body"), Origin: tasks.Origin{Queue: "q", Consumer: "c", Tag: 1, Redelivered: true},
		Headers: map[string]any{
			"x-tenant": amqpTable{"n": int64(1)}, "traceparent": "tp", "warrener-max-attempts": int64(5), "warrener-new": true,
			"warrener-attempt": int32(2), "warrener-not-before": "2024-05-01T12:00:00Z", "warrener-published-at": "2024-05-01T12:00:00Z",
			"warrener-reason": "exhausted", "warrener-error": "old", "warrener-worker": "w", "warrener-died-at": "2024-05-01T12:00:00Z",
			"x-death": []any{}, "x-first-death-queue": "q", "x-last-death-queue": "q", "x-delivery-count": int64(1), "x-acquired-count": int64(1),
			"x-opt-a": int64(1), "CC": []any{"q"}, "BCC": []any{"q"}, "x-stream-offset": int64(1),
		},
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	m := received()
	before := maps.Clone(m.Headers)
	task, err := tasks.Decode(&m, 0)
	if err != nil {
		t.Fatal(err)
	}
	now := madeV7().Add(time.Hour)
	for delay, notBefore := range map[time.Duration]any{0: nil, 90 * time.Second: "2024-05-01T13:01:30.123Z"} {
		next := tasks.Next(&m, &task, delay, now)
		want := map[string]any{
			"x-tenant": amqpTable{"n": int64(1)}, "traceparent": "tp", "warrener-max-attempts": int64(5), "warrener-new": true,
			"warrener-attempt": int64(3), "warrener-published-at": "2024-05-01T13:00:00.123Z", "warrener-queue": "q",
		}
		if notBefore != nil {
			want["warrener-not-before"] = notBefore
		}
		if !reflect.DeepEqual(next.Headers, want) {
			t.Errorf("after %v the headers are %v, want %v", delay, next.Headers, want)
		}
		if &next.Body[0] != &m.Body[0] {
			t.Error("the body was copied")
		}
		rest := m
		rest.Headers, rest.Origin, next.Headers = nil, tasks.Origin{}, nil
		if !reflect.DeepEqual(next, rest) {
			t.Errorf("the properties are %+v, want %+v", next, rest)
		}
	}
	if !reflect.DeepEqual(m.Headers, before) {
		t.Errorf("the received message changed: %v", m.Headers)
	}
}

func TestNextOfPlainMessage(t *testing.T) {
	t.Parallel()
	m := tasks.Message{Body: []byte("Hello World!"), Origin: tasks.Origin{Queue: "hello", Consumer: "c", Tag: 7}}
	task, err := tasks.Decode(&m, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := tasks.Next(&m, &task, 0, madeV7())
	next.Origin.Queue = "hello"
	again, err := tasks.Decode(&next, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != "c.7" || again.Attempt != 2 || !again.DueAt().Equal(madeV7()) || m.ID != "" || m.Headers != nil {
		t.Errorf("the second attempt is %+v, of %+v", again, m)
	}
}

func TestDead(t *testing.T) {
	t.Parallel()
	m := received()
	before := maps.Clone(m.Headers)
	dead := tasks.Dead(&m, tasks.Death{Reason: tasks.ReasonPermanent, Err: "boom", Worker: "worker-1", At: madeV7()})
	want := map[string]any{
		"x-tenant": amqpTable{"n": int64(1)}, "traceparent": "tp", "warrener-max-attempts": int64(5), "warrener-new": true,
		"warrener-attempt": int32(2), "warrener-not-before": "2024-05-01T12:00:00Z", "warrener-published-at": "2024-05-01T12:00:00Z",
		"warrener-reason": "permanent", "warrener-error": "boom", "warrener-worker": "worker-1",
		"warrener-died-at": "2024-05-01T12:00:00.123Z", "warrener-queue": "q",
	}
	if !reflect.DeepEqual(dead.Headers, want) {
		t.Errorf("the headers are %v, want %v", dead.Headers, want)
	}
	if &dead.Body[0] != &m.Body[0] || dead.ID != m.ID || dead.Priority != 9 || dead.Origin != (tasks.Origin{}) {
		t.Errorf("the dead letter is %+v", dead)
	}
	if !reflect.DeepEqual(m.Headers, before) {
		t.Errorf("the received message changed: %v", m.Headers)
	}
}

func TestDeadMakesUpAnID(t *testing.T) {
	t.Parallel()
	dead := tasks.Dead(&tasks.Message{Origin: tasks.Origin{Consumer: "c", Tag: 7}}, tasks.Death{Reason: tasks.ReasonUnknownTask})
	if dead.ID != "c.7" {
		t.Errorf("id is %q", dead.ID)
	}
}

func TestDeadCutsTexts(t *testing.T) {
	t.Parallel()
	dead := tasks.Dead(&tasks.Message{}, tasks.Death{Err: "x" + strings.Repeat("é", 2000), Worker: "\xff" + strings.Repeat("é", 200)})
	text, worker := dead.Headers["warrener-error"].(string), dead.Headers["warrener-worker"].(string)
	if len(text) != 2047 || !utf8.ValidString(text) {
		t.Errorf("the error has %d bytes, valid: %v", len(text), utf8.ValidString(text))
	}
	if len(worker) > 255 || len(worker) < 250 || !utf8.ValidString(worker) {
		t.Errorf("the worker has %d bytes, valid: %v", len(worker), utf8.ValidString(worker))
	}
}

func TestDeadLeavesOutTheLargestHeaders(t *testing.T) {
	t.Parallel()
	m := tasks.Message{Headers: map[string]any{"warrener-attempt": int64(1)}, Origin: tasks.Origin{Queue: strings.Repeat("q", 300)}}
	for i := range 20 {
		m.Headers["h"+strconv.Itoa(i)] = strings.Repeat("x", i*1000)
	}
	dead := tasks.Dead(&m, tasks.Death{Err: strings.Repeat("e", 5000)})
	// 0+1+…+10 thousand bytes fit, the eleventh would not
	for i := range 20 {
		if _, kept := dead.Headers["h"+strconv.Itoa(i)]; kept != (i <= 10) {
			t.Errorf("header of %d bytes kept: %v", i*1000, kept)
		}
	}
	text := dead.Headers["warrener-error"].(string)
	if !strings.HasSuffix(text, "(9 headers left out, they were too large)") || len(text) != 2048 {
		t.Errorf("the error says %q", text)
	}
	if dead.Headers["warrener-attempt"] != int64(1) {
		t.Error("the attempt is gone")
	}
}
