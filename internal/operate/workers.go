package operate

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// workers asks the management API who consumes from the queues.
func (b *Broker) workers(ctx context.Context, queues []string) ([]Worker, error) {
	consumers, err := b.api.Consumers(ctx)
	if err != nil {
		return nil, err
	}
	names, err := b.api.ConnectionNames(ctx)
	if err != nil {
		return nil, err
	}
	unacked, err := b.api.ChannelsUnacked(ctx)
	if err != nil {
		return nil, err
	}
	list := []Worker{}
	for _, c := range consumers {
		if !slices.Contains(queues, c.Queue) {
			continue
		}
		worker := Worker{Name: workerName(names[c.Connection], c.Tag), Queue: c.Queue, Prefetch: c.Prefetch}
		if n, ok := unacked[c.Channel]; ok {
			worker.Unacked = &n
		}
		list = append(list, worker)
	}
	slices.SortFunc(list, func(a, b Worker) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// consuming ends the name that a worker gives its connection for deliveries, and with it the tags of its consumers begin.
const consuming = " consume"

// workerName is what the worker calls itself: in its connection's name, or else in its consumer's tag.
func workerName(connection, tag string) string {
	if connection != "" {
		return strings.TrimSuffix(connection, consuming)
	}
	if i := strings.LastIndex(tag, consuming+"-"); i > 0 {
		return tag[:i]
	}
	return tag
}
