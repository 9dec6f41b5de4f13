package queue

import (
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// The texts are RabbitMQ's; TestExplainOnRabbitMQ asks for most of them.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code int
		text string
		want error
	}{
		{404, "NOT_FOUND - no queue 'a.b' in vhost '/'", &MissingError{"queue", "a.b"}},
		{404, "NOT_FOUND - no exchange 'e' in vhost 'it's'", &MissingError{"exchange", "e"}},
		{404, "NOT_FOUND - no queue 'q' in vhost 'x' in vhost '/'", &MissingError{"queue", "q' in vhost 'x"}},
		// The queue is there, and comes back.
		{404, "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible", nil},
		{403, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'", ErrAccessRefused},
		{403, "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'u'", ErrAccessRefused},
		{
			406, "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'",
			&MismatchError{"queue", "q", "x-queue-type", "quorum", "classic"},
		},
		{
			406, "PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'q' in vhost '/': " +
				"received the value 'reject-publish' of type 'longstr' but current is none",
			&MismatchError{"queue", "q", "x-overflow", "reject-publish", "none"},
		},
		{
			406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': " +
				"received none but current is the value '10' of type 'signedint'",
			&MismatchError{"queue", "q", "x-max-length", "none", "10"},
		},
		{
			406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'direct' but current is 'topic'",
			&MismatchError{"exchange", "e", "type", "direct", "topic"},
		},
		{406, "PRECONDITION_FAILED - unknown delivery tag 1", nil},
		{406, "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms.", nil},
		{405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'", nil},
	} {
		err := &amqp.Error{Code: test.code, Reason: test.text, Server: true}
		checkExplained(t, test.text, explain(fmt.Errorf("wrapped: %w", err)), test.want)
		if test.want == nil && !errors.Is(explain(err), err) {
			t.Errorf("%s: became %v", test.text, explain(err))
		}
	}
	if err := explain(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func checkExplained(t *testing.T, text string, got, want error) {
	t.Helper()
	var mismatch, wantMismatch *MismatchError
	var missing, wantMissing *MissingError
	var ok bool
	switch {
	case errors.As(want, &wantMismatch):
		ok = errors.As(got, &mismatch) && *mismatch == *wantMismatch
	case errors.As(want, &wantMissing):
		ok = errors.As(got, &missing) && *missing == *wantMissing
	case want != nil:
		ok = errors.Is(got, want)
	default:
		ok = !final(got)
	}
	if !ok {
		t.Errorf("%s: explained as %v, want %v", text, got, want)
	}
}

func TestExplainOnRabbitMQ(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	ch := bare(t, url)
	declareBare(t, ch, "q", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 3})
	if err := ch.ExchangeDeclare("e", "topic", durable, autoDelete, internal, noWait, nil); err != nil {
		t.Fatal(err)
	}
	queue := func(name string, args amqp.Table) func(*amqp.Channel) error {
		return func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(name, durable, autoDelete, exclusive, noWait, args)
			return err
		}
	}
	for name, test := range map[string]struct {
		ask  func(ch *amqp.Channel) error
		want error
	}{
		"type":    {queue("q", amqp.Table{"x-queue-type": "classic"}), &MismatchError{"queue", "q", "x-queue-type", "classic", "quorum"}},
		"limit":   {queue("q", amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 4}), &MismatchError{"queue", "q", "x-delivery-limit", "4", "3"}},
		"absent":  {queue("q", amqp.Table{"x-queue-type": "quorum"}), &MismatchError{"queue", "q", "x-delivery-limit", "none", "3"}},
		"unknown": {queue("new", amqp.Table{"x-queue-type": "classic", "x-delivery-limit": 3}), nil},
		"kind": {func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("e", "direct", durable, autoDelete, internal, noWait, nil)
		}, &MismatchError{"exchange", "e", "type", "direct", "topic"}},
		"argument": {func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("e", "topic", durable, autoDelete, internal, noWait, amqp.Table{"alternate-exchange": "x"})
		}, &MismatchError{"exchange", "e", "alternate-exchange", "x", "none"}},
		"bind to no queue":      {func(ch *amqp.Channel) error { return ch.QueueBind("gone", "", "e", noWait, nil) }, &MissingError{"queue", "gone"}},
		"bind from no exchange": {func(ch *amqp.Channel) error { return ch.QueueBind("q", "", "gone", noWait, nil) }, &MissingError{"exchange", "gone"}},
		"reserved":              {queue("amq.q", nil), ErrAccessRefused},
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := bareConnection(t, url).Channel()
			if err != nil {
				t.Fatal(err)
			}
			err = test.ask(ch)
			if err == nil {
				t.Fatal("RabbitMQ did not mind")
			}
			checkExplained(t, err.Error(), explain(err), test.want)
		})
	}
}
