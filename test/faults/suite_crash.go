package faults

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// crashPoint is a moment on a task's way at which a process is killed.
type crashPoint struct {
	name   string
	worker bool // which process
	Point
}

// crashPoints are on the path of publishing, consuming, trying again and settling. A worker publishes only what is tried again
// or dead.
func crashPoints() []crashPoint {
	publish, confirm := Point{Method: Publish}, Point{FromBroker: true, Method: Ack}
	deliver, ack := Point{FromBroker: true, Method: Deliver}, Point{Method: Ack}
	var all []crashPoint
	for _, p := range []crashPoint{
		{"publish sent", false, publish}, {"publish confirmed", false, confirm},
		{"task delivered", true, deliver}, {"task acked", true, ack},
		{"retry or dead letter published", true, publish}, {"retry or dead letter confirmed", true, confirm},
	} {
		before, after, later := p, p, p
		before.name, after.name, later.name = "before "+p.name, "after "+p.name, "after more than one "+p.name
		after.After, later.After = true, true
		later.Nth = 3
		all = append(all, before, after, later)
	}
	return all
}

// F9: a process is killed at a named point, each in its turn.
func crashSuite() []*Scenario {
	s := &Scenario{
		Suite: "F9", Name: "crash-points", Rows: []int{1, 8, 9}, Brief: true,
		Does:    fmt.Sprintf("kill -9 at each of %d points in publishing, consuming, trying again and settling", len(crashPoints())),
		Workers: 2, Concurrency: 4, Hold: time.Millisecond, Producers: 1, Callers: 4, Rate: 100, Shaky: 4, Poison: 0, Proxy: true,
		Faults: [3]int{1, 1, 20}, // times through all points
	}
	s.Inject = func(ctx context.Context, w *World, rounds int) error {
		for range rounds {
			for _, p := range crashPoints() {
				if err := w.crashAt(ctx, p); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return []*Scenario{s}
}

// crashAt kills the process that comes to a point. The connection waits there until the process is dead.
func (w *World) crashAt(ctx context.Context, p crashPoint) error {
	proxy, agents := w.produceProxy, w.producers
	if p.worker {
		proxy, agents = w.workProxy, w.workers
	}
	before := w.account.Sum()
	p.Nth = max(1, p.Nth)
	hit, leave := proxy.At(p.Point, Tell)
	select {
	case <-hit:
	case <-time.After(20 * time.Second):
		leave()
		return fmt.Errorf("nothing came to the point %q", p.name)
	}
	w.Fault("killed "+p.name, w.inHands()+w.inPublishing())
	since := time.Now()
	for _, a := range agents { // which of them it is the proxy does not know
		if _, _, err := a.signal(syscall.SIGKILL); err != nil {
			leave()
			return err
		}
	}
	leave()
	if err := w.Recovered(ctx, since); err != nil {
		return err
	}
	after := w.account.Sum()
	w.result.Notes = append(w.result.Notes, fmt.Sprintf("%s: %d done twice", p.name, after.Duplicates-before.Duplicates))
	return nil
}
