package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

// soon is how long a test waits for what should happen within a second, on a machine that has other things to do.
const soon = 10 * time.Second

func configFor(t testing.TB, url string) Config {
	return Config{
		URLs: func() ([]string, error) { return []string{url}, nil },
		Name: t.Name(),
		Log:  slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// running runs something until the test ends, or stop is called, and fails the test when it returned an error.
func running(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // the test's own ends before its cleanups
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// publisher is connected, and declares the queues.
func publisher(t testing.TB, cfg Config, queues ...string) *Publisher {
	t.Helper()
	objects := []topology.Objects{topology.Base()}
	for _, q := range queues {
		objects = append(objects, topology.Work(topology.WorkQueue{Name: q}))
	}
	p := NewPublisher(cfg, objects...)
	running(t, p.Run)
	if err := p.Connected(within(t, soon)); err != nil {
		t.Fatal(err)
	}
	return p
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func to(queue, id string) Publication {
	return Publication{Route: topology.ToQueue(queue), Message: message(id)}
}

func delayed(t testing.TB, queue, id string, delay time.Duration) Publication {
	t.Helper()
	route, err := topology.After(queue, delay)
	if err != nil {
		t.Fatal(err)
	}
	return Publication{Route: route, Message: message(id)}
}

func message(id string) *tasks.Message {
	return &tasks.Message{ID: id, Type: "test", ContentType: "application/json", Body: []byte(`{"n":1}`)}
}

// many are n publications to a queue, whose ids count from 0.
func many(queue string, n int) []Publication {
	pubs := make([]Publication, n)
	for i := range pubs {
		pubs[i] = to(queue, fmt.Sprint(i))
	}
	return pubs
}

func publish(t testing.TB, p *Publisher, pubs ...Publication) {
	t.Helper()
	for i, err := range p.PublishMany(within(t, soon), pubs) {
		if err != nil {
			t.Fatalf("publication %d: %v", i, err)
		}
	}
}

// bareConnection is a connection of the client library, without anything of ours.
func bareConnection(t testing.TB, url string) *amqp.Connection {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }) // the broker may be gone
	return conn
}

func bare(t testing.TB, url string) *amqp.Channel {
	t.Helper()
	ch, err := bareConnection(t, url).Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// declareBare declares a queue with the arguments given and no others, bound like a work queue.
func declareBare(t testing.TB, ch *amqp.Channel, queue string, args amqp.Table) {
	t.Helper()
	if _, err := ch.QueueDeclare(queue, durable, autoDelete, exclusive, noWait, args); err != nil {
		t.Fatal(err)
	}
	if err := ch.ExchangeDeclare(topology.WorkExchange, "direct", durable, autoDelete, internal, noWait, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, queue, topology.WorkExchange, noWait, nil); err != nil {
		t.Fatal(err)
	}
}

// ready is the broker's count of what waits in a queue.
func ready(t testing.TB, ch *amqp.Channel, queue string) int {
	t.Helper()
	q, err := ch.QueueDeclarePassive(queue, durable, autoDelete, exclusive, noWait, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

// eventuallyReady waits for a queue's count, which lags behind on quorum queues.
func eventuallyReady(t testing.TB, ch *amqp.Channel, queue string, want int) {
	t.Helper()
	rabbittest.Eventually(t, soon, func() (bool, string) {
		n := ready(t, ch, queue)
		return n == want, fmt.Sprintf("%d messages ready in %s, want %d", n, queue, want)
	})
}

// as returns the URL for a user of the same virtual host who may do only what the patterns allow.
func as(t testing.TB, amqpURL, configure, write, read string) string {
	t.Helper()
	u, err := url.Parse(amqpURL)
	if err != nil {
		t.Fatal(err)
	}
	vhost, name := url.PathEscape(u.Path[1:]), u.Path[1:]+"-user"
	broker := rabbittest.Shared(t)
	for _, put := range []struct {
		path string
		body map[string]string
	}{
		{"/api/users/" + name, map[string]string{"password": "secret", "tags": ""}},
		{"/api/permissions/" + vhost + "/" + name, map[string]string{"configure": configure, "write": write, "read": read}},
	} {
		if err := broker.API(t.Context(), "PUT "+put.path, put.body, nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := broker.API(context.WithoutCancel(t.Context()), "DELETE /api/users/"+name, nil, nil); err != nil {
			t.Error(err)
		}
	})
	u.User = url.UserPassword(name, "secret")
	return u.String()
}
