// Package callback is a handler that calls an HTTP endpoint for each task.
//
// The payload is the body of a POST, with the task's content type, and the facts of the task are headers:
//
//	Warrener-Task-Id       the same for all attempts
//	Idempotency-Key        likewise, under the name that HTTP services know
//	Warrener-Task-Name
//	Warrener-Queue
//	Warrener-Attempt       the first is 1
//	traceparent, tracestate
//
// The status of the answer says what becomes of the task:
//
//   - 2xx: done, as soon as the status is there; nobody waits for the body.
//   - 408, 425, 429 and 5xx: another attempt, as for an endpoint that cannot be reached or does not answer in time.
//     Retry-After, in seconds or as a date, chooses the wait, up to [MaxRetryAfter].
//   - 3xx: permanent. A redirect would carry the payload to where the operator never sent it.
//   - anything else: permanent.
//
// The beginning of the answer goes with the error.
//
// The endpoint's URL is the operator's, who may choose any, private addresses included; nothing in a task changes where
// its payload goes. No proxy is taken from the environment. A user and password in the URL become basic
// authentication. As many URLs carry a secret in their path or query instead, neither errors nor logs show more of it
// than its scheme and host.
package callback
