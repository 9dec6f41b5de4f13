package test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

const (
	crowd          = 10_000
	crowdRounds    = 3
	crowdSlowdown  = 1.5 // times what the bare client takes
	crowdMemory    = 90  // MB
	crowdSucceeded = `warrener_deliveries_settled_total{outcome="acked",queue="crowd",task="warrener.sleep"}`
)

// Ten thousand tasks of a second each at once, in one worker process; and the bare client doing the same. It does not run
// beside other tests, and each side's best of up to three rounds counts: one time on a busy machine says little.
func TestTenThousandTasksAtOnce(t *testing.T) { //nolint:paralleltest // see above
	url := rabbittest.Vhost(t)
	client := dial(t, url, "crowd")
	ch := channel(t, url)
	bare, took, memory := time.Hour, time.Hour, math.MaxInt
	for range crowdRounds {
		fillCrowd(t, ch, client)
		bare = min(bare, crowdOfBareClient(t, ch, url))
		fillCrowd(t, ch, client)
		d, peak := crowdOfWorker(t, url)
		took, memory = min(took, d), min(memory, peak)
		ratio := took.Seconds() / bare.Seconds()
		t.Logf("the best so far: bare client %.2f s, worker %.2f s: %.2f times; worker's peak %d MB", bare.Seconds(), took.Seconds(), ratio, memory)
		if ratio <= crowdSlowdown && memory < crowdMemory {
			return
		}
	}
	t.Errorf("not at most %.1f times the bare client's time and less than %d MB", crowdSlowdown, crowdMemory)
}

// fillCrowd fills the queue when those who had it before have been heard to the end.
func fillCrowd(t testing.TB, ch *amqp.Channel, client *warrener.Client) {
	t.Helper()
	awaitEmpty(t, ch, "crowd")
	tasks := make([]warrener.Task, crowd)
	for i := range tasks {
		tasks[i] = warrener.Task{Name: "warrener.sleep", Queue: "crowd", Payload: []byte("1000")}
	}
	publishAll(t, client, tasks)
}

// Both are timed from the start of the process until all is acknowledged.
func crowdOfBareClient(t testing.TB, ch *amqp.Channel, url string) time.Duration {
	t.Helper()
	bare := call{program: built(t, "bare"), args: []string{"crowd", strconv.Itoa(crowd)}, env: []string{"WARRENER_URL=" + url}}
	start := time.Now()
	p := bare.start(t)
	rabbittest.Eventually(t, time.Minute, func() (bool, string) {
		return p.stdout.String() != "", "the bare client: " + p.stderr.String()
	})
	took := time.Since(start)
	if code := p.wait(t, 10*time.Second); code != 0 {
		t.Fatalf("the bare client ends with %d: %s", code, p.stderr.String())
	}
	if _, err := ch.QueuePurge("crowd", false); err != nil { // of tasks whose acks a slow broker forgot all the same
		t.Fatal(err)
	}
	return took
}

func crowdOfWorker(t testing.TB, url string) (took time.Duration, memory int) {
	t.Helper()
	start := time.Now()
	w := startWorker(t, url, "-q", "crowd", "-c", strconv.Itoa(crowd), "--builtin")
	// Not as often as can be: each look takes some of the worker's memory.
	looks := time.NewTicker(100 * time.Millisecond)
	defer looks.Stop()
	for acked := 0.0; acked < crowd; acked = w.metrics(t)[crowdSucceeded] {
		if <-looks.C; time.Since(start) > 30*time.Second {
			t.Fatalf("%g of %d tasks acked", acked, crowd)
		}
	}
	took = time.Since(start)
	memory = peakMemory(t, w.process)
	w.terminate(t, 10*time.Second)
	return took, memory
}

// peakMemory is the most that a process had resident, in MB.
func peakMemory(t testing.TB, p *process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no peak in %s", status)
	}
	kB, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB / 1000
}
