package test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// malformed are messages as anybody may send them, and no tasks. Each has a body of its own.
func malformed() map[string]amqp.Publishing {
	with := func(header string, value any) amqp.Publishing {
		return amqp.Publishing{Type: "greet", Headers: amqp.Table{header: value}}
	}
	many := amqp.Table{}
	for i := range 100 {
		many[fmt.Sprintf("header-%d", i)] = strings.Repeat("x", 200)
	}
	messages := map[string]amqp.Publishing{
		"attempt is text":        with("warrener-attempt", "2"),
		"attempt is negative":    with("warrener-attempt", int64(-1)),
		"attempt is absurd":      with("warrener-attempt", int64(1)<<40),
		"max attempts is broken": with("warrener-max-attempts", 2.5),
		"timeout is negative":    with("warrener-timeout-ms", int32(-5)),
		"backoff is a word":      with("warrener-backoff", "soon"),
		"expiry is no time":      with("warrener-expires-at", "tomorrow"),
		"due is a number":        with("warrener-not-before", int64(1700000000)),
		"queue is a table":       with("warrener-queue", amqp.Table{"name": "q"}),
		"compressed":             {Type: "greet", ContentEncoding: "gzip"},
		"type is no UTF-8":       {Type: "greet\xff"},
		"id is no UTF-8":         {Type: "greet", MessageId: "\xfe"},
		"headers are too large":  {Type: "greet", Headers: many},
		"body is too large":      {Type: "greet", Body: bytes.Repeat([]byte("x"), 1<<20+1)},
		"payload is cut off":     {Type: "greet", Body: []byte(`{"name": "Ann`)},
		"payload is two values":  {Type: "greet", Body: []byte(`{"name": "Ann"} {"name": "Bob"}`)},
		"payload is no JSON":     {Type: "greet", Body: []byte("\x00\xff\xfe NaN")},
		"payload is another":     {Type: "greet", Body: []byte(`{"name": 7}`)},
		"payload is missing":     {Type: "greet", Body: []byte{}},
	}
	for name, m := range messages {
		if m.MessageId == "" {
			m.MessageId = name
		}
		if m.Body == nil {
			m.Body = fmt.Appendf(nil, `{"name": %q}`, name)
		}
		messages[name] = m
	}
	return messages
}

func TestMalformedMessagesAreDeadLetteredUntouched(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	ch := channel(t, url)
	var greeted attempts
	greet := warrener.Define[struct{ Name string }]("greet", warrener.OnQueue("q"))
	mux := warrener.NewMux()
	mux.Handle(greet.Handler(func(ctx context.Context, _ struct{ Name string }) error {
		greeted.add(warrener.DeliveryFrom(ctx))
		return nil
	}))
	messages := malformed()
	for _, m := range messages {
		send(t, ch, "q", m)
	}
	neighbour, err := greet.Publish(t.Context(), client, struct{ Name string }{"Ann"})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, warrener.WorkerConfig{URL: url, Queues: queues("q"), Handler: mux})

	dead := map[string]amqp.Delivery{}
	for _, d := range take(t, ch, "q.dead", len(messages)) {
		dead[d.MessageId] = d
	}
	for name, sent := range messages {
		d := dead[sent.MessageId]
		if d.Headers["warrener-reason"] != "malformed" || header(d.Headers, "warrener-error") == "<nil>" {
			t.Errorf("%s: reason %v, error %v", name, d.Headers["warrener-reason"], d.Headers["warrener-error"])
		}
		if !bytes.Equal(d.Body, sent.Body) || d.Type != sent.Type || d.ContentEncoding != sent.ContentEncoding {
			t.Errorf("%s: the dead letter is not what was sent: %.200q", name, d.Body)
		}
		for key, value := range sent.Headers {
			if key == "warrener-queue" {
				continue // a dead letter says where it was found
			}
			if fmt.Sprint(d.Headers[key]) != fmt.Sprint(value) {
				t.Errorf("%s: header %s is %v", name, key, d.Headers[key])
			}
		}
	}
	ran := greeted.wait(t, 1)
	if len(ran) != 1 || ran[0].ID != neighbour {
		t.Errorf("the neighbour %s should have run and nothing else: %+v", neighbour, ran)
	}
}
