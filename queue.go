package warrener

import (
	"fmt"

	"github.com/warrener/warrener/internal/topology"
)

// QueueType is the kind of a RabbitMQ queue.
type QueueType string

const (
	// Quorum queues are replicated, and count how often a task came back from a worker that died. The default.
	Quorum QueueType = "quorum"

	// Classic queues live on one node and know no delivery limit: a task that kills its worker comes back for ever.
	Classic QueueType = "classic"
)

// Queue is a queue as a client or a worker declares it, together with its dead-letter queue. Only the name is needed.
type Queue struct {
	// Name of the queue. Its dead-letter queue has the same name with ".dead" after it.
	Name string

	// Weight is the queue's share of a worker's slots when several queues have tasks waiting: a queue of weight 3 gets
	// three times as many as one of weight 1. 0 means 1. Clients do not use it.
	Weight int

	// Type is Quorum or Classic; "" means Quorum.
	Type QueueType

	// DeliveryLimit is how often a task may come back from workers that died before the broker dead-letters it. 0 means
	// 20. Quorum queues only.
	DeliveryLimit int
}

// workQueue checks q and fills in its defaults.
func (q Queue) workQueue() (topology.WorkQueue, error) {
	if err := topology.CheckQueueName(q.Name); err != nil {
		return topology.WorkQueue{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if q.Weight < 0 || q.DeliveryLimit < 0 {
		return topology.WorkQueue{}, fmt.Errorf("%w: queue %q: negative weight or delivery limit", ErrInvalid, q.Name)
	}
	switch {
	case q.Type == Classic && q.DeliveryLimit > 0:
		return topology.WorkQueue{}, fmt.Errorf("%w: queue %q: classic queues know no delivery limit", ErrInvalid, q.Name)
	case q.Type == Classic:
		return topology.WorkQueue{Name: q.Name, Type: string(Classic)}, nil
	case q.Type != Quorum && q.Type != "":
		return topology.WorkQueue{}, fmt.Errorf("%w: queue %q: unknown queue type %q", ErrInvalid, q.Name, q.Type)
	case q.DeliveryLimit == 0:
		q.DeliveryLimit = topology.DefaultDeliveryLimit
	}
	return topology.WorkQueue{Name: q.Name, Type: string(Quorum), DeliveryLimit: q.DeliveryLimit}, nil
}
