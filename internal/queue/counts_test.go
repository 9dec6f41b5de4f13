package queue

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// RabbitMQ says after 250 ms that a quorum queue whose leader does not answer is empty.
func TestNothingSaidLateIsNoAnswer(t *testing.T) {
	t.Parallel()
	type answer struct {
		after time.Duration
		amqp.Queue
		err error
	}
	const late = 250 * time.Millisecond
	refused := errors.New("refused")
	for _, tt := range []struct {
		name      string
		roundTrip time.Duration
		answers   []answer
		want      answer
	}{
		{name: "empty", answers: []answer{{}}},
		{name: "empty and far away", roundTrip: 300 * time.Millisecond, answers: []answer{{after: 310 * time.Millisecond}}},
		{name: "late with something", answers: []answer{{after: late, Queue: amqp.Queue{Messages: 3}}}, want: answer{Queue: amqp.Queue{Messages: 3}}},
		{name: "late with consumers", answers: []answer{{after: late, Queue: amqp.Queue{Consumers: 1}}}, want: answer{Queue: amqp.Queue{Consumers: 1}}},
		{name: "late, then something", answers: []answer{{after: late}, {Queue: amqp.Queue{Messages: 3}}}, want: answer{Queue: amqp.Queue{Messages: 3}}},
		{name: "late, then nothing", answers: []answer{{after: late}, {after: late}, {}}},
		{name: "always late", answers: []answer{{after: late}, {after: late}, {after: late}}, want: answer{err: errNoCount}},
		{name: "late and far away", roundTrip: 300 * time.Millisecond, answers: []answer{{after: 550 * time.Millisecond}, {Queue: amqp.Queue{Messages: 1}}},
			want: answer{Queue: amqp.Queue{Messages: 1}}},
		{name: "an error, however late", answers: []answer{{after: late, err: refused}}, want: answer{err: refused}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				q, err := counted(tt.roundTrip, func() (amqp.Queue, error) {
					a := tt.answers[asked]
					asked++
					time.Sleep(a.after) //nolint:forbidigo // virtual
					return a.Queue, a.err
				})
				if q != tt.want.Queue || !errors.Is(err, tt.want.err) || asked != len(tt.answers) {
					t.Errorf("%+v, %v after %d questions, want %+v, %v after %d", q, err, asked, tt.want.Queue, tt.want.err, len(tt.answers))
				}
			})
		})
	}
}
