package queue

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// leaderWithin is less than the 250 ms that the broker waits for a quorum queue's leader to tell its counts
	// (rabbit_quorum_queue:stat/1). Without an answer it says that the queue is empty and has no consumers.
	leaderWithin = 200 * time.Millisecond
	countTries   = 3
)

// errNoCount means that the broker could not count.
var errNoCount = fmt.Errorf("%w: the queue does not tell its counts", ErrUnavailable)

// counted asks for a queue's counts. "Nothing" that comes late, beyond the time that the way to the broker and back takes, is no
// answer, and is asked for again; then the error is errNoCount.
func counted(roundTrip time.Duration, ask func() (amqp.Queue, error)) (amqp.Queue, error) {
	for range countTries {
		began := time.Now()
		q, err := ask()
		if err != nil || q.Messages > 0 || q.Consumers > 0 || time.Since(began) < roundTrip+leaderWithin {
			return q, err
		}
	}
	return amqp.Queue{}, errNoCount
}

// countQueue asks on a channel of its own for a queue's counts.
func countQueue(conn *amqp.Connection, name string) (q amqp.Queue, err error) {
	began := time.Now()
	err = onChannel(conn, func(ch *amqp.Channel) (err error) {
		q, err = countOn(ch, name, time.Since(began))
		return explain(err)
	})
	return q, err
}

func countOn(ch *amqp.Channel, name string, roundTrip time.Duration) (amqp.Queue, error) {
	return counted(roundTrip, func() (amqp.Queue, error) {
		return ch.QueueDeclarePassive(name, durable, autoDelete, exclusive, noWait, nil)
	})
}
