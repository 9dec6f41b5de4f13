package warrenertest

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/broker"
)

// URL is the address of a [Broker] for those that want one; it leads there only together with [Broker.Dial].
const URL = "amqp://guest:guest@warrenertest/"

// Broker is an AMQP broker in the test's process.
type Broker struct {
	broker *broker.Broker
}

// NewBroker starts a broker that ends with the test. In a synctest bubble it belongs to the bubble.
func NewBroker(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{broker.New(broker.Config{Log: slog.New(slog.DiscardHandler)})}
	t.Cleanup(b.broker.Close)
	return b
}

// Dial connects to the broker, whatever the address. It is meant for the DialFunc of [warrener.ClientConfig] and
// [warrener.WorkerConfig], and fits the Dial of the AMQP client's configuration with a context added.
func (b *Broker) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return b.broker.Dial(ctx, network, addr)
}

// Client returns a client of the broker that is closed when the test ends. It declares the queues named.
func (b *Broker) Client(t testing.TB, queues ...string) *warrener.Client {
	t.Helper()
	cfg := warrener.ClientConfig{URL: URL, DialFunc: b.Dial, Logger: quiet(t)}
	for _, name := range queues {
		cfg.Queues = append(cfg.Queues, warrener.Queue{Name: name})
	}
	client, err := warrener.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatalf("connect to the test's broker: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() }) // the test may have closed it
	return client
}

// quiet logs warnings and errors into the test's output.
func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
