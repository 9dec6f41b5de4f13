package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var errUnknownTag = errors.New("PRECONDITION_FAILED - unknown delivery tag")

// fakeChannel settles as RabbitMQ does: several at once means all that are outstanding up to the tag, and a tag that is not
// outstanding closes the channel.
type fakeChannel struct {
	mu          sync.Mutex
	closed      bool
	outstanding []uint64 // in order
	settled     map[uint64]settlement
	frames      int
}

func newFakeChannel(tags ...uint64) *fakeChannel {
	return &fakeChannel{outstanding: tags, settled: map[uint64]settlement{}}
}

func (c *fakeChannel) deliver(tag uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outstanding = append(c.outstanding, tag)
}

func (c *fakeChannel) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *fakeChannel) counts() (settled, frames int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.settled), c.frames
}

func (c *fakeChannel) IsClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *fakeChannel) Ack(tag uint64, multiple bool) error { return c.settle(tag, ack, multiple) }

func (c *fakeChannel) Nack(tag uint64, multiple, requeue bool) error {
	if !requeue {
		return errors.New("nack without requeue loses the task")
	}
	return c.settle(tag, giveBack, multiple)
}

func (c *fakeChannel) Reject(tag uint64, requeue bool) error {
	if !requeue {
		return errors.New("reject without requeue loses the task")
	}
	return c.settle(tag, countBack, false)
}

func (c *fakeChannel) settle(tag uint64, v verb, multiple bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames++
	if c.closed {
		return amqp.ErrClosed
	}
	var rest []uint64
	known := false
	for _, o := range c.outstanding {
		known = known || o == tag
		if o == tag || multiple && o < tag {
			c.settled[o] = settlement{o, v, time.Now()}
		} else {
			rest = append(rest, o)
		}
	}
	if !known {
		c.closed = true
		return fmt.Errorf("%w %d", errUnknownTag, tag)
	}
	c.outstanding = rest
	return nil
}

// schedule is a random life of a channel in virtual time.
type schedule struct {
	*rand.Rand
	ch      *fakeChannel
	settler *settler

	mu    sync.Mutex
	asked map[uint64]settlement // settlements that were taken
	tasks sync.WaitGroup
}

// deliver hands out n deliveries in bursts, to tasks most of which are short.
func (s *schedule) deliver(n int) {
	for tag := range uint64(n) {
		d := &Delivery{tag: tag + 1, settler: s.settler}
		s.ch.deliver(d.tag)
		s.settler.delivered(d)
		took := time.Duration(s.IntN(3000)) * time.Microsecond
		if s.IntN(20) == 0 {
			took *= 50
		}
		v := ack
		if s.IntN(10) == 0 {
			v = verb(s.IntN(3))
		}
		s.tasks.Add(1)
		time.AfterFunc(took, func() { s.finish(d, v) })
		if s.IntN(10) == 0 {
			pause(time.Duration(s.IntN(4000)) * time.Microsecond)
		}
	}
}

func (s *schedule) finish(d *Delivery, v verb) {
	defer s.tasks.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	settle := [...]func() error{ack: d.Ack, giveBack: d.Requeue, countBack: d.Reject}[v]
	if settle() == nil {
		s.asked[d.tag] = settlement{d.tag, v, time.Now()}
	}
}

// pause lets virtual time go by.
func pause(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // only called in a bubble, where it takes no time
}

// check holds what was sent against what was asked for.
func (s *schedule) check(t *testing.T) {
	t.Helper()
	if len(s.ch.settled) != len(s.asked) {
		t.Errorf("%d deliveries settled at the broker, %d asked for", len(s.ch.settled), len(s.asked))
	}
	for tag, asked := range s.asked {
		sent, ok := s.ch.settled[tag]
		if !ok || sent.verb != asked.verb {
			t.Errorf("tag %d: sent %v (%t), asked for %v", tag, sent.verb, ok, asked.verb)
		}
		if wait := sent.at.Sub(asked.at); wait > s.bound(asked) {
			t.Errorf("tag %d, verb %v: sent after %v, want %v at most", tag, asked.verb, wait, s.bound(asked))
		}
	}
}

// bound is how long a settlement may wait: a tick when nothing older is unfinished, else a little longer.
func (s *schedule) bound(asked settlement) time.Duration {
	if asked.verb != ack {
		return ackTick
	}
	for tag := range asked.tag {
		if older, ok := s.asked[tag]; tag > 0 && (!ok || older.at.After(asked.at)) {
			return ackHeld + ackTick
		}
	}
	return ackTick
}

// Each delivery ends with the verb asked for and never with another's, in time, whatever ends the channel.
func TestSettlerUnderRandomSchedules(t *testing.T) {
	t.Parallel()
	for seed := uint64(0); seed < 300 && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := &schedule{
				Rand: rand.New(rand.NewPCG(seed, 0)), ch: newFakeChannel(), asked: map[uint64]settlement{},
			}
			s.settler = newSettler(s.ch, false)
			quit := make(chan struct{})
			ran := make(chan error, 1)
			go func() { ran <- s.settler.run(quit, nil) }()
			s.deliver(1 + s.IntN(400))
			if s.IntN(2) == 0 {
				s.tasks.Wait()
				s.settler.retire()
			} else {
				close(quit)
			}
			if err := <-ran; err != nil {
				t.Error(err)
			}
			s.tasks.Wait()
			s.check(t)
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
}

