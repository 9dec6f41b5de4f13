// Package tasks is the model of a task: how it stands on the wire, what a worker reads there, and what follows an
// attempt. It knows no transport, opens nothing and starts nothing.
//
// # Message and task
//
// A Message is what AMQP carries: properties, headers, a body. Encode makes one of a Task, Decode reads one. The body
// is the payload and nothing else; the id, the name and the time are properties that every AMQP client knows; so a
// plain task has no headers at all, and any program can publish one. What a publisher states beyond that (attempts,
// a timeout, an expiry) goes into headers that begin with warrener-, whose values must be right: a task of which half
// is understood is not run. All other headers are the user's and may be anything.
//
// Encode holds a task against the limits before anything is sent, as a message that is too large would cost the
// connection that others publish on. Decode holds it against them again, since not everybody publishes with Encode.
// What Decode refuses is a *MalformedError.
//
// # Attempts
//
// A handler's error says what it wants by its kind: Permanent, Malformed and ErrUnknownTask end the task, RetryAfter
// chooses the wait, any other error is tried again with backoff until the attempts are used up. Decide turns task,
// error and policy into an Outcome, and is the only place where that is decided.
//
//	nil                          Ack
//	no further attempt is of use DeadLetter, and why
//	attempts left                Retry, after a delay
//	none left                    DeadLetter, exhausted
//
// Next makes the message of the next attempt and Dead the dead letter. Both start from the message as it was received
// rather than from the task, so that headers of later versions and other programs travel untouched. Only what the
// broker wrote is taken off: some of it would be obeyed if it were published again.
package tasks
