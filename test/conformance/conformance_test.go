package conformance

import (
	"log/slog"
	"net"
	"slices"
	"testing"

	"github.com/warrener/warrener/internal/broker"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

// behaviours lists them all.
func behaviours() []behaviour {
	return slices.Concat(connections(), exchanges(), queues(), publishing(), consuming(), settling(), deadLettering(), expiring(), limiting())
}

func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T) target { return target{url: rabbittest.Vhost(t)} })
}

func TestEmbeddedBroker(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T) target {
		b := newBroker(t)
		return target{url: "amqp://guest:guest@embedded/", dial: func(network, addr string) (net.Conn, error) {
			return b.Dial(t.Context(), network, addr)
		}}
	})
}

func TestEmbeddedBrokerOverTCP(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T) target {
		b := newBroker(t)
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- b.Serve(t.Context(), l) }()
		t.Cleanup(func() {
			b.Close()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
		return target{url: "amqp://guest:guest@" + l.Addr().String() + "/"}
	})
}

func newBroker(t *testing.T) *broker.Broker {
	b := broker.New(broker.Config{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(b.Close)
	return b
}

func run(t *testing.T, open func(t *testing.T) target) {
	t.Helper()
	for _, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.check(newRig(t, open(t)))
		})
	}
}

// The suite is worth what it covers: nobody takes from it by accident.
func TestThereAreManyBehaviours(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, b := range behaviours() {
		if names[b.name] {
			t.Errorf("two behaviours are named %q", b.name)
		}
		names[b.name] = true
	}
	if len(names) < 80 {
		t.Errorf("%d behaviours", len(names))
	}
}
