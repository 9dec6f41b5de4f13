package test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

const bulkTasks = 20_000

func TestBulkPublishesEveryLineThroughLostConnections(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "bulk")
	dir := t.TempDir()
	file := writeTasks(t, filepath.Join(dir, "tasks.ndjson"))
	ch := channel(t, url)

	p := producer(t, url, "bulk", file, "-q", "bulk", "--rejected", filepath.Join(dir, "rejected-0")).start(t)
	for _, n := range []int{2_000, 8_000, 14_000} {
		rabbittest.Eventually(t, 30*time.Second, func() (bool, string) {
			there := depth(&ch, t, url)
			return there >= n, fmt.Sprintf("%d tasks published", there)
		})
		rabbittest.CloseConnections(t, url)
	}
	code := p.wait(t, time.Minute)
	for again := 1; code == 75 && again < 5; again++ { // what was not accepted is published again
		t.Logf("bulk: %s", p.stderr.String())
		rejected := filepath.Join(dir, fmt.Sprintf("rejected-%d", again))
		p = producer(t, url, "bulk", filepath.Join(dir, fmt.Sprintf("rejected-%d", again-1)), "--rejected", rejected).run(t)
		code = p.code()
	}
	if code != 0 {
		t.Fatalf("bulk ended with %d: %s", code, p.stderr.String())
	}
	t.Logf("bulk: %s", p.stderr.String())
	everyTask(t, url)
}

// depth asks how many tasks there are, on a new channel when the last one was closed.
func depth(ch **amqp.Channel, t testing.TB, url string) int {
	t.Helper()
	if (*ch).IsClosed() {
		*ch = channel(t, url)
	}
	q, err := (*ch).QueueDeclarePassive("bulk", true, false, false, false, nil)
	if err != nil {
		return 0
	}
	return q.Messages
}

func writeTasks(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewWriter(file)
	for i := range bulkTasks {
		fmt.Fprintf(lines, `{"task": "bulk", "id": "bulk-%d", "payload": {"number": %d}}`+"\n", i, i)
	}
	if err := lines.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// everyTask takes the tasks out of the queue and wants each to be there, once or more.
func everyTask(t testing.TB, url string) {
	t.Helper()
	ch := channel(t, url)
	total := waiting(t, ch, "bulk")
	deliveries, err := ch.Consume("bulk", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for received, patience := 0, time.After(30*time.Second); received < total || len(found) < bulkTasks; received++ {
		select {
		case d := <-deliveries:
			found[d.MessageId]++
		case <-patience:
			t.Fatalf("%d of %d tasks are in the queue", len(found), bulkTasks)
		}
	}
	for i := range bulkTasks {
		if found[fmt.Sprintf("bulk-%d", i)] == 0 {
			t.Errorf("task bulk-%d is not there", i)
		}
	}
	t.Logf("%d tasks in the queue, %d of them twice or more", total, total-len(found))
}
