package warrener_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/warrener/warrener"
)

func ExampleDial() {
	publish := func(ctx context.Context) error {
		client, err := warrener.Dial(ctx, warrener.ClientConfig{
			URL:    os.Getenv("AMQP_URL"),
			Queues: []warrener.Queue{{Name: "emails"}},
		})
		if err != nil {
			return err
		}
		defer client.Close()

		_, err = SendEmail.Publish(ctx, client, Email{To: "ann@example.com"})
		return err
	}
	_ = publish
}

func ExampleClient_PublishMany() {
	publish := func(ctx context.Context, client *warrener.Client, tasks []warrener.Task) (refused []warrener.Task) {
		for i, result := range client.PublishMany(ctx, tasks) {
			if result.Err != nil {
				fmt.Fprintln(os.Stderr, result.Err)
				refused = append(refused, tasks[i])
			}
		}
		return refused
	}
	_ = publish
}

func ExampleWorker() {
	run := func(ctx context.Context) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
		defer stop()

		mux := warrener.NewMux()
		mux.Handle(SendEmail.Handler(func(_ context.Context, e Email) error {
			fmt.Println("to", e.To)
			return nil
		}))
		return warrener.NewWorker(warrener.WorkerConfig{
			URL:         os.Getenv("AMQP_URL"),
			Queues:      []warrener.Queue{{Name: "emails"}},
			Concurrency: 64,
			Handler:     mux,
		}).Run(ctx)
	}
	_ = run
}

// Two queues, of which one gets three slots of four when both have tasks waiting.
func ExampleQueue() {
	config := warrener.WorkerConfig{
		Queues: []warrener.Queue{
			{Name: "emails", Weight: 3},
			{Name: "newsletters", Weight: 1, DeliveryLimit: 5},
		},
	}
	fmt.Println(len(config.Queues))
	// Output: 2
}
