package conformance

import (
	"log/slog"
	"net"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/broker"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// targets are the embedded broker and a RabbitMQ, both over TCP.
func targets(b *testing.B, run func(b *testing.B, url string)) {
	b.Run("embedded", func(b *testing.B) {
		br := broker.New(broker.Config{Log: slog.New(slog.DiscardHandler)})
		l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- br.Serve(b.Context(), l) }()
		defer func() {
			br.Close()
			if err := <-served; err != nil {
				b.Error(err)
			}
		}()
		run(b, "amqp://guest:guest@"+l.Addr().String()+"/")
	})
	b.Run("rabbitmq", func(b *testing.B) { run(b, rabbittest.Vhost(b)) })
}

func open(b *testing.B, url string) *amqp.Channel {
	b.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err == nil {
		_, err = ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	}
	if err != nil {
		b.Fatal(err)
	}
	return ch
}

// publish keeps up to a thousand messages of 256 bytes in flight, each confirmed.
func publish(b *testing.B, ch *amqp.Channel, n int) {
	b.Helper()
	const window = 1000
	body := make([]byte, 256)
	var flying []*amqp.DeferredConfirmation
	await := func() {
		if !flying[0].Wait() {
			b.Fatal("not acked")
		}
		flying = flying[1:]
	}
	for range n {
		if len(flying) == window {
			await()
		}
		confirm, err := ch.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
		if err != nil {
			b.Fatal(err)
		}
		flying = append(flying, confirm)
	}
	for len(flying) > 0 {
		await()
	}
}

func BenchmarkPublishConfirm(b *testing.B) {
	targets(b, func(b *testing.B, url string) {
		ch := open(b, url)
		b.ResetTimer()
		publish(b, ch, b.N)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	})
}

func BenchmarkConsumeAck(b *testing.B) {
	targets(b, func(b *testing.B, url string) {
		publish(b, open(b, url), b.N)
		ch := open(b, url)
		if err := ch.Qos(250, 0, false); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		deliveries, err := ch.Consume("q", "", false, false, false, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		for range b.N {
			d := <-deliveries
			if err := d.Ack(false); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	})
}
