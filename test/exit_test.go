package test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// The exit codes are what scripts rely on, and the sentence on stderr is what people get instead.

// ends wants a program that has ended to have done so with a code, and to say something that matches.
func ends(t *testing.T, p *process, code int, sentence string) {
	t.Helper()
	if p.code() != code || !regexp.MustCompile(sentence).MatchString(p.stderr.String()) {
		t.Errorf("%s: ended with %d, not %d, and says: %q", p, p.code(), code, p.stderr.String())
	}
	if code != 0 && p.stdout.String() != "" {
		t.Errorf("%s: what went wrong is no data, but on stdout: %q", p, p.stdout.String())
	}
}

// nobody is an address where no broker listens.
const nobody = "amqp://guest:guest@127.0.0.1:1/"

// silent is an address where somebody listens and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return "amqp://guest:guest@" + listener.Addr().String() + "/"
}

func TestExit0Done(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	w := startWorker(t, url, "--builtin")
	w.awaitReady(t, 20*time.Second)
	p := producer(t, url, "publish", "warrener.echo", "--count", "3").run(t)
	ends(t, p, 0, "^$")
	if len(p.lines()) != 3 {
		t.Errorf("three ids are printed, one a line: %q", p.stdout.String())
	}
	health := call{program: built(t, "worker"), args: []string{"healthcheck", "--metrics-addr", w.addr}}.run(t)
	ends(t, health, 0, "^$")
	ends(t, producer(t, url, "--help").run(t), 0, "^$")
	w.terminate(t, 10*time.Second)
}

func TestExit1Failed(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "default")
	ch := channel(t, url)
	ends(t, call{program: built(t, "worker"), args: []string{"healthcheck", "--metrics-addr", "127.0.0.1:1"}}.run(t), 1, "no answer from the worker.*is it running")

	lines, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	bulk := producer(t, url, "bulk", "--task", "x")
	bulk.stdin = lines
	p := bulk.start(t)
	_ = lines.Close()
	if _, err := pipe.WriteString("1\n"); err != nil {
		t.Fatal(err)
	}
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) { // it is connected and waits for more
		n := waiting(t, ch, "default")
		return n == 1, fmt.Sprintf("%d tasks published", n)
	})
	p.signal(t, os.Interrupt)
	p.wait(t, 10*time.Second)
	ends(t, p, 1, "interrupted")
}

func TestExit2Usage(t *testing.T) {
	t.Parallel()
	for sentence, args := range map[string][]string{
		`no command given`:           {},
		`unknown command "publsh"`:   {"publsh", "x"},
		`NAME is missing`:            {"publish"},
		`unknown flag: --colour`:     {"publish", "x", "--colour", "green"},
		`not JSON`:                   {"publish", "x", "--payload", "{"},
		`--delay and --at`:           {"publish", "x", "--delay", "1s", "--at", "2030-01-01T00:00:00Z"},
		`--lines needs --task`:       {"bulk", "--lines"},
		`no such file`:               {"bulk", "nonesuch.ndjson"},
		`broker address .* is not v`: {"publish", "x", "--url", "http://127.0.0.1"},
	} {
		ends(t, producer(t, nobody, args...).run(t), 2, sentence)
	}
	for sentence, args := range map[string][]string{
		`nothing to run tasks with`: {},
		`--drain-timeout`:           {"--builtin", "--drain-timeout", "0s"},
		`a number from 1`:           {"--builtin", "-c", "0"},
		`the queue's weight`:        {"--builtin", "-q", "a=b"},
		`want quorum or classic`:    {"--builtin", "--queue-type", "stream"},
		`nonesuch`:                  {"--exec", "nonesuch-program"},
	} {
		ends(t, worker(t, nobody, args...).run(t), 2, sentence)
	}
}

func TestExit69BrokerUnavailable(t *testing.T) {
	t.Parallel()
	const helpful = `127\.0\.0\.1:1.*connection refused.*Is RabbitMQ running\? Give its address by --url or WARRENER_URL`
	ends(t, producer(t, nobody, "publish", "x", "--connect-timeout", "300ms").run(t), 69, helpful)
	ends(t, producer(t, nobody, "bulk", "testdata/send.py", "--task", "x", "--lines", "--connect-timeout", "300ms").run(t), 69, helpful)
	ends(t, worker(t, nobody, "--builtin", "--connect-timeout", "300ms", "--metrics-addr", "").run(t), 69, helpful)
}

