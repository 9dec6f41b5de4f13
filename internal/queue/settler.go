package queue

import (
	"sync"
	"time"
)

// When settlements are sent. Acks are gathered, since an ack for each delivery costs the broker and us half of what a
// no-op task costs; a crash redelivers at most what was gathered. One that an unfinished older delivery holds back is not
// held for long, or one long task would fill the prefetch window with finished ones.
const (
	ackBatch = 50
	ackTick  = time.Millisecond
	ackHeld  = 5 * time.Millisecond
)

// verb is one of AMQP's three ways to settle.
type verb uint8

const (
	ack       verb = iota
	giveBack       // nack with requeue: RabbitMQ 4.3 does not count it toward the delivery limit
	countBack      // reject with requeue: every version counts it
)

// acker is what a settler needs of a channel.
type acker interface {
	IsClosed() bool
	Ack(tag uint64, multiple bool) error
	Nack(tag uint64, multiple, requeue bool) error
	Reject(tag uint64, requeue bool) error
}

// settler sends the settlements of one channel, from one goroutine and so in an order that is safe: what goes back to the
// queue is sent before an ack of several could cover it.
type settler struct {
	ch   acker
	wake chan struct{} // something is to be settled
	full chan struct{} // a batch is to be settled

	mu          sync.Mutex
	outstanding list         // delivered and not settled, oldest first
	finished    []settlement // settled by their tasks, not sent yet
	ended       bool         // the channel is gone, or closed by us: nothing can be settled any more
	retired     bool         // nothing more will be delivered
}

// settlement is how one delivery is to be settled.
type settlement struct {
	tag  uint64
	verb verb
	at   time.Time
}

func newSettler(ch acker) *settler {
	return &settler{ch: ch, wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// delivered notes a delivery that will have to be settled. Deliveries come in the order of their tags.
func (s *settler) delivered(d *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding.push(d)
}

// settle takes one delivery's settlement; ErrStale when its channel has ended.
func (s *settler) settle(d *Delivery, v verb) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ch.IsClosed() {
		return ErrStale
	}
	if !s.outstanding.remove(d) {
		return errSettledTwice
	}
	s.finished = append(s.finished, settlement{tag: d.tag, verb: v, at: time.Now()})
	signal(s.wake)
	if len(s.finished) >= ackBatch {
		signal(s.full)
	}
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *settler) live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && !s.ch.IsClosed()
}

// idle says that nothing waits to be settled.
func (s *settler) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outstanding.empty()
}

// retire says that nothing more will be delivered; what is outstanding can still be settled.
func (s *settler) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	signal(s.wake)
}

// complete says that the channel is of no more use.
func (s *settler) complete() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retired && s.outstanding.empty() && len(s.finished) == 0
}

// end refuses all further settlements.
func (s *settler) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// run sends settlements until the channel is of no more use: after quit, when everything has been sent; after retire, when
// all is settled; when the session is gone; or when sending fails, which it returns: the broker redelivers what it was not
// told of.
func (s *settler) run(quit, gone <-chan struct{}) error {
	defer s.end()
	timer := time.NewTimer(ackTick)
	defer timer.Stop()
	var more bool
	var err error
	for !s.complete() {
		if !more {
			select {
			case <-s.wake:
			case <-quit:
				return s.last()
			case <-gone:
				return nil
			}
		}
		timer.Reset(ackTick)
		select {
		case <-timer.C:
		case <-s.full:
		case <-quit:
			return s.last()
		case <-gone:
			return nil
		}
		if more, err = s.flush(false); err != nil {
			return err
		}
	}
	return nil
}

// last sends all that was taken, and takes no more.
func (s *settler) last() error {
	s.end() // first, so that nothing is taken that will not be sent
	_, err := s.flush(true)
	return err
}

// flush sends what can be sent; more says that something is still held back. With all nothing is.
func (s *settler) flush(all bool) (more bool, err error) {
	s.mu.Lock()
	frames, held := plan(s.finished, s.outstanding.oldest(), time.Now(), all)
	s.finished = held
	s.mu.Unlock()
	for _, f := range frames {
		if err := f.send(s.ch); err != nil {
			return false, err
		}
	}
	return len(held) > 0, nil
}

// frame is one settlement on the wire.
type frame struct {
	tag      uint64
	verb     verb
	multiple bool
}

func (f frame) send(ch acker) error {
	switch f.verb {
	case giveBack:
		return ch.Nack(f.tag, f.multiple, requeue)
	case countBack:
		return ch.Reject(f.tag, requeue)
	default:
		return ch.Ack(f.tag, f.multiple)
	}
}

// plan decides what is sent now. What goes back to the queue goes first and one by one. Acks below the low watermark, which
// is the oldest unfinished delivery (0: none), go as one frame. Acks above it wait for the watermark, but not for long.
func plan(finished []settlement, watermark uint64, now time.Time, all bool) (frames []frame, held []settlement) {
	var below frame
	count := 0
	for _, f := range finished {
		switch {
		case f.verb != ack:
			frames = append(frames, frame{tag: f.tag, verb: f.verb})
		case watermark == 0 || f.tag < watermark:
			below.tag = max(below.tag, f.tag)
			count++
		}
	}
	if count > 0 {
		below.multiple = count > 1
		frames = append(frames, below)
	}
	for _, f := range finished {
		switch {
		case f.verb != ack || watermark == 0 || f.tag < watermark:
		case all || now.Sub(f.at) >= ackHeld:
			frames = append(frames, frame{tag: f.tag})
		default:
			held = append(held, f)
		}
	}
	return frames, held
}
