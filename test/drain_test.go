package test

import (
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// SIGTERM is what Kubernetes and systemd send at every new version.
func TestTerminatedWorkersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	ran := newLedger(t)
	ran.slow(50 * time.Millisecond)
	tasks := publishAll(t, client, numbered("task", "q", 1000))

	for part := 1; part <= 4; part++ {
		w := startWorker(t, url, "-q", "q", "-c", "20", "--http", ran.url, "--drain-timeout", "10s")
		ran.waitTotal(t, 20*time.Second, part*150)
		w.terminate(t, 10*time.Second)
	}
	startWorker(t, url, "-q", "q", "-c", "20", "--http", ran.url)
	ran.wait(t, 30*time.Second, tasks...)
	ran.exactlyOnce(t, tasks)
	if n := len(ran.running()); n != 0 {
		t.Errorf("%d tasks were begun and not ended", n)
	}
	ch := channel(t, url)
	awaitEmpty(t, ch, "q")
	if n := waiting(t, ch, "q.dead"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}
