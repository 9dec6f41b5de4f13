package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// DefaultConsumerTimeout is RabbitMQ's own, for a broker that is not configured otherwise; which it does not tell.
const DefaultConsumerTimeout = 30 * time.Minute

// admit compares how long a task may run with how long the broker waits for its ack, before the first one is taken.
func (s Subscription) admit(ctx context.Context, version string, log *slog.Logger) error {
	var limit time.Duration
	if s.ConsumerTimeout != nil {
		var err error
		if limit, err = s.ConsumerTimeout(ctx, s.Queue.Name); err != nil {
			log.Warn("consumer timeout not known", "queue", s.Queue.Name, "err", err)
		}
	}
	if limit > 0 && !s.fits(limit) {
		return &ConsumerTimeoutError{Queue: s.Queue.Name, Timeout: s.Timeout, ConsumerTimeout: limit}
	}
	none := s.Queue.Type == topology.Classic && AtLeast(version, 4, 3)
	if limit == 0 && !none && !s.fits(DefaultConsumerTimeout) {
		log.Warn("tasks may run longer than RabbitMQ waits for an ack, unless it is configured otherwise: it would give them to others meanwhile",
			"queue", s.Queue.Name, "timeout", s.Timeout, "consumer_timeout", DefaultConsumerTimeout)
	}
	return nil
}

func (s Subscription) fits(limit time.Duration) bool { return s.Timeout > 0 && s.Timeout < limit }
