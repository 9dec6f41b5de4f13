package warrener_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/warrener/warrener"
)

func ExampleMismatchError() {
	explain := func(err error) {
		if mismatch, ok := errors.AsType[*warrener.MismatchError](err); ok {
			fmt.Printf("the %s of %s %s is %s\n", mismatch.Argument, mismatch.Kind, mismatch.Name, mismatch.Have)
		}
	}
	explain(&warrener.MismatchError{Kind: "queue", Name: "emails", Argument: "x-queue-type", Want: "quorum", Have: "classic"})
	// Output: the x-queue-type of queue emails is classic
}

func ExampleMissingError() {
	explain := func(err error) {
		if missing, ok := errors.AsType[*warrener.MissingError](err); ok {
			fmt.Printf("ask an operator for the %s %s\n", missing.Kind, missing.Name)
		}
	}
	explain(&warrener.MissingError{Kind: "queue", Name: "emails"})
	// Output: ask an operator for the queue emails
}

func ExampleConsumerTimeoutError() {
	explain := func(err error) {
		if tooLong, ok := errors.AsType[*warrener.ConsumerTimeoutError](err); ok {
			fmt.Printf("tasks of %s have to end within %s, not %s\n", tooLong.Queue, tooLong.ConsumerTimeout, tooLong.Timeout)
		}
	}
	explain(&warrener.ConsumerTimeoutError{Queue: "emails", Timeout: time.Hour, ConsumerTimeout: 30 * time.Minute})
	// Output: tasks of emails have to end within 30m0s, not 1h0m0s
}

func ExampleAbandonedError() {
	explain := func(err error) {
		if abandoned, ok := errors.AsType[*warrener.AbandonedError](err); ok {
			for _, t := range abandoned.Tasks {
				fmt.Println("still running:", t.Name, t.ID)
			}
		}
	}
	explain(&warrener.AbandonedError{Tasks: []warrener.TaskInfo{{ID: "42", Name: "email.send", Queue: "emails", Attempt: 1}}})
	// Output: still running: email.send 42
}

// What to do when a task was not accepted.
func Example_publishErrors() {
	advice := func(err error) string {
		switch {
		case err == nil:
			return "done"
		case errors.Is(err, warrener.ErrUnknownOutcome):
			return "publish again with the same id"
		case errors.Is(err, warrener.ErrRejected), errors.Is(err, warrener.ErrBlocked), errors.Is(err, warrener.ErrUnavailable):
			return "publish again later"
		case errors.Is(err, warrener.ErrUnroutable):
			return "declare the queue"
		default:
			return "correct the program or its configuration"
		}
	}
	fmt.Println(advice(fmt.Errorf("publish email.send: %w", warrener.ErrRejected)))
	fmt.Println(advice(warrener.ErrTooLarge))
	// Output:
	// publish again later
	// correct the program or its configuration
}
