// Package rabbittest gives tests their RabbitMQ: a virtual host of their own on a broker that all tests
// of the process share, or a whole broker for tests that stop or hurt it.
//
// Tests fail, and are never skipped, where there is no broker. Packages that use it end with
//
//	func TestMain(m *testing.M) { rabbittest.Main(m) }
package rabbittest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/flock"
)

// findWithin allows for pulling an image, then installing a package, then starting a broker.
const findWithin = 10 * time.Minute

// shared is the broker of all tests of the process. It is found when the first test asks for it, and
// not looked for again where that failed.
//
//nolint:gochecknoglobals // one broker for the process is the point
var shared struct {
	once   sync.Once
	broker *rabbit.Broker
	err    error
}

// Main runs the tests, closes the shared broker if this process started it, and exits.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for packages that have something of their own to clean up: it returns the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if shared.broker != nil {
		if err := shared.broker.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the shared RabbitMQ:", err)
			code = max(code, 1)
		}
	}
	return code
}

// Shared returns the broker of all tests of this process. Nobody stops it.
func Shared(t testing.TB) *rabbit.Broker {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(t.Context(), findWithin)
		defer cancel()
		shared.broker, shared.err = rabbit.Find(ctx, rabbit.Options{Log: t.Output()})
	})
	if shared.err != nil {
		t.Fatalf("this test needs a RabbitMQ: %v", shared.err)
	}
	return shared.broker
}

// Vhost returns the URL of a virtual host for this test alone, on the shared broker, which is deleted
// when the test ends.
func Vhost(t testing.TB) (amqpURL string) {
	t.Helper()
	broker, name := Shared(t), vhostName(t)
	amqpURL, err := broker.CreateVhost(t.Context(), name)
	if err != nil {
		t.Fatalf("create virtual host: %v", err)
	}
	t.Cleanup(func() {
		// the test's own context is done by now
		if err := broker.DeleteVhost(context.WithoutCancel(t.Context()), name); err != nil {
			t.Errorf("delete virtual host: %v", err)
		}
	})
	return amqpURL
}

// CloseConnections makes the shared broker close all connections that were opened with a URL of Vhost.
func CloseConnections(t testing.TB, amqpURL string) {
	t.Helper()
	u, err := url.Parse(amqpURL)
	if err != nil {
		t.Fatalf("close connections: %v", err)
	}
	if err := Shared(t).CloseAllConnections(t.Context(), strings.TrimPrefix(u.Path, "/")); err != nil {
		t.Fatalf("close connections: %v", err)
	}
}

// Private returns a broker that the test may stop, kill and hurt. It is of the same kind as the shared
// one if that is ours. A test takes one at most: there are three at a time on the machine, so tests that
// wait for a second could wait for each other.
func Private(t testing.TB) *rabbit.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), findWithin)
	defer cancel()
	Slot(t)
	broker, err := rabbit.Find(ctx, rabbit.Options{Kind: rabbit.OwnKind(), Own: true, Log: t.Output()})
	if err != nil {
		t.Fatalf("this test needs a RabbitMQ of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return broker
}

// Slot waits until fewer than three brokers of single tests run on this machine, and counts as one until the test ends.
func Slot(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), findWithin)
	defer cancel()
	slot, err := flock.Acquire(ctx, os.TempDir(), "warrener-rabbit-private-1", "warrener-rabbit-private-2", "warrener-rabbit-private-3")
	if err != nil {
		t.Fatalf("this test needs a RabbitMQ of its own: %v", err)
	}
	t.Cleanup(func() { _ = slot.Close() })
}

// vhostName tells whoever looks at a broker in trouble which test it was.
func vhostName(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return name[:min(len(name), 60)] + "-" + uuid.NewString()[:8]
}
