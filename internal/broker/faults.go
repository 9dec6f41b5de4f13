package broker

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is something that goes wrong once, at a chosen frame.
type Fault struct {
	Connection func(ConnectionInfo) bool // on which it may happen; nil: on any
	Frame      string                    // a method's name, such as "basic.publish"; "confirm.ack" is what the broker confirms with
	N          int                       // the n-th such frame from now on; 1 is the next
	Do         Effect
	For        time.Duration // Delay
}

// Effect is what goes wrong.
type Effect int

// The effects. A frame of a client takes effect when the broker acts on it, with its content if it has one; a frame of the broker when
// it has been written.
const (
	CutBefore Effect = iota // the connection is cut, and the frame has no effect
	CutAfter                // the frame takes effect, then the connection is cut
	Delay                   // of the broker's: a confirm comes late, by itself; of any other frame, all that follows comes late too
	Nack                    // a confirm says nack, although the message was taken
)

func (e Effect) String() string { return [...]string{"cut before", "cut after", "delay", "nack"}[e] }

// confirmation is the name of the frames that confirm a message.
const confirmation = "confirm.ack"

// faults are those that have not happened yet.
type faults struct {
	armed atomic.Int32

	mu      sync.Mutex
	waiting []*Fault
}

// Inject has a fault happen.
func (b *Broker) Inject(f Fault) {
	b.faults.mu.Lock()
	defer b.faults.mu.Unlock()
	b.faults.waiting = append(b.faults.waiting, &f)
	b.faults.armed.Add(1)
}

func (f *faults) none() bool { return f.armed.Load() == 0 }

// strikes counts a frame, and returns the fault that it meets; nil when it meets none.
func (f *faults) strikes(frame string, info ConnectionInfo) *Fault {
	if f.none() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var struck *Fault
	for _, fault := range f.waiting {
		if fault.Frame != frame || fault.Connection != nil && !fault.Connection(info) {
			continue
		}
		fault.N--
		if fault.N <= 0 && struck == nil {
			struck = fault
		}
	}
	if struck != nil {
		f.waiting = slices.DeleteFunc(f.waiting, func(fault *Fault) bool { return fault == struck })
		f.armed.Add(-1)
	}
	return struck
}

func (f *faults) confirm(info ConnectionInfo) *Fault { return f.strikes(confirmation, info) }

// fault counts a client's frame. It cuts the connection, or marks it to be cut once the frame has taken effect.
func (c *connection) fault(frame string) (err error, cut bool) {
	f := c.broker.faults.strikes(frame, c.information())
	switch {
	case f == nil:
		return nil, false
	case f.Do == CutBefore:
		c.cut()
		return errCut, true
	case f.Do == CutAfter:
		c.doomed = true
	}
	return nil, false
}

// strike counts a frame of the broker's and sends it as the fault it meets will have it.
func (c *connection) strike(frame string, send func()) {
	f := c.broker.faults.strikes(frame, c.information())
	switch {
	case f == nil || f.Do == Nack:
		send()
	case f.Do == CutBefore:
		c.cut()
	case f.Do == CutAfter:
		send()
		c.out.hangUp()
	case f.Do == Delay:
		c.out.hold(f.For)
		send()
	}
}

// Stop ends the broker as kill -9 does: connections are cut, and nobody can connect until Start. What is durable is kept.
func (b *Broker) Stop() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.Cut(everyone)
	b.serving.Wait()
	for _, v := range b.vhosts {
		v.Restart()
	}
}

// Start lets clients connect again after Stop.
func (b *Broker) Start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = false
}
