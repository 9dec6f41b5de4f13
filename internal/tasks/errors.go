package tasks

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrMalformed is what every *MalformedError wraps.
	ErrMalformed = errors.New("malformed task")
	// ErrUnknownTask means that the handler knows no task of this name.
	ErrUnknownTask = errors.New("unknown task")
	// ErrExpired means that the task was received after its ExpiresAt.
	ErrExpired = errors.New("task expired")
)

// MalformedError says what is wrong with a message that is no task, or with a payload that is not the task's.
type MalformedError struct {
	Problem string
	cause   error
}

func (e *MalformedError) Error() string { return ErrMalformed.Error() + ": " + e.Problem }

// Unwrap returns ErrMalformed and, behind Malformed, the handler's error.
func (e *MalformedError) Unwrap() []error {
	if e.cause == nil {
		return []error{ErrMalformed}
	}
	return []error{ErrMalformed, e.cause}
}

// Malformed wraps the error of a handler that cannot decode the payload: the task is dead-lettered as malformed.
// Malformed(nil) is nil.
func Malformed(err error) error {
	if err == nil {
		return nil
	}
	return &MalformedError{Problem: err.Error(), cause: err}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent wraps an error that another attempt would only repeat: the task is dead-lettered at once. Permanent(nil)
// is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type retryAfterError struct {
	error
	wait time.Duration
}

func (e retryAfterError) Unwrap() error { return e.error }

// RetryAfter wraps an error to choose the wait before the next attempt. With a nil error the task is retried all the
// same: a handler that asks for another attempt is not done.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		err = fmt.Errorf("retry after %v", d)
	}
	return retryAfterError{err, d}
}
