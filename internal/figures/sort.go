package figures

import (
	"cmp"
	"slices"
)

// Order is what queues are sorted by.
type Order string

// The orders: by name from a to z, by a figure the largest first.
const (
	ByName    = Order("name")
	ByReady   = Order("ready")
	ByUnacked = Order("unacked")
	ByDead    = Order("dead")
	ByRate    = Order("rate")
)

// Orders are all of them, in the order in which a key goes through them.
func Orders() []Order { return []Order{ByName, ByReady, ByUnacked, ByDead, ByRate} }

// Next is the order after this one; after the last comes the first.
func (o Order) Next() Order {
	all := Orders()
	return all[(slices.Index(all, o)+1)%len(all)]
}

// Sorted is the queues in an order, or in the reverse of it. What is not known is less than nothing.
func Sorted(queues []Queue, by Order, reverse bool) []Queue {
	sorted := slices.Clone(queues)
	slices.SortFunc(sorted, func(a, b Queue) int {
		order := cmp.Or(cmp.Compare(by.figure(b), by.figure(a)), cmp.Compare(a.Queue, b.Queue))
		if reverse {
			return -order
		}
		return order
	})
	return sorted
}

// figure is what the largest of comes first; for names all are the same.
func (o Order) figure(q Queue) float64 {
	switch o {
	case ByReady:
		return float64(q.Ready)
	case ByUnacked:
		return number(q.Unacked)
	case ByDead:
		return number(q.Dead)
	case ByRate:
		if q.Acked != nil {
			return *q.Acked
		}
		return -1
	}
	return 0
}

func number(n *int) float64 {
	if n == nil {
		return -1
	}
	return float64(*n)
}
