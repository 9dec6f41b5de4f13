// Package machineries is machinery, measured.
package machineries

import (
	"context"
	"encoding/json"

	"github.com/RichardKnop/machinery/v1"
	"github.com/RichardKnop/machinery/v1/config"
	"github.com/RichardKnop/machinery/v1/log"
	"github.com/RichardKnop/machinery/v1/tasks"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/bare"
	"github.com/warrener/warrener/bench/tally"
)

const taskName = "bench_measured"

// Systems is machinery.
func Systems() []systems.System {
	return []systems.System{{
		Name: "machinery", Title: "machinery v1", Module: "github.com/RichardKnop/machinery",
		Program: "machinery", Service: systems.RabbitMQ, Against: "bare-classic",
		Settings: "concurrency 50, prefetch 250, no result backend, its log switched off",
		Drain:    20000, Sleepers: true,
		Open:  open,
		Work:  work,
		Clean: bare.DeleteQueues,
	}}
}

func newServer(c systems.Config) (*machinery.Server, error) {
	log.Set(silence{})
	return machinery.NewServer(&config.Config{
		Broker: c.URL, DefaultQueue: c.Queue, ResultBackend: "null", NoUnixSignals: true,
		AMQP: &config.AMQPConfig{
			Exchange: "machinery", ExchangeType: "direct", BindingKey: c.Queue, PrefetchCount: max(systems.Prefetch, c.Slots),
		},
	})
}

func open(_ context.Context, c systems.Config) (systems.Publisher, error) {
	server, err := newServer(c)
	if err != nil {
		return nil, err
	}
	publish := func(ctx context.Context, t systems.Task) error {
		_, err := server.SendTaskWithContext(ctx, &tasks.Signature{
			Name: taskName, Args: []tasks.Arg{{Type: "string", Value: string(t.Encode())}},
		})
		return err
	}
	broker, _ := server.GetBroker().(interface{ CloseConnections() error })
	return systems.Caller{One: publish, Shut: broker.CloseConnections, Callers: 64}, nil
}

func work(ctx context.Context, c systems.Config, t *tally.Tally) error {
	server, err := newServer(c)
	if err != nil {
		return err
	}
	err = server.RegisterTask(taskName, func(body string) error {
		var payload systems.Task
		if err := json.Unmarshal([]byte(body), &payload); err != nil {
			return err
		}
		t.Run(payload.At, payload.For)
		return nil
	})
	if err != nil {
		return err
	}
	worker := server.NewWorker("bench", c.Slots)
	ended := make(chan error, 1)
	worker.LaunchAsync(ended)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		worker.Quit()
		return nil
	}
}

// silence is a log for machinery, which has a line for each task.
type silence struct{}

func (silence) Print(...any)          {}
func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}
func (silence) Fatal(...any)          {}
func (silence) Fatalf(string, ...any) {}
func (silence) Fatalln(...any)        {}
func (silence) Panic(...any)          {}
func (silence) Panicf(string, ...any) {}
func (silence) Panicln(...any)        {}