// started runs a settler with n deliveries in a bubble.
func started(n int) (ch *fakeChannel, ds []*Delivery, quit chan struct{}, ran chan error) {
	ch = newFakeChannel()
	s := newSettler(ch, false)
	for tag := range uint64(n) {
		ch.deliver(tag + 1)
		ds = append(ds, &Delivery{tag: tag + 1, settler: s})
		s.delivered(ds[tag])
	}
	quit, ran = make(chan struct{}), make(chan error, 1)
	go func() { ran <- s.run(quit, nil) }()
	return ch, ds, quit, ran
}

func ackAll(t *testing.T, ds []*Delivery) {
	t.Helper()
	for _, d := range ds {
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullBatchIsSentAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, quit, ran := started(ackBatch)
		ackAll(t, ds[:ackBatch-1])
		synctest.Wait()
		if _, frames := ch.counts(); frames != 0 {
			t.Error("sent before the batch was full or a tick had passed")
		}
		ackAll(t, ds[ackBatch-1:])
		synctest.Wait()
		if settled, frames := ch.counts(); frames != 1 || settled != ackBatch {
			t.Errorf("%d settled in %d frames, want %d in one", settled, frames, ackBatch)
		}
		close(quit)
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// With each acks are neither gathered nor held back, and never cover another.
func TestEachIsSentAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, quit, ran := started(jam + 3)
		ds[0].settler.each = true
		for i, d := range ds[1:3] {
			ackAll(t, []*Delivery{d})
			synctest.Wait()
			if settled, frames := ch.counts(); settled != i+1 || frames != i+1 {
				t.Errorf("%d settled in %d frames, want %d", settled, frames, i+1)
			}
		}
		ackAll(t, ds[3:])
		synctest.Wait()
		if settled, frames := ch.counts(); settled != jam+2 || frames != jam+2 || told(ds[0].settler) {
			t.Errorf("%d settled in %d frames, want %d; a channel cannot be jammed", settled, frames, jam+2)
		}
		close(quit)
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// A long task leaves the prefetch window to the others.
func TestLongTaskDoesNotHoldBackOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, quit, ran := started(11)
		ackAll(t, ds[1:10])
		pause(ackHeld + 2*ackTick)
		if settled, _ := ch.counts(); settled != 9 {
			t.Errorf("%d of 9 settled while the first still runs", settled)
		}
		ackAll(t, ds[10:])
		pause(2 * ackTick)
		if settled, _ := ch.counts(); settled != 10 {
			t.Error("an ack is held though the first is known to be long")
		}
		ackAll(t, ds[:1])
		pause(2 * ackTick)
		if settled, _ := ch.counts(); settled != 11 {
			t.Error("the long task is not settled")
		}
		close(quit)
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func TestQuitFlushesAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, quit, ran := started(3)
		ackAll(t, ds[1:2]) // held: the first still runs
		start := time.Now()
		close(quit)
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 0 || len(ch.settled) != 1 {
			t.Errorf("%d of 1 settled, after %v", len(ch.settled), took)
		}
		if err := ds[0].Ack(); !errors.Is(err, ErrStale) {
			t.Errorf("ack after quit: %v", err)
		}
	})
}

func TestChannelIsKeptAfterABurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			deliveries int
			want       bool
		}{{burst, false}, {burst + 1, true}} {
			ch, ds, quit, ran := started(c.deliveries)
			for _, d := range ds {
				if err := d.Requeue(); err != nil {
					t.Fatal(err)
				}
			}
			close(quit)
			if err := <-ran; err != nil {
				t.Error(err)
			}
			s := ds[0].settler
			if got := s.bursting(); got != c.want {
				t.Errorf("%d frames: a burst is %v, want %v", len(ch.settled), got, c.want)
			}
			pause(recent)
			if s.bursting() {
				t.Error("a burst that is over")
			}
		}
	})
}

func TestGoneSessionEndsTheSettler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		s := newSettler(newFakeChannel(1), false)
		d := &Delivery{tag: 1, settler: s}
		s.delivered(d)
		ran := make(chan error, 1)
		go func() { ran <- s.run(nil, gone) }()
		close(gone)
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := d.Ack(); !errors.Is(err, ErrStale) {
			t.Errorf("ack after the session: %v", err)
		}
	})
}

func TestFailedSendEndsTheSettler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, _, ran := started(2)
		ackAll(t, ds[:1])
		ch.close()
		if err := <-ran; !errors.Is(err, amqp.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
		if ds[1].Live() {
			t.Error("a delivery is live without anybody to settle it")
		}
	})
}
