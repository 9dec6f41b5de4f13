package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/warrener/warrener"
)

// The exit codes. Scripts rely on them.
const (
	Done          = 0
	Failed        = 1
	BadUsage      = 2
	Unavailable   = 69  // EX_UNAVAILABLE of sysexits.h, as the next three are
	NotAccepted   = 75  // EX_TEMPFAIL
	AccessRefused = 77  // EX_NOPERM
	Mismatch      = 78  // EX_CONFIG
	TimedOut      = 124 // as timeout(1)
	Interrupted   = 130 // 128 + SIGINT, as a shell has it
)

// common is what holds for every command of every program.
func common() string {
	return `Data goes to stdout; logs, progress and errors go to stderr. A flag that is not given is read from its
environment variable, which its help names, then from the file that --config names, then it has its
default:

  url: amqps://rabbit.example/production   # flags that every program has
  worker:                                  # and those of one program
    queue: [emails=3, images]
    concurrency: 64

Exit codes:
  0    done
  1    failed
  2    wrong usage: a flag, an argument or the task itself
  69   the broker is not available
  75   not accepted by the broker, or only some: try again
  77   access refused
  78   the configuration is wrong, or does not fit what the broker has; no such queue
  124  --timeout is reached
  130  killed by a second interrupt`
}

// ErrInterrupted is why a command ended that was told to by a signal.
var ErrInterrupted = errors.New("interrupted")

// CodedError is an error that has an exit code of its own.
type CodedError struct {
	Code int
	Err  error
}

// Error is the text of the error within.
func (e *CodedError) Error() string { return e.Err.Error() }

// Unwrap returns the error within.
func (e *CodedError) Unwrap() error { return e.Err }

// Usage marks err as a mistake on the command line. Usage(nil) is nil.
func Usage(err error) error { return coded(BadUsage, err) }

// Usagef is Usage with a text.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// UsageIf is Usage for an error that is the one named, and else the error itself.
func UsageIf(err, named error) error {
	if errors.Is(err, named) {
		return Usage(err)
	}
	return err
}

// Configuration marks err as a mistake in the environment or the file. Configuration(nil) is nil.
func Configuration(err error) error { return coded(Mismatch, err) }

// Partly marks err as meaning that some tasks were not accepted. Partly(nil) is nil.
func Partly(err error) error { return coded(NotAccepted, err) }

func coded(code int, err error) error {
	if err == nil {
		return nil
	}
	return &CodedError{Code: code, Err: err}
}

// TimeoutError says that --timeout has passed, and what that put an end to.
type TimeoutError struct {
	After time.Duration
	Err   error // may be nil
}

// Error says so in words.
func (e *TimeoutError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the timeout of %s is reached", e.After)
	}
	return fmt.Sprintf("the timeout of %s is reached: %v", e.After, e.Err)
}

// Unwrap returns what the timeout put an end to.
func (e *TimeoutError) Unwrap() error { return e.Err }

// verdict is what the program makes of an error: its exit code, and what the reader can do about it.
type verdict struct {
	code   int
	advice string
}

// judge has the exit code of err, and advice where the error's own text leaves one helpless. The order matters: an
// error may wrap another that is further down.
func judge(err error) verdict {
	var (
		own       *CodedError
		timeout   *TimeoutError
		abandoned *warrener.AbandonedError
		mismatch  *warrener.MismatchError
		missing   *warrener.MissingError
		tooLong   *warrener.ConsumerTimeoutError
	)
	switch {
	case err == nil:
		return verdict{code: Done}
	case errors.As(err, &own):
		return verdict{code: own.Code}
	case errors.As(err, &abandoned):
		return verdict{Failed, "The broker delivers these tasks again. Let the handlers obey their context, or give them longer by --drain-timeout."}
	case errors.As(err, &timeout):
		return verdict{code: TimedOut}
	case errors.As(err, &mismatch):
		return verdict{Mismatch, "Nothing was changed. Ask for what is there (see --queue-type), or delete it by hand once it is empty."}
	case errors.As(err, &missing):
		return verdict{Mismatch, "Declare it (a worker without --passive does), or correct the name."}
	case errors.As(err, &tooLong):
		return verdict{Mismatch, "The broker would give the task to another worker while it runs. Shorten --timeout-task, or raise the queue's" +
			" consumer timeout by a policy (consumer-timeout)."}
	case errors.Is(err, warrener.ErrUnroutable):
		return verdict{Mismatch, "A worker declares its queues when it starts: start one, or correct --queue."}
	}
	return judgeBroker(err)
}

func judgeBroker(err error) verdict {
	switch {
	case errors.Is(err, warrener.ErrInvalid), errors.Is(err, warrener.ErrTooLarge):
		return verdict{code: BadUsage}
	case errors.Is(err, warrener.ErrAccessRefused):
		return verdict{AccessRefused, "Check user, password and virtual host in the broker's address, and what the user may do."}
	case errors.Is(err, warrener.ErrUnknownOutcome):
		return verdict{NotAccepted, "The task may exist or not: publish it again with the same --id."}
	case errors.Is(err, warrener.ErrRejected):
		return verdict{NotAccepted, "The queue is most likely full: publish again later."}
	case errors.Is(err, warrener.ErrBlocked):
		return verdict{NotAccepted, "RabbitMQ is short of memory or disk: publish again when its alarm is over."}
	case errors.Is(err, ErrInterrupted): // who waits for a broker no longer is no news of the broker
		return verdict{code: Failed}
	case errors.Is(err, warrener.ErrUnavailable):
		return verdict{Unavailable, "Is RabbitMQ running? Give its address by --url or WARRENER_URL."}
	}
	return verdict{code: Failed}
}

// Code is the exit code that err stands for.
func Code(err error) int { return judge(err).code }

// Advice is what the reader of err can do about it; "" when err says so itself.
func Advice(err error) string { return judge(err).advice }

// Report prints err for the user of the program and returns the exit code.
func Report(stderr io.Writer, program string, err error) int {
	v := judge(err)
	if err == nil {
		return v.code
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ") // errors.Join puts each on a line
	if v.advice != "" {
		text += ". " + v.advice
	}
	fmt.Fprintf(stderr, "%s: %s\n", program, text)
	return v.code
}
