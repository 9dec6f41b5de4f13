package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// What apply declares is all that producers and workers need that declare nothing.
func TestPassiveFleetOnAnAppliedTopology(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	differs := func(words string, args ...string) { // which are data: on stdout
		t.Helper()
		p := operator(t, broker, url, append([]string{"topology"}, args...)...).run(t)
		if p.code() != 78 || !strings.Contains(p.stdout.String(), words) {
			t.Errorf("%s: code %d, want 78 and %q: %s%s", p, p.code(), words, p.stdout.String(), p.stderr.String())
		}
	}
	differs(`queue "q.dead" is missing`, "diff", "-q", "q", "--max-delay", "1m")
	operator(t, broker, url, "topology", "apply", "-q", "q", "--max-delay", "1m").says(t, `declared queue "q"`, `declared binding "warrener.work q -> q"`)
	operator(t, broker, url, "topology", "apply", "-q", "q", "--max-delay", "1m").says(t, "everything was there")
	operator(t, broker, url, "topology", "diff", "-q", "q", "--max-delay", "1m").says(t)

	ran := newLedger(t)
	serveProcess(t, url, "-q", "q", "--passive", "--backoff", "1s..2s", "--http", ran.url)
	p := producer(t, url, "publish", "task", "-q", "q", "--id", "delayed", "--payload", `"delayed"`, "--delay", "1s").run(t)
	if p.code() != 0 {
		t.Fatal(p.stderr.String())
	}
	ran.wait(t, 20*time.Second, "delayed")
	operator(t, broker, url, "topology", "diff", "-q", "q", "--max-delay", "1m").says(t) // nothing was added or lost

	differs(`queue "q" has x-queue-type quorum, not classic`, "apply", "-q", "q", "--queue-type", "classic")
}

func TestExportedTopologyIsWhatWorkersDeclare(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	vhost := url[strings.LastIndexByte(url, '/')+1:]
	text := operator(t, broker, url, "topology", "export", "-q", "q", "--vhost", vhost).says(t, `"warrener.paused"`)
	if err := broker.API(t.Context(), "POST /api/definitions/"+vhost, json.RawMessage(text), nil); err != nil {
		t.Fatal(err)
	}
	ran := newLedger(t)
	s := serveProcess(t, url, "-q", "q", "--http", ran.url) // which declares, and would end on a mismatch
	publishAll(t, dial(t, url, "q"), numbered("task", "q", 3))
	ran.waitTotal(t, 20*time.Second, 3)
	s.terminate(t, 10*time.Second)
}

func TestOperatorsLookPurgeAndDelete(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, url, "queue", "declare", "logs", "--queue-type", "classic").says(t, `declared queue "logs.paused"`)
	operator(t, broker, url, "queue", "declare", "emails").says(t, `declared queue "emails.dead"`)
	publishAll(t, dial(t, url, "emails"), numbered("task", "emails", 5))

	var list []struct {
		Queue, Type string
		Ready       int
		Paused      *struct{}
	}
	out := operator(t, broker, url, "queue", "list", "-o", "json").says(t)
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 2 || list[0].Queue != "emails" || list[0].Ready != 5 ||
		list[0].Type != "quorum" || list[1].Type != "classic" || list[0].Paused != nil {
		t.Errorf("%v: %s", err, out)
	}
	bare := call{program: built(t, "warrener"), args: []string{"queue", "list"}, env: []string{"WARRENER_URL=" + url}}
	ends(t, bare.run(t), 2, "AMQP cannot list queues")
	bare.args = []string{"queue", "show", "emails"}
	bare.says(t, "ready      5", "unacked    -", "not known: unacked: AMQP does not tell; give --management-url")
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		out := operator(t, broker, url, "queue", "show", "emails").says(t, "ready      5")
		return strings.Contains(out, "unacked    0"), out
	})

	ends(t, operator(t, broker, url, "queue", "purge", "emails").run(t), 2, "say --yes")
	operator(t, broker, url, "queue", "purge", "emails", "--yes").says(t, "5 messages thrown away")
	ends(t, operator(t, broker, url, "queue", "show", "none").run(t), 78, `queue "none" does not exist`)

	s := serveProcess(t, url, "-q", "emails", "--builtin")
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) { // older brokers count late
		out := operator(t, broker, url, "queue", "show", "emails").says(t, "ready      0")
		return strings.Contains(out, "consumers  1"), out
	})
	ends(t, operator(t, broker, url, "queue", "delete", "emails", "--yes").run(t), 1, `has consumers \(1\)`)
	s.terminate(t, 10*time.Second)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) { // likewise
		p := operator(t, broker, url, "queue", "delete", "emails", "--yes").run(t)
		return p.code() == 0, p.stderr.String()
	})
	operator(t, broker, url, "queue", "list").says(t, "logs")
}

// A password in the management API's address stays where it was given.
func TestOperatorsShowNoPassword(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	file := filepath.Join(t.TempDir(), "management")
	if err := os.WriteFile(file, []byte("http://ann:CANARY@127.0.0.1:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := call{program: built(t, "warrener"), args: []string{"queue", "list", "--log-level", "debug"}, env: []string{
		"WARRENER_URL=" + url, "RABBITMQ_MANAGEMENT_URL_FILE=" + file,
	}}
	p := c.run(t)
	if out := fmt.Sprint(p.stdout.String(), p.stderr.String()); p.code() != 1 || strings.Contains(out, "CANARY") {
		t.Errorf("ends with %d: %s", p.code(), out)
	}
}
