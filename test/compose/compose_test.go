package compose

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSystem is one story, for starting it takes a while. Its parts run in order, and each begins with an idle system.
func TestSystem(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	if took := s.up(t, 1); took > time.Minute {
		t.Errorf("healthy after %s, want a minute at most", took)
	} else {
		t.Logf("healthy after %s", took.Round(time.Second))
	}
	r := &story{system: s, shop: shop{s.address(t, "orders", 8081)}}
	for _, part := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"orders from Go and Python are shipped", r.bothLanguages},
		{"one worker becomes four", r.scale},
		{"a worker is killed", r.kill},
		{"a queue is paused and resumed", r.pause},
		{"dead letters are redriven", r.redrive},
		{"the logs have no error", r.logs},
		{"workers drain", r.drain},
	} {
		if !t.Run(part.name, part.do) { //nolint:paralleltest // they are in order
			return
		}
	}
}

// story is the system and what was asked of it.
type story struct {
	*system
	shop   shop
	orders int
}

// order places orders of both kinds at once, does something meanwhile, and waits until all are taken.
func (r *story) order(t *testing.T, fromGo, fromPython int, meanwhile func()) {
	t.Helper()
	taken := make(chan error, 1)
	go func() { taken <- r.shop.order(t.Context(), fromGo) }()
	python := make(chan error, 1)
	broker := r.broker(t)
	go func() { python <- pythonOrders(t.Context(), broker, fromPython) }()
	meanwhile()
	if err := errors.Join(<-python, <-taken); err != nil {
		t.Fatal(err)
	}
	r.orders += fromGo + fromPython
}

// broker is RabbitMQ's address for the user producer.
func (r *story) broker(t *testing.T) string {
	t.Helper()
	return "amqp://producer:" + url.PathEscape(r.password) + "@" + r.address(t, "rabbitmq", 5672) + "/%2F"
}

// pythonOrders runs the service in Python.
func pythonOrders(ctx context.Context, broker string, count int, more ...string) error {
	args := append([]string{"testdata/orders.py", broker, strconv.Itoa(count)}, more...)
	out, err := exec.CommandContext(ctx, cmp.Or(os.Getenv("PYTHON"), "/usr/bin/python3"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("the service in Python: %w\n%s", err, out)
	}
	return nil
}

// awaitMore waits until more orders are shipped than now.
func (r *story) awaitMore(t *testing.T, more int) {
	t.Helper()
	before := r.shop.summary(t).Shipped
	if !eventually(t, time.Minute, func() bool { return r.shop.summary(t).Shipped > before+more }) {
		t.Error("nothing is shipped")
	}
}

func (r *story) bothLanguages(t *testing.T) {
	r.order(t, 200, 100, func() {})
	r.shop.awaitShipped(t, r.orders)
	if again := r.shop.summary(t).Again; again != 0 {
		t.Errorf("%d orders were shipped twice though nothing happened", again)
	}
}

func (r *story) scale(t *testing.T) {
	r.awaitQuery(t, `count(up{job="worker"} == 1)`, 1)
	r.order(t, 1500, 500, func() { t.Logf("four workers after %s", r.up(t, 4).Round(time.Second)) })
	r.shop.awaitShipped(t, r.orders)
	r.awaitQuery(t, `count(up{job="worker"} == 1)`, 4)
	r.awaitQuery(t, `sum(warrener_subscriptions)`, 4)
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_consumers{queue="default"})`, 4)
	r.order(t, 600, 200, func() {})
	r.shop.awaitShipped(t, r.orders)
	r.awaitQuery(t, `count(sum by (instance) (warrener_deliveries_settled_total{outcome="acked"}) > 0)`, 4)
}

// A container that is killed takes down what it has begun. Others do it.
func (r *story) kill(t *testing.T) {
	victim := r.containers(t, "worker")[0]
	r.order(t, 1500, 500, func() {
		r.awaitMore(t, 100)
		r.run(t, time.Minute, "docker", "kill", victim)
	})
	r.shop.awaitShipped(t, r.orders)
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_messages{queue="default"})`, 0)
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_messages{queue="default.dead"})`, 0)
	r.run(t, time.Minute, "docker", "start", victim)
	r.up(t, 4)
}

// logs looks at what every container has written so far.
func (r *story) logs(t *testing.T) {
	lines := bufio.NewScanner(strings.NewReader(r.compose(t, time.Minute, "logs", "--no-color", "--no-log-prefix")))
	for lines.Scan() {
		line := lines.Text()
		for _, word := range []string{`"level":"ERROR"`, "level=ERROR", "level=error", "[error]", "[critical]", "panic:"} {
			if strings.Contains(line, word) {
				t.Errorf("in the logs: %s", line)
			}
		}
	}
}

// A worker that is told to stop finishes what it has begun and gives back the rest.
func (r *story) drain(t *testing.T) {
	before := r.shop.summary(t).Again
	r.order(t, 1500, 500, func() {
		r.awaitMore(t, 100)
		start := time.Now()
		r.compose(t, 2*time.Minute, "stop", "worker")
		t.Logf("four workers drained in %s", time.Since(start).Round(100*time.Millisecond))
	})
	for _, id := range r.containers(t, "worker") {
		r.endedWell(t, id)
	}
	if left := r.orders - r.shop.summary(t).Shipped; left == 0 {
		t.Error("the workers had nothing left to give back: the drain was not tried")
	}
	r.compose(t, time.Minute, "start", "worker")
	r.shop.awaitShipped(t, r.orders)
	if again := r.shop.summary(t).Again; again != before {
		t.Errorf("%d orders were shipped twice: the drain abandoned them", again-before)
	}
}

func (r *story) endedWell(t *testing.T, container string) {
	t.Helper()
	var states []struct {
		State struct {
			ExitCode  int
			OOMKilled bool
		}
	}
	if err := json.Unmarshal([]byte(r.run(t, time.Minute, "docker", "inspect", container)), &states); err != nil {
		t.Fatal(err)
	}
	if state := states[0].State; state.ExitCode != 0 || state.OOMKilled {
		t.Errorf("worker %.12s ended with %+v", container, state)
	}
}
