package test

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// pythonWithPika is looked for when the first test needs it.
//
//nolint:gochecknoglobals // one look for the process is the point
var pythonWithPika struct {
	once sync.Once
	path string
	err  error
}

// python returns a Python that has pika, and installs the package where that is possible.
func python(t testing.TB) string {
	t.Helper()
	pythonWithPika.once.Do(func() {
		if findPython() {
			return
		}
		pythonWithPika.err = rabbit.Install(t.Context(), "python3-pika", findPython, t.Output())
		findPython()
	})
	if pythonWithPika.path == "" {
		t.Fatalf("this test needs a python3 with pika (Debian's python3-pika, or pip install pika): there is none, nor could it be installed: %v",
			pythonWithPika.err)
	}
	return pythonWithPika.path
}

func findPython() bool {
	for _, candidate := range []string{"python3", "/usr/bin/python3"} { // the first may be another than Debian's
		if exec.Command(candidate, "-c", "import pika").Run() == nil {
			pythonWithPika.path = candidate
			return true
		}
	}
	return false
}

func TestHelloWorldOfTheTutorialIsServed(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	sent := call{program: python(t), args: []string{"testdata/send.py", url}}.run(t)
	if sent.code() != 0 {
		t.Fatalf("send.py: %s", sent.stderr.String())
	}
	w := worker(t, url, "-q", "hello", "--passive", "--exec", "cat", "--log-level", "debug", "--metrics-addr", "").start(t)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		return strings.Contains(w.stderr.String(), "Hello World!"), "the worker's log: " + w.stderr.String()
	})
	w.terminate(t, 10*time.Second)
	if !strings.Contains(w.stderr.String(), "acked=1") {
		t.Errorf("the worker did not ack one task: %s", w.stderr.String())
	}
	ch := channel(t, url)
	q, err := ch.QueueDeclare("hello", false, false, false, false, nil) // as the tutorial does
	if err != nil || q.Messages != 0 {
		t.Errorf("the tutorial's queue is not as it was, or has %d messages: %v", q.Messages, err)
	}
}

// received is a message as receive.py prints it.
type received struct {
	Body, Exchange, Type string

	RoutingKey   string  `json:"routing_key"`
	MessageID    string  `json:"message_id"`
	ContentType  string  `json:"content_type"`
	DeliveryMode int     `json:"delivery_mode"`
	AppID        string  `json:"app_id"`
	Timestamp    float64 `json:"timestamp"`
	Priority     *int
	Headers      map[string]any
}

// receive takes messages from a queue by pika, and returns them by id.
func receive(t *testing.T, url, queue string, n int) map[string]received {
	t.Helper()
	p := call{program: python(t), args: []string{"testdata/receive.py", url, queue, strconv.Itoa(n)}}.run(t)
	messages := map[string]received{}
	decoder := json.NewDecoder(strings.NewReader(p.stdout.String()))
	for range n {
		var m received
		if err := decoder.Decode(&m); err != nil {
			t.Fatalf("receive.py: %v: %s", err, p.stderr.String())
		}
		messages[m.MessageID] = m
	}
	return messages
}

func TestPikaReceivesWhatProducerPublishes(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "emails")
	payload := `{"to": "ann@example.com", "text": "häh?"}`
	before := time.Now().Truncate(time.Second)
	plain := producer(t, url, "publish", "email.send", "-q", "emails", "--payload", payload).run(t)
	full := producer(t, url, "publish", "email.send", "-q", "emails", "--payload", "7", "--id", "order-7", "--priority", "5",
		"--max-attempts", "3", "--timeout-task", "1500ms", "--expires", "1h", "--header", "colour=green").run(t)
	if plain.code() != 0 || full.code() != 0 || len(plain.lines()) != 1 || full.stdout.String() != "order-7\n" {
		t.Fatalf("publish: %q %q %q %q", plain.stdout.String(), plain.stderr.String(), full.stdout.String(), full.stderr.String())
	}

	messages := receive(t, url, "emails", 2)
	for id, m := range messages {
		at := time.Unix(int64(m.Timestamp), 0)
		if m.Type != "email.send" || m.Exchange != "warrener.work" || m.RoutingKey != "emails" || m.ContentType != "application/json" ||
			m.DeliveryMode != 2 || m.Priority == nil || m.AppID == "" || at.Before(before) || at.After(time.Now()) {
			t.Errorf("the message %s is not as the protocol has it: %+v", id, m)
		}
	}
	first, second := messages[plain.lines()[0]], messages["order-7"]
	id, err := uuid.Parse(first.MessageID)
	if err != nil || id.Version() != 7 || first.Body != payload || len(first.Headers) > 0 {
		t.Errorf("a plain task has the id that was printed, its payload and no headers: %+v, %v", first, err)
	}
	expires, err := time.Parse(time.RFC3339, header(second.Headers, "warrener-expires-at"))
	if err != nil || time.Until(expires) > time.Hour || time.Until(expires) < 55*time.Minute {
		t.Errorf("it expires at %s: %v", expires, err)
	}
	if second.Body != "7" || *second.Priority != 5 || second.Headers["colour"] != "green" || len(second.Headers) != 4 ||
		header(second.Headers, "warrener-max-attempts") != "3" || header(second.Headers, "warrener-timeout-ms") != "1500" {
		t.Errorf("what was asked for is not in the message: %+v", second)
	}
}
