package worker

// wheel takes turns between queues by their weights. It is smooth weighted round-robin, which spreads the turns of a
// queue instead of bunching them: a a b a for weights 3 and 1, not a a a b.
type wheel struct {
	weights []int
	credits []int // what a queue has waited for, at most the sum of all weights either way
}

func newWheel(queues []Queue) wheel {
	w := wheel{weights: make([]int, len(queues)), credits: make([]int, len(queues))}
	for i, q := range queues {
		w.weights[i] = max(q.Weight, 1)
	}
	return w
}

// next is the queue whose turn it is among those that are ready; -1 when none is. A queue that is not ready neither
// loses credit nor saves any up.
func (w *wheel) next(ready func(queue int) bool) int {
	total, best := 0, -1
	for i, weight := range w.weights {
		if !ready(i) {
			continue
		}
		total += weight
		w.credits[i] += weight
		if best < 0 || w.credits[i] > w.credits[best] {
			best = i
		}
	}
	if best >= 0 {
		w.credits[best] -= total
	}
	return best
}
