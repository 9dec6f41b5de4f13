// Package warrener runs tasks on RabbitMQ: programs publish them, workers run them.
//
// # The model
//
// A task is a name, a payload and a few wishes: which queue, how soon, how often to try. One declaration serves both
// sides, the program that publishes and the worker that runs:
//
//	var SendEmail = warrener.Define[Email]("email.send", warrener.OnQueue("emails"))
//
// Publishing returns when the broker has confirmed that the task is stored, and tells when it could not be:
//
//	id, err := SendEmail.Publish(ctx, client, Email{To: "ann@example.com"}, warrener.Delay(time.Minute))
//
// A worker takes deliveries from its queues and gives each to a [Handler], as net/http gives requests to one:
//
//	mux := warrener.NewMux()
//	mux.Handle(SendEmail.Handler(sendEmail)) // func sendEmail(ctx context.Context, e Email) error
//
// [Worker.Run] is the only way to run a worker, and cancelling its context the only way to stop one: it takes nothing
// new, lets the running handlers end, gives back what was not started, and returns nil.
//
// # What a handler's error means
//
//   - nil: done. The delivery is acknowledged.
//   - [Permanent]: no attempt will ever succeed. The task goes to the dead-letter queue, with the reason and the error.
//   - [RetryAfter]: try again after this long.
//   - [Malformed]: the payload cannot be understood. Dead-lettered, its bytes untouched.
//   - any other error, or a panic: try again after a backoff, until the attempts are used up; then dead-lettered.
//
// # What is promised
//
// A task that Publish accepted runs at least once, or rests in a dead-letter queue with its reason. At least once is not
// exactly once: after a lost connection or a killed worker a task runs again. So a handler does its work in a way that
// can be repeated, and [Delivery.ID] is the key to recognise a repetition by: it stays the same over all attempts.
// Typed handlers find it with [DeliveryFrom].
//
// # The words
//
//   - publish: hand a task to the broker. A confirm is the broker's word that it is stored; a returned message is one
//     that no queue took, see [ErrUnroutable].
//   - queue: where tasks wait. Client and worker declare the queues that they are configured with; a task goes to
//     [DefaultQueue] unless it names another.
//   - delivery: a task as a worker received it, a [Delivery].
//   - attempt: one run of a task. The first is 1.
//   - backoff: the wait before the next attempt, see [Backoff]. Delays and backoffs pass in the broker, so no worker has
//     to live that long.
//   - settle: end a delivery, by one of: ack (done), retry (publish the next attempt, then ack), dead-letter, or requeue
//     (give back what was not started).
//   - dead-letter queue: where failed tasks of queue Q wait for a person, named Q.dead.
//   - prefetch: how many unsettled deliveries a worker may hold.
//   - drain: let the running handlers end.
//
// # Other languages
//
// A task is a plain AMQP message: its type is the task's name, its body the payload. Any AMQP client publishes one, and
// what is no task of ours at all runs in the handler given to [Mux.Default].
package warrener
