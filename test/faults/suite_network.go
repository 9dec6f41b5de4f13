package faults

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// cutPoints are where connections are cut: before and after each kind of frame that says where a task is.
func cutPoints() []Point {
	var all []Point
	for _, at := range []Point{
		{Method: Publish}, {FromBroker: true, Method: Ack}, {FromBroker: true, Method: Deliver}, {Method: Ack},
	} {
		before, after := at, at
		after.After = true
		all = append(all, before, after)
	}
	return all
}

func (p Point) String() string {
	names := map[Method]string{Publish: "publish", Return: "return", Deliver: "delivery", Ack: "ack", Nack: "nack"}
	name := names[p.Method]
	if p.FromBroker && p.Method == Ack {
		name = "confirm"
	}
	if p.After {
		return "after a " + name
	}
	return "before a " + name
}

// F4: the network cuts, hangs, delays and drops.
func networkSuite() []*Scenario {
	usual := Scenario{
		Suite: "F4", Workers: 2, Concurrency: 8, Hold: 2 * time.Millisecond, Producers: 1, Callers: 8, Rate: 300, Shaky: 10, Proxy: true,
	}
	cut, dropped, hung, slow, returned := usual, usual, usual, usual, usual
	cut.Name, cut.Rows, cut.Brief = "cut", []int{2, 8, 9}, true
	cut.Does = "the connection is cut before or after a publish, a confirm, a delivery or an ack"
	cut.Faults, cut.Recovery = [3]int{16, 100, 2000}, 2*time.Second
	cut.Inject = func(ctx context.Context, w *World, faults int) error {
		points := cutPoints()
		for i := range faults {
			if err := w.cutAt(ctx, points[i%len(points)], Cut); err != nil {
				return err
			}
		}
		return nil
	}
	dropped.Name, dropped.Rows, dropped.Does = "dropped", []int{9, 31}, "an ack or a confirm is lost, and a second later the connection"
	dropped.Faults = [3]int{0, 20, 400}
	dropped.Inject = func(ctx context.Context, w *World, faults int) error {
		points := []Point{{Method: Ack}, {FromBroker: true, Method: Ack}}
		for i := range faults {
			if err := w.cutAt(ctx, points[i%len(points)], Drop); err != nil {
				return err
			}
		}
		return nil
	}
	hung.Name, hung.Rows, hung.Does = "half-open", []int{6}, "nothing passes any more, in either direction, and nothing is closed"
	hung.Faults, hung.Recovery = [3]int{0, 1, 20}, 30*time.Second
	hung.Inject = hangs
	slow.Name, slow.Does, slow.Rows = "latency", "200 ms more in each direction", []int{4}
	slow.Faults = [3]int{0, 1, 10}
	slow.Inject = slows
	returned.Name, returned.Does, returned.Rows = "returned", "tasks have no way to their queue for a time, and the connection is cut at a return", []int{3}
	returned.Faults = [3]int{0, 4, 100}
	returned.Inject = unroutes
	return []*Scenario{&cut, &dropped, &hung, &slow, &returned}
}

// cutAt does something to one connection at a point, and waits until all work again.
func (w *World) cutAt(ctx context.Context, at Point, do Do) error {
	at.Nth = 1 + w.rng.IntN(20)
	proxy := w.workProxy
	if at.Method == Publish || at.FromBroker && at.Method == Ack {
		if w.rng.IntN(2) == 0 { // else it is the worker's, of a retry
			proxy = w.produceProxy
		} else {
			at.Nth = 1
		}
	}
	hit, _ := proxy.At(at, do)
	select {
	case <-hit:
	case <-time.After(20 * time.Second):
		return fmt.Errorf("nothing came to the point %s number %d", at, at.Nth)
	case <-ctx.Done():
		return ctx.Err()
	}
	since := w.Fault("connection ends "+at.String(), w.inHandsOfOne()+w.inPublishing())
	return w.Recovered(ctx, since)
}

func hangs(ctx context.Context, w *World, faults int) error {
	for range faults {
		if err := w.Pause(ctx, time.Second); err != nil {
			return err
		}
		w.Fault("half-open", w.inHands()+w.inPublishing())
		since := time.Now()
		w.workProxy.HangAll()
		w.produceProxy.HangAll()
		if err := w.Pause(ctx, time.Second); err != nil { // what was begun before does not count
			return err
		}
		if _, err := w.allBegin(ctx, since.Add(time.Second), time.Minute); err != nil {
			return err
		}
		if err := w.Recovered(ctx, since.Add(time.Second)); err != nil {
			return err
		}
	}
	return nil
}

func slows(ctx context.Context, w *World, faults int) error {
	for range faults {
		w.Fault("latency", 0)
		w.workProxy.SetLatency(200 * time.Millisecond)
		w.produceProxy.SetLatency(200 * time.Millisecond)
		if err := w.Pause(ctx, 10*time.Second); err != nil {
			return err
		}
		w.workProxy.SetLatency(0)
		w.produceProxy.SetLatency(0)
		if err := w.Recovered(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// unroutes takes the queue's binding away for a time: what is published meanwhile is returned.
func unroutes(ctx context.Context, w *World, faults int) error {
	for i := range faults {
		if err := w.Pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
		hit, _ := w.produceProxy.At(Point{FromBroker: true, Method: Return, Nth: 1 + w.rng.IntN(5), After: i%2 == 1}, Cut)
		err := w.withChannel(func(ch *amqp.Channel) error { return ch.QueueUnbind(queue, queue, "warrener.work", nil) })
		if err != nil {
			return err
		}
		w.Fault("no binding", w.inHands()+w.inPublishing())
		select {
		case <-hit:
		case <-time.After(20 * time.Second):
			return fmt.Errorf("nothing was returned")
		}
		err = w.withChannel(func(ch *amqp.Channel) error { return ch.QueueBind(queue, queue, "warrener.work", false, nil) })
		if err != nil {
			return err
		}
		if err := w.Recovered(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
