package test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// The environment of this test program when it is a fragile worker.
const (
	fragileURL    = "WARRENER_TEST_URL"
	fragileQueue  = "WARRENER_TEST_QUEUE"
	fragileLimit  = "WARRENER_TEST_DELIVERY_LIMIT"
	fragileLedger = "WARRENER_TEST_LEDGER"

	killed = 9
)

// fragile is a worker that a task kills, without an error, a panic or a goodbye.
func fragile(ctx context.Context) int {
	limit, err := strconv.Atoi(os.Getenv(fragileLimit))
	if err != nil {
		return 2
	}
	mux := warrener.NewMux()
	mux.Handle("poison", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error {
		os.Exit(killed)
		return nil
	}))
	mux.Handle("neighbour", warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
		call, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv(fragileLedger), strings.NewReader(string(d.Payload)))
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(call)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}))
	err = warrener.NewWorker(warrener.WorkerConfig{
		URL: os.Getenv(fragileURL), Name: "fragile", Concurrency: 4, Handler: mux,
		Queues: []warrener.Queue{{Name: os.Getenv(fragileQueue), DeliveryLimit: limit}},
	}).Run(ctx)
	if err != nil {
		return 1
	}
	return 0
}

// What the broker counts is the death of a worker, and it counts it for all that the worker held.
func TestTaskThatKillsItsWorkerDiesAloneInTheEnd(t *testing.T) {
	t.Parallel()
	const limit = 20 // the default: with few rounds an innocent one is beside the poison in all of them too often
	url := rabbittest.Vhost(t)
	queue := warrener.Queue{Name: "q", DeliveryLimit: limit}
	client, err := warrener.Dial(t.Context(), warrener.ClientConfig{URL: url, Queues: []warrener.Queue{queue}, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ran := newLedger(t)
	tasks := numbered("neighbour", "q", 30)
	tasks[10] = warrener.Task{Name: "poison", Queue: "q", ID: "poison"}
	publishAll(t, client, tasks)
	ch := channel(t, url)

	deaths := 0
	this, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	worker := call{program: this, env: []string{
		fragileURL + "=" + url, fragileQueue + "=q", fragileLimit + "=" + strconv.Itoa(limit), fragileLedger + "=" + ran.url,
	}}
	p := worker.start(t)
	rabbittest.Eventually(t, 2*time.Minute, func() (bool, string) {
		select {
		case <-p.exited:
			if p.code() != killed {
				t.Fatalf("the worker ended with %d: %s", p.code(), p.stderr.String())
			}
			deaths++
			p = worker.start(t)
		default:
		}
		return waiting(t, ch, "q.dead") > 0, fmt.Sprintf("no dead letter after %d deaths", deaths)
	})
	var neighbours []string
	for _, task := range tasks {
		if task.ID != "poison" {
			neighbours = append(neighbours, task.ID)
		}
	}
	ran.wait(t, 20*time.Second, neighbours...)
	dead := take(t, ch, "q.dead", 1)[0]
	if dead.MessageId != "poison" || dead.Headers["warrener-reason"] != "crashed" || dead.Headers["warrener-worker"] != "fragile" {
		t.Errorf("the dead letter is %s, %v by %v", dead.MessageId, dead.Headers["warrener-reason"], dead.Headers["warrener-worker"])
	}
	if deaths != limit {
		t.Errorf("%d workers died, the queue's limit is %d", deaths, limit)
	}
	t.Logf("%d workers died; %d neighbours ran %d times", deaths, len(neighbours), ran.total())
}
