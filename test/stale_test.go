package test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// Delivery tags begin at 1 again on a new connection. An acknowledgement that was meant for the old one would settle
// another task, which then is lost when its worker ends.
func TestLateAckSettlesNothing(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	started := make(chan chan struct{}, 2)
	settled := make(chan warrener.Settlement, 2)
	var lost atomic.Bool
	stop := serve(t, warrener.WorkerConfig{
		URL: url, Queues: queues("q"), Concurrency: 2, DrainTimeout: 100 * time.Millisecond,
		Handler: warrener.HandlerFunc(func(ctx context.Context, _ *warrener.Delivery) error {
			finish := make(chan struct{})
			started <- finish
			select {
			case <-finish:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}),
		Hooks: warrener.Hooks{
			Settled:        func(_ warrener.TaskInfo, s warrener.Settlement) { settled <- s },
			ConnectionDown: func(r warrener.Role, _ error) { lost.CompareAndSwap(false, r == warrener.RoleConsume) },
		},
	})
	id := publish(t, client, warrener.Task{Name: "long", Queue: "q"})
	early := await(t, started, "the first attempt")
	closeConnections(t, url, func() (bool, string) {
		return lost.Load(), "the worker's connection is not closed"
	})
	await(t, started, "the second attempt") // the broker delivered it again, with the tag that it had before
	close(early)
	if s := await(t, settled, "the late settlement"); s.Outcome != warrener.Lost && s.Outcome != warrener.Stale {
		t.Errorf("the late settlement counts as %s", s.Outcome)
	}
	<-time.After(100 * time.Millisecond) // acks are gathered for some milliseconds
	if n := len(ids(t, connect(t, url), "q")); n != 0 {
		t.Fatalf("%d messages ready, though a worker has it", n)
	}
	stop()
	if s := await(t, settled, "the interrupted attempt"); s.Outcome == warrener.Acked {
		t.Errorf("the interrupted attempt counts as %s", s.Outcome)
	}
	conn := connect(t, url)
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		found := ids(t, conn, "q")
		return found[id] == 1, fmt.Sprintf("the task that no one has finished is not there: %v", found)
	})
}
