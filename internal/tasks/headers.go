package tasks

import "strings"

// Our own headers. All are optional, and a plain task has none.
const (
	// headerAttempt counts the attempts, this one included; the first is 1 and does not say so.
	headerAttempt = "warrener-attempt"
	// headerMaxAttempts is how many attempts the task gets, if its publisher said so.
	headerMaxAttempts = "warrener-max-attempts"
	// headerTimeout is how long one attempt may take, in milliseconds.
	headerTimeout = "warrener-timeout-ms"
	// headerBackoff is the wait before the next attempt, such as "1s..1h".
	headerBackoff = "warrener-backoff"
	// headerExpiresAt is when the task is no longer worth running.
	headerExpiresAt = "warrener-expires-at"
	// headerNotBefore is when a delayed attempt is due.
	headerNotBefore = "warrener-not-before"
	// headerPublishedAt is when this attempt was published, if it is not the first.
	headerPublishedAt = "warrener-published-at"
	// headerQueue names the work queue, for whoever finds the task elsewhere: in a delay level, unrouted, dead.
	headerQueue = "warrener-queue"

	// headerTraceParent and headerTraceState are those of W3C Trace Context.
	headerTraceParent = "traceparent"
	headerTraceState  = "tracestate"

	// headerReason says on a dead letter why it is one.
	headerReason = "warrener-reason"
	// headerError is the last error, as text.
	headerError = "warrener-error"
	// headerWorker names the worker that gave up.
	headerWorker = "warrener-worker"
	// headerDiedAt is when that was.
	headerDiedAt = "warrener-died-at"

	// headerDeliveryCount is written by a quorum queue: how often the task came back to it unsettled.
	headerDeliveryCount = "x-delivery-count"
)

// ownPrefix is reserved: other packages and later versions may add headers that begin so.
const ownPrefix = "warrener-"

// brokerHeader reports whether the broker writes this header, or obeys it. None may be published again: RabbitMQ
// before 4.0 takes x-death for its own and drops a task that seems to run in a circle; CC and BCC would route copies.
func brokerHeader(name string) bool {
	switch name {
	case "CC", "BCC", "x-death", headerDeliveryCount, "x-acquired-count", "x-stream-offset":
		return true
	}
	return strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-") || strings.HasPrefix(name, "x-opt-")
}

// deadHeader reports whether the header belongs to a dead letter.
func deadHeader(name string) bool {
	switch name {
	case headerReason, headerError, headerWorker, headerDiedAt:
		return true
	}
	return false
}
