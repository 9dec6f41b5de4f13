package worker

import (
	"strings"
	"testing"
)

func TestWheelSpreadsTurnsByWeight(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name    string
		weights []int
		waiting []string // for each turn, the queues that are ready
		want    string
	}{
		{"one queue", []int{5}, turns("a", 3), "aaa"},
		{"equal", []int{1, 1, 1}, turns("abc", 6), "abcabc"},
		{"three to one", []int{3, 1}, turns("ab", 8), "aabaaaba"},
		{"nobody starves", []int{5, 1, 1}, turns("abc", 7), "aabacaa"},
		{"no weight is one", []int{0, -3}, turns("ab", 4), "abab"},
		{"only what is ready", []int{3, 1}, append(turns("b", 3), turns("ab", 4)...), "bbbaaba"},
		{"nothing is ready", []int{3, 1}, []string{"", "ab", ""}, "-a-"},
		{"absence saves up no credit", []int{1, 1}, append(turns("a", 9), turns("ab", 4)...), "aaaaaaaaaabab"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			var queues []Queue
			for _, weight := range test.weights {
				queues = append(queues, Queue{Weight: weight})
			}
			wheel := newWheel(queues)
			var got strings.Builder
			for _, waiting := range test.waiting {
				i := wheel.next(func(queue int) bool { return strings.Contains(waiting, name(queue)) })
				got.WriteString(name(i))
			}
			equal(t, "turns", got.String(), test.want)
		})
	}
}

func turns(waiting string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = waiting
	}
	return all
}

func name(queue int) string {
	if queue < 0 {
		return "-"
	}
	return string(rune('a' + queue))
}
