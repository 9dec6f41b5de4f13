package queue

import (
	"sync"
	"time"
)

// When settlements are sent. Acks are gathered, since an ack for each delivery costs the broker and us half of what a
// no-op task costs; a crash redelivers at most what was gathered. Those that an unfinished older delivery holds back are not
// held for long, and not at all when it is known to hold back others: one long task would fill the prefetch with finished ones.
const (
	ackBatch = 50
	ackTick  = time.Millisecond
	ackHeld  = 5 * time.Millisecond
)

// jam is how many acks have to go one by one, because of the same unfinished delivery, until its channel should be left to it.
const jam = 1000

// What a quorum queue has not applied yet. Beyond 32 commands on their way (quorum_commands_soft_limit) RabbitMQ's channel keeps
// further settlements to itself until the queue has applied some, and forgets them when it is closed meanwhile: their tasks
// would run twice. AMQP has no confirm for a settlement. So a channel is not closed sooner than calm after the broker has
// received the end of a burst: some rounds of Raft on a slow disk.
const (
	burst  = 24
	calm   = 250 * time.Millisecond
	recent = 2 * time.Second // a burst further back has long been received
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
	ch     acker
	each   bool          // no batches
	wake   chan struct{} // something is to be settled
	full   chan struct{} // a batch is to be settled
	jammed chan struct{} // a delivery holds up the acks of many

	mu          sync.Mutex
	outstanding list         // delivered and not settled, oldest first
	finished    []settlement // settled by their tasks, not sent yet
	fresh       int          // those of them that have come since it was last looked which to send
	ended       bool         // the channel is gone, or closed by us: nothing can be settled any more
	retired     bool         // nothing more will be delivered

	// Of run's goroutine.
	sent     int       // frames since the channel was calm
	lastSent time.Time // the last of them
	blocker  uint64    // the unfinished delivery because of which acks last went one by one
	passed   int       // how many went past it so
	frames   []frame   // what was sent last, for its memory
}

// settlement is how one delivery is to be settled.
type settlement struct {
	tag  uint64
	verb verb
	at   time.Time
}

func newSettler(ch acker, each bool) *settler {
	signals := func() chan struct{} { return make(chan struct{}, 1) }
	return &settler{ch: ch, each: each, wake: signals(), full: signals(), jammed: signals()}
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
	if s.fresh++; s.fresh == ackBatch {
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
		if !s.each {
			timer.Reset(ackTick)
			select {
			case <-timer.C:
			case <-s.full:
			case <-quit:
				return s.last()
			case <-gone:
				return nil
			}
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
	frames, more := s.due(all)
	s.note(len(frames))
	for _, f := range frames {
		if err := f.send(s.ch); err != nil {
			return false, err
		}
	}
	return more, nil
}

// due takes out what is to be sent now.
func (s *settler) due(all bool) (frames []frame, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = 0
	if s.each {
		s.frames, s.finished = single(s.frames[:0], s.finished), s.finished[:0]
		return s.frames, false
	}
	watermark := s.outstanding.oldest()
	patience := ackHeld
	if all || watermark > 0 && watermark == s.blocker {
		patience = 0
	}
	s.frames, s.finished = plan(s.frames[:0], s.finished, watermark, time.Now().Add(-patience))
	s.watch(watermark, s.frames)
	return s.frames, len(s.finished) > 0
}

// watch counts the acks that pass one unfinished delivery, and tells when they are many.
func (s *settler) watch(watermark uint64, frames []frame) {
	if watermark == 0 {
		return
	}
	for _, f := range frames {
		if f.verb != ack || f.tag < watermark {
			continue
		}
		if s.blocker != watermark {
			s.blocker, s.passed = watermark, 0
		}
		if s.passed++; s.passed%jam == 0 {
			signal(s.jammed)
		}
	}
}

// note counts the frames of a burst.
func (s *settler) note(frames int) {
	if frames == 0 {
		return
	}
	now := time.Now()
	if now.Sub(s.lastSent) >= calm {
		s.sent = 0
	}
	s.sent, s.lastSent = s.sent+frames, now
}

// bursting says, after run has ended, that what was sent last may not have taken effect.
func (s *settler) bursting() bool { return s.sent > burst && time.Since(s.lastSent) < recent }

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

// single settles each by itself, in the order of their ends.
func single(frames []frame, finished []settlement) []frame {
	for _, f := range finished {
		frames = append(frames, frame{tag: f.tag, verb: f.verb})
	}
	return frames
}

// plan decides what is sent now, and appends it to frames. What goes back to the queue goes first and one by one. Acks below
// the low watermark, which is the oldest unfinished delivery (0: none), go as one frame. Acks above it are held, in the memory
// of finished, unless they are of a time before since.
func plan(frames []frame, finished []settlement, watermark uint64, since time.Time) (_ []frame, held []settlement) {
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
	held = finished[:0]
	for _, f := range finished {
		switch {
		case f.verb != ack || watermark == 0 || f.tag < watermark:
		case !f.at.After(since):
			frames = append(frames, frame{tag: f.tag})
		default:
			held = append(held, f)
		}
	}
	return frames, held
}
