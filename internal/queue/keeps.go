package queue

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/topology"
)

// plentyOfLooks is a delivery limit that nobody reaches by looking.
const plentyOfLooks = 10_000

// checkKeeps says whether a queue keeps what is taken and given back, however often. One with a low delivery limit drops it. The
// limit is not asked for but guessed: the broker says what is right when an argument is wrong.
func checkKeeps(conn *amqp.Connection, queue string) error {
	guess := topology.Queue{Name: queue, Args: maps.Clone(topology.Keeping(queue).Args)}
	for range 16 { // arguments that a queue may have
		_, err := inspectQueue(conn, guess)
		mismatch, differs := errors.AsType[*MismatchError](err)
		if !differs {
			return err
		}
		switch {
		case mismatch.Argument == "x-queue-type" && (mismatch.Have == topology.Classic || mismatch.Have == "none"):
			return nil // a classic queue counts nothing; RabbitMQ 3 says none for one that was declared without a type
		case mismatch.Argument == "x-queue-type":
			return fmt.Errorf("%w: only quorum and classic queues can be gone through", err)
		case mismatch.Argument == "x-delivery-limit":
			if err := checkLimit(conn, mismatch); err != nil {
				return err
			}
		}
		guess.Args[mismatch.Argument] = value(mismatch.Have)
		if mismatch.Have == "none" {
			delete(guess.Args, mismatch.Argument)
		}
	}
	return fmt.Errorf("queue %q: cannot find out its delivery limit", queue)
}

func checkLimit(conn *amqp.Connection, have *MismatchError) error {
	limit, err := strconv.Atoi(have.Have)
	four := AtLeast(version(conn), 4, 0)
	switch {
	case err != nil && !four, limit == -1 && four, limit >= plentyOfLooks: // -1 means none from 4.0 on, and 0 before
		return nil
	}
	return fmt.Errorf("%w: after as many looks (20 where there is none) its messages would be dropped", have)
}

// value is an argument that the broker has named as text.
func value(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}
