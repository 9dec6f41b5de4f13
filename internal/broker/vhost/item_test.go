package vhost

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever goes and comes back, what is ready is in the order of its places.
func TestReadyIsInOrder(t *testing.T) {
	t.Parallel()

	random := rand.New(rand.NewPCG(1, 2))
	r := newReady(3)
	var in, out []*item
	for place := range uint64(2000) {
		it := &item{place: place, priority: random.IntN(3), size: int(place)}
		r.insert(it)
		in = append(in, it)
		for range random.IntN(3) {
			if random.IntN(2) == 0 && len(in) > 0 {
				i := random.IntN(len(in))
				r.remove(in[i])
				out, in = append(out, in[i]), slices.Delete(in, i, i+1)
			} else if len(out) > 0 {
				i := random.IntN(len(out))
				r.insert(out[i])
				in, out = append(in, out[i]), slices.Delete(out, i, i+1)
			}
		}
	}
	slices.SortFunc(in, func(a, b *item) int {
		if a.priority != b.priority {
			return b.priority - a.priority
		}
		return int(a.place) - int(b.place)
	})
	if got := slices.Collect(r.all()); !slices.Equal(got, in) {
		t.Errorf("%d items out of order", len(got))
	}
	bytes := 0
	for _, it := range in {
		bytes += it.size
	}
	if r.len() != len(in) || r.bytes != bytes || r.head() != in[0] {
		t.Errorf("%d items of %d bytes, want %d of %d", r.len(), r.bytes, len(in), bytes)
	}
	for _, it := range in {
		r.remove(it)
	}
	if r.head() != nil || r.len() != 0 || r.bytes != 0 {
		t.Error("not empty")
	}
}
