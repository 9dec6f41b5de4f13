package warrener

import (
	"errors"
	"testing"

	"github.com/warrener/warrener/internal/topology"
)

func TestQueueDefaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		queue Queue
		want  topology.WorkQueue // zero: invalid
	}{
		{"name alone", Queue{Name: "q"}, topology.WorkQueue{Name: "q", Type: "quorum", DeliveryLimit: 20}},
		{"quorum", Queue{Name: "q", Type: Quorum}, topology.WorkQueue{Name: "q", Type: "quorum", DeliveryLimit: 20}},
		{"limit", Queue{Name: "q", DeliveryLimit: 3}, topology.WorkQueue{Name: "q", Type: "quorum", DeliveryLimit: 3}},
		{"weight", Queue{Name: "q", Weight: 5}, topology.WorkQueue{Name: "q", Type: "quorum", DeliveryLimit: 20}},
		{"classic", Queue{Name: "q", Type: Classic}, topology.WorkQueue{Name: "q", Type: "classic"}},
		{"classic with a limit", Queue{Name: "q", Type: Classic, DeliveryLimit: 3}, topology.WorkQueue{}},
		{"no name", Queue{}, topology.WorkQueue{}},
		{"name of the broker", Queue{Name: "amq.q"}, topology.WorkQueue{}},
		{"unknown type", Queue{Name: "q", Type: "stream"}, topology.WorkQueue{}},
		{"negative weight", Queue{Name: "q", Weight: -1}, topology.WorkQueue{}},
		{"negative limit", Queue{Name: "q", DeliveryLimit: -1}, topology.WorkQueue{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.queue.workQueue()
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if invalid := test.want == (topology.WorkQueue{}); errors.Is(err, ErrInvalid) != invalid {
				t.Errorf("error is %v, want ErrInvalid: %t", err, invalid)
			}
		})
	}
}