func TestExit75NotAccepted(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url)
	ch := channel(t, url)
	_, err := ch.QueueDeclare("full", true, false, false, false, amqp.Table{
		"x-queue-type": "classic", "x-overflow": "reject-publish", "x-max-length": 10,
	})
	if err == nil {
		err = ch.QueueBind("full", "full", "warrener.work", false, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	rejected := filepath.Join(t.TempDir(), "rejected")
	bulk := producer(t, url, "bulk", "--task", "x", "-q", "full", "--rejected", rejected)
	bulk.stdin = strings.NewReader(strings.Repeat("1\n", 100))
	ends(t, bulk.run(t), 75, `tasks were not accepted; publish them by: producer bulk `+regexp.QuoteMeta(rejected))
	kept, err := os.ReadFile(rejected)
	if err != nil {
		t.Fatal(err)
	}
	if accepted := waiting(t, ch, "full"); accepted < 10 || accepted+strings.Count(string(kept), "\n") != 100 {
		t.Errorf("%d accepted and %d kept do not add up to 100", accepted, strings.Count(string(kept), "\n"))
	}
	ends(t, producer(t, url, "publish", "x", "-q", "full").run(t), 75, "rejected.*publish again later")
}

func TestExit77AccessRefused(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	const helpful = `access refused.*Check user, password and virtual host`
	for _, wrong := range []string{
		regexp.MustCompile(`:[^:@]+@`).ReplaceAllString(url, ":wrong@"),
		regexp.MustCompile(`/[^/]+$`).ReplaceAllString(url, "/nonesuch"),
	} {
		ends(t, producer(t, wrong, "publish", "x").run(t), 77, helpful)
		ends(t, worker(t, wrong, "--builtin", "--metrics-addr", "").run(t), 77, helpful)
	}
}

func TestExit78Mismatch(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "taken")
	ends(t, producer(t, url, "publish", "x", "-q", "nonesuch").run(t), 78, `unroutable.*A worker declares its queues`)
	ends(t, worker(t, url, "--builtin", "-q", "taken", "--queue-type", "classic", "--metrics-addr", "").run(t), 78,
		`queue "taken" exists with .*Nothing was changed`)
	ends(t, worker(t, url, "--builtin", "-q", "nonesuch", "--passive", "--metrics-addr", "").run(t), 78,
		`queue "nonesuch" does not exist.*Declare it`)
	config := filepath.Join(t.TempDir(), "warrener.yaml")
	if err := os.WriteFile(config, []byte("worker:\n  concurency: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ends(t, worker(t, url, "--builtin", "--config", config).run(t), 78, `warrener.yaml:2: unknown key "concurency"`)
}

func TestExit124Timeout(t *testing.T) {
	t.Parallel()
	url := silent(t)
	const sentence = `the timeout of 300ms is reached`
	ends(t, producer(t, url, "publish", "x", "--timeout", "300ms").run(t), 124, sentence)
	ends(t, producer(t, url, "bulk", "testdata/send.py", "--task", "x", "--lines", "--timeout", "300ms").run(t), 124, sentence)
	ends(t, worker(t, rabbittest.Vhost(t), "--builtin", "--timeout", "300ms", "--metrics-addr", "").run(t), 124, sentence)
}

// A program that refuses to end is left behind by the worker, and its task is delivered again.
func TestWorkerExit1AbandonedTasks(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	w := startWorker(t, url, "--exec", `sh -c 'trap "" TERM; while :; do sleep 0.1; done'`, "--drain-timeout", "200ms")
	w.awaitReady(t, 20*time.Second)
	id := producer(t, url, "publish", "stubborn").run(t).lines()[0]
	w.awaitMetric(t, `warrener_tasks_in_flight{queue="default",task="other"}`, 1)
	w.signal(t, syscall.SIGTERM)
	w.wait(t, 10*time.Second)
	ends(t, w.process, 1, `ignored the end of their context: stubborn `+id)
	if found := ids(t, connect(t, url), "default"); found[id] != 1 {
		t.Errorf("the abandoned task is not in the queue: %v", found)
	}
}

func TestWorkerExit130SecondInterrupt(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	w := startWorker(t, url, "--builtin", "--drain-timeout", "1m")
	w.awaitReady(t, 20*time.Second)
	producer(t, url, "publish", "warrener.sleep", "--payload", `"1m"`).run(t)
	w.awaitMetric(t, `warrener_tasks_in_flight{queue="default",task="warrener.sleep"}`, 1)
	w.signal(t, os.Interrupt)
	w.awaitUnready(t, 10*time.Second)
	w.signal(t, os.Interrupt)
	w.wait(t, 5*time.Second)
	ends(t, w.process, 130, "")
}
