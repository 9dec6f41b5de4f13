package rabbittest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

func dial(t *testing.T, amqpURL string) *amqp.Connection {
	t.Helper()
	conn, err := amqp.Dial(amqpURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func declare(t *testing.T, conn *amqp.Connection, passive bool) error {
	t.Helper()
	channel, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if passive {
		_, err = channel.QueueDeclarePassive("q", true, false, false, false, nil)
		return err
	}
	_, err = channel.QueueDeclare("q", true, false, false, false, nil)
	return err
}

func TestVhostsAreApart(t *testing.T) {
	t.Parallel()
	if err := declare(t, dial(t, rabbittest.Vhost(t)), false); err != nil {
		t.Fatal(err)
	}
	if err := declare(t, dial(t, rabbittest.Vhost(t)), true); err == nil {
		t.Error("one virtual host has the queue of another")
	}
}

func TestVhostIsGoneAfterItsTest(t *testing.T) {
	t.Parallel()
	var amqpURL string
	t.Run("its test", func(t *testing.T) {
		amqpURL = rabbittest.Vhost(t)
		dial(t, amqpURL)
	})
	if conn, err := amqp.Dial(amqpURL); err == nil {
		_ = conn.Close()
		t.Error("the virtual host outlives its test")
	}
}

func TestCloseConnections(t *testing.T) {
	t.Parallel()
	ours, other := rabbittest.Vhost(t), rabbittest.Vhost(t)
	closed := dial(t, ours).NotifyClose(make(chan *amqp.Error, 1))
	bystander := dial(t, other)
	var reason *amqp.Error
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		rabbittest.CloseConnections(t, ours) // a connection that is new may not be in its list yet
		select {
		case reason = <-closed:
			return true, ""
		default:
			return false, "the connection is not closed"
		}
	})
	if reason.Code != amqp.ConnectionForced {
		t.Errorf("closed with %v, want %d", reason, amqp.ConnectionForced)
	}
	if bystander.IsClosed() {
		t.Error("the connection to another virtual host was closed too")
	}
	dial(t, ours) // a new one is welcome
	rabbittest.CloseConnections(t, ours)
	rabbittest.CloseConnections(t, ours) // closing none is no error
}

func TestPrivateBrokerIsNotTheShared(t *testing.T) {
	t.Parallel()
	shared, private := rabbittest.Shared(t), rabbittest.Private(t)
	if err := private.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := shared.API(t.Context(), "GET /api/overview", nil, nil); err != nil {
		t.Error(err)
	}
	if want := rabbit.OwnKind(); want != "" && private.Kind != want {
		t.Errorf("a private broker of kind %s, want %s", private.Kind, want)
	}
}

// recorder is a test whose failure is looked at.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestEventually(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		within  time.Duration
		okAt    int // poll; 0 is never
		failure string
	}{
		"at once":  {100 * time.Millisecond, 1, ""},
		"in time":  {10 * time.Second, 3, ""},
		"at last":  {0, 2, ""},
		"not ever": {100 * time.Millisecond, 0, "not so within 100ms; at last: after "},
	} {
		r, polls := &recorder{}, 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			rabbittest.Eventually(r, test.within, func() (bool, string) {
				polls++
				return polls == test.okAt, fmt.Sprintf("after %d polls", polls)
			})
		}()
		<-ended
		if (r.failure == "") != (test.failure == "") || !strings.HasPrefix(r.failure, test.failure) {
			t.Errorf("%s: failure %q, want %q", name, r.failure, test.failure)
		}
		if test.okAt > 0 && polls != test.okAt {
			t.Errorf("%s: %d polls, want %d", name, polls, test.okAt)
		}
		if test.okAt == 0 && polls < 2 {
			t.Errorf("%s: %d polls", name, polls)
		}
	}
}
