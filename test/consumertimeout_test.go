package test

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// A policy with a consumer timeout is known from RabbitMQ 3.12 on; before, only the broker's own setting counts.
func TestConsumerTimeoutThatATaskTimeoutDoesNotFit(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	args := []string{"--builtin", "-q", "emails", "--metrics-addr", "", "--management-url", p.api}
	if !since(t, 3, 12) {
		ch := channel(t, p.url)
		if _, err := ch.QueueDeclare("old", true, false, false, false,
			amqp.Table{"x-queue-type": "quorum", "x-consumer-timeout": 5000}); err != nil {
			t.Fatal(err)
		}
		ends(t, worker(t, p.url, "--builtin", "-q", "old", "--passive", "--metrics-addr", "", "--management-url", p.api, "--timeout", "8s").run(t),
			124, "")
		return
	}
	p.call("PUT /api/policies/{vhost}/hasty", map[string]any{
		"pattern": "^(emails|fresh)$", "apply-to": "queues", "definition": map[string]any{"consumer-timeout": 60_000},
	}, nil)
	p.finds(78, []finding{{"consumer-timeout", "queue emails", "mismatch", "its consumer timeout is 1m0s, and a task may take 10m0s", ""}})
	p.finds(0, nil, "--task-timeout", "59s")

	const sentence = `queue "emails" has a consumer timeout of 1m0s, and a task may take 10m0s.*Shorten --timeout-task`
	ends(t, worker(t, p.url, args...).run(t), 78, sentence)
	ends(t, worker(t, p.url, append(args, "--passive")...).run(t), 78, sentence)
	ends(t, worker(t, p.url, append(args, "--timeout-task", "0s")...).run(t), 78, "may take for ever")
	ends(t, worker(t, p.url, append(args, "--timeout-task", "59s", "--timeout", "3s")...).run(t), 124, "")
	// a queue that the worker itself has declared a moment ago
	ends(t, worker(t, p.url, "--builtin", "-q", "fresh", "--metrics-addr", "", "--management-url", p.api).run(t),
		78, `queue "fresh" has a consumer timeout of 1m0s`)
	// nobody to ask, and a timeout that RabbitMQ's default does not hold
	ends(t, worker(t, p.url, "--builtin", "-q", "emails", "--metrics-addr", "", "--timeout-task", "31m", "--timeout", "2s").run(t), 124,
		"tasks may run longer than RabbitMQ waits")
}

func since(t *testing.T, major, minor int) bool {
	t.Helper()
	var a, b int
	if _, err := fmt.Sscanf(rabbittest.Shared(t).Version, "%d.%d", &a, &b); err != nil {
		t.Fatal(err)
	}
	return a > major || a == major && b >= minor
}
