// Package bench measures what a task costs through the SDK, and what the same work costs on the bare client library, in turn
// and in the same run: a machine is busier in one minute than in the next, so that only what was measured in the same round is
// compared.
//
// A workload is a kind of work, such as publishing or draining a queue. Each round does the work once on each side, in an order
// that changes from round to round, and counts what has come back: a round that lost a task is an error, not a figure. The
// bare side does what a program without Warrener would do: it publishes the same messages, mandatory and persistent, with 1000
// confirms outstanding, decodes the same JSON in as many goroutines, and acks each delivery by itself.
package bench
