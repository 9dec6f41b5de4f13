package worker

import (
	"math"
	"slices"
	"time"
)

const (
	// suspectCount: a delivery that came back this often is a suspect. Once may be anybody's bad luck.
	suspectCount = 2
	// suspectEvery: this often a suspect runs at least, however many others wait.
	suspectEvery = time.Second
	// suspectPause: between two suspects. Acks are sent in batches, milliseconds after the handler has returned; when the
	// next suspect kills the process, the ack of the one before should have reached the broker.
	suspectPause = 20 * time.Millisecond
	// suspectQuiet: after a suspect came. A queue gives its messages back in their order, so that the poison arrives before the
	// neighbours that were behind it; started at once, it would strike before they are there to have their chance.
	suspectQuiet = 100 * time.Millisecond
	never        = time.Duration(math.MaxInt64)
)

// suspects are the deliveries that came back twice or more because whoever held them died.
//
// When a task kills its process (out of memory, a crash in C code, os.Exit), the broker delivers everything the worker
// held again and counts it, the innocent neighbours in the prefetch window as well. Treated like all others they would
// die with the poison again and again, until the delivery limit dead-letters them too. So a suspect runs only
//   - when no more have come for a moment,
//   - after the fresh ones, which then are done when it strikes,
//   - alone among the suspects, so that it takes none of them along while they run, and
//   - in random order, so that each time about half of the innocent ones are done before it is the poison's turn.
//
// After the twenty rounds of the usual limit the poison is dead-lettered, and an innocent one has been behind it in all
// of them with a chance of one in hundreds of thousands.
type suspects struct {
	waiting []*attempt
	random  func() float64
	running bool
	since   time.Time // when the last one started, or when the first of those that wait came
	rested  time.Time // none starts before
	came    time.Time // the last one
}

func (s *suspects) add(a *attempt, now time.Time) {
	if len(s.waiting) == 0 && !s.running {
		s.since = now
	}
	s.came = now
	s.waiting = append(s.waiting, a)
}

// due is how long it takes until a suspect may start: 0 is now, and never means not before something else happens.
func (s *suspects) due(now time.Time, fresh bool) time.Duration {
	if s.running || len(s.waiting) == 0 {
		return never
	}
	at, turn := s.rested, s.since.Add(suspectEvery)
	if quiet := s.came.Add(suspectQuiet); quiet.After(at) && at.Before(turn) {
		at = earlier(quiet, turn) // others may go on coming
	}
	if fresh && turn.After(at) {
		at = turn
	}
	return max(0, at.Sub(now))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// pick takes one out at random.
func (s *suspects) pick() *attempt {
	i, last := int(s.random()*float64(len(s.waiting))), len(s.waiting)-1
	a := s.waiting[i]
	s.waiting[i], s.waiting[last] = s.waiting[last], nil
	s.waiting = s.waiting[:last]
	return a
}

// withdraw takes out those of one queue.
func (s *suspects) withdraw(q *Queue) []*attempt {
	var taken []*attempt
	s.waiting = slices.DeleteFunc(s.waiting, func(a *attempt) bool {
		if a.queue != q {
			return false
		}
		taken = append(taken, a)
		return true
	})
	return taken
}

func (s *suspects) started(now time.Time) { s.running, s.since = true, now }

func (s *suspects) ended(now time.Time) { s.running, s.rested = false, now.Add(suspectPause) }
