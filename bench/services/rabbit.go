package services

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"

	"github.com/warrener/warrener/internal/rabbit"
)

// startRabbit also makes a virtual host, so that a broker of someone else's is as it was in the end.
func startRabbit(ctx context.Context, kind rabbit.Kind, log io.Writer) (Running, error) {
	broker, err := rabbit.Find(ctx, rabbit.Options{Kind: kind, Log: log})
	if err != nil {
		return Running{}, err
	}
	vhost := "bench-" + uuid.NewString()
	url, err := broker.CreateVhost(ctx, vhost)
	if err != nil {
		return Running{}, errors.Join(err, broker.Close())
	}
	return Running{
		URL: url, Version: "RabbitMQ " + broker.Version,
		Durable: "durable queues, persistent messages, publisher confirms: it has written a task to disk before it confirms it",
		Stop: func(ctx context.Context) error {
			return errors.Join(broker.DeleteVhost(ctx, vhost), broker.Close())
		},
	}, nil
}
