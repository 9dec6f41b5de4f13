package worker

import (
	"context"
	"iter"
	"sync/atomic"
)

// slots are the places in which handlers run. Who releases a slot and who abandons it is settled by one atomic exchange,
// so that an attempt is either its handler's to settle or the drain's to give up, never both.
type slots struct {
	free  chan int
	taken []atomic.Pointer[attempt]
}

func newSlots(n int) *slots {
	s := &slots{free: make(chan int, n), taken: make([]atomic.Pointer[attempt], n)}
	for i := range n {
		s.free <- i
	}
	return s
}

// acquire waits for a free slot; false when ctx is done before.
func (s *slots) acquire(ctx context.Context) (int, bool) {
	select {
	case slot := <-s.free:
		return slot, true
	case <-ctx.Done():
		return 0, false
	}
}

// occupy puts an attempt in the slot that it has acquired.
func (s *slots) occupy(a *attempt) { s.taken[a.slot].Store(a) }

// release frees the slot of an attempt whose handler has returned; false when the attempt was abandoned meanwhile.
func (s *slots) release(a *attempt) bool {
	if !s.taken[a.slot].CompareAndSwap(a, nil) {
		return false
	}
	s.free <- a.slot
	return true
}

// running are the attempts in their slots.
func (s *slots) running() iter.Seq[*attempt] {
	return func(yield func(*attempt) bool) {
		for i := range s.taken {
			if a := s.taken[i].Load(); a != nil && !yield(a) {
				return
			}
		}
	}
}

// abandon takes all attempts that still run out of their slots, which are not freed.
func (s *slots) abandon() []*attempt {
	var left []*attempt
	for i := range s.taken {
		if a := s.taken[i].Swap(nil); a != nil {
			left = append(left, a)
		}
	}
	return left
}
