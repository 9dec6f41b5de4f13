package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// warrener runs the operator's command, as its user, and wants the words on its stdout.
func (r *story) warrener(t *testing.T, args string, words ...string) {
	t.Helper()
	out := r.compose(t, 2*time.Minute, append([]string{"run", "--rm", "--no-TTY", "--no-deps", "warrener"}, strings.Fields(args)...)...)
	for _, word := range words {
		if !strings.Contains(out, word) {
			t.Fatalf("warrener %s says\n%s\nwant %q in it", args, out, word)
		}
	}
}

// While a queue is paused the whole fleet rests, a worker that starts then too. Orders are taken all the same.
func (r *story) pause(t *testing.T) {
	again := r.shop.summary(t).Again
	r.order(t, 1500, 500, func() {
		r.awaitMore(t, 100)
		r.warrener(t, "queue pause default --reason stocktaking --timeout 1m", "queue default is paused; no consumer is left, and no task runs")
	})
	shipped := r.shop.summary(t).Shipped
	r.order(t, 200, 100, func() { r.run(t, time.Minute, "docker", "restart", r.containers(t, "worker")[0]) })
	r.up(t, 4)
	r.awaitQuery(t, `sum(warrener_queue_paused{queue="default"})`, 4)
	r.awaitQuery(t, `sum(warrener_subscriptions)`, 0)
	r.warrener(t, "queue show default", "paused since", "stocktaking")
	if now := r.shop.summary(t).Shipped; now != shipped {
		t.Errorf("%d orders were shipped while their queue was paused", now-shipped)
	}

	r.warrener(t, "queue resume default", "queue default is resumed", "stocktaking")
	r.awaitQuery(t, `sum(warrener_subscriptions)`, 4)
	r.shop.awaitShipped(t, r.orders)
	if now := r.shop.summary(t).Again; now != again {
		t.Errorf("%d orders were shipped twice, and nothing was killed", now-again)
	}
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_messages{queue="default.dead"})`, 0)
}

// Orders that come too late become dead letters. Somebody decides to ship them all the same.
func (r *story) redrive(t *testing.T) {
	const late = 300
	before := r.shop.summary(t)
	if err := pythonOrders(t.Context(), r.broker(t), late, "--within", "0"); err != nil {
		t.Fatal(err)
	}
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_messages{queue="default.dead"})`, late)
	if now := r.shop.summary(t); now != before {
		t.Fatalf("orders that were too late were shipped: %+v, before %+v", now, before)
	}
	r.warrener(t, "dead list -q default", "order.ship", "expired", fmt.Sprintf("%d dead letters in 1 groups", late))
	r.warrener(t, "dead redrive -q default --all --dry-run", "expired")
	r.warrener(t, "dead redrive -q default --all", fmt.Sprintf("redriven %d of %d dead letters", late, late))
	r.orders += late
	r.shop.awaitShipped(t, r.orders)
	if now := r.shop.summary(t).Again; now != before.Again {
		t.Errorf("%d orders were shipped twice", now-before.Again)
	}
	r.awaitQuery(t, `sum(rabbitmq_detailed_queue_messages{queue=~"default(\\.dead)?"})`, 0)
	r.warrener(t, "dead list -q default", "0 dead letters")
}
