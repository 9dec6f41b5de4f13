package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func warrenerWith(t testing.TB, url string, args ...string) call {
	t.Helper()
	return call{program: built(t, "warrener"), args: args, env: []string{"WARRENER_URL=" + url}}
}

// operate runs an operator's command and wants it to end with a code.
func operate(t testing.TB, url string, code int, args ...string) *process {
	t.Helper()
	p := warrenerWith(t, url, args...).run(t)
	if p.code() != code {
		t.Fatalf("%s ended with %d, want %d\n%s%s", p, p.code(), code, tail(p.stdout.String()), tail(p.stderr.String()))
	}
	return p
}

// fillDead declares a queue and puts dead letters into its dead-letter queue, dead-0 and so on.
func fillDead(t testing.TB, url, queue string, n int, change ...func(i int, m *amqp.Publishing)) *amqp.Channel {
	t.Helper()
	dial(t, url, queue)
	ch := channel(t, url)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirms := make([]*amqp.DeferredConfirmation, n)
	for i := range n {
		m := amqp.Publishing{
			MessageId: fmt.Sprintf("dead-%d", i), Type: "email.send", ContentType: "application/json", DeliveryMode: amqp.Persistent, Priority: 1,
			Body: fmt.Appendf(nil, `{"number":%d}`, i), Headers: amqp.Table{
				"warrener-queue": queue, "warrener-reason": "exhausted", "warrener-error": "connection refused", "warrener-worker": "w",
				"warrener-attempt": int64(25), "warrener-died-at": time.Now().UTC().Format(time.RFC3339), "tenant": "acme",
			},
		}
		for _, f := range change {
			f(i, &m)
		}
		var err error
		if confirms[i], err = ch.PublishWithDeferredConfirm("warrener.dead", queue, true, false, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(t.Context()); !ok || err != nil {
			t.Fatalf("not confirmed: %v", err)
		}
	}
	return ch
}

// deadIDs are those that list says, in its order.
func deadIDs(t testing.TB, url string, args ...string) []string {
	t.Helper()
	p := operate(t, url, 0, append([]string{"dead", "list", "--each", "-o", "jsonl"}, args...)...)
	var ids []string
	for line := range strings.Lines(p.stdout.String()) {
		var letter struct{ ID string }
		if err := json.Unmarshal([]byte(line), &letter); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		ids = append(ids, letter.ID)
	}
	return ids
}

func deadNames(from, to int) []string {
	var names []string
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("dead-%d", i))
	}
	return names
}

// What a worker gave up is looked at, mended and run again.
func TestDeadLettersFromAWorkerAndBack(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	failing := serveProcess(t, url, "-q", "emails", "--exec", "email.send=sh -c 'echo no such host >&2; exit 65'", "--max-attempts", "2")
	for id, payload := range map[string]string{"order-7": `{"to":"ann"}`, "order-8": `{"to":"bob"}`} {
		if p := producer(t, url, "publish", "email.send", "-q", "emails", "--id", id, "--payload", payload).run(t); p.code() != 0 {
			t.Fatal(p.stderr.String())
		}
	}
	ch := channel(t, url)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		n := waiting(t, ch, "emails.dead")
		return n == 2, fmt.Sprintf("%d dead letters", n)
	})
	failing.terminate(t, 20*time.Second)

	list := operate(t, url, 0, "dead", "list", "-q", "emails").stdout.String()
	if !regexp.MustCompile(`(?m)^2 +email.send +permanent .*no such host`).MatchString(list) {
		t.Errorf("list:\n%s", list)
	}
	var shown struct {
		Reason   string
		Payload  map[string]string
		Headers  map[string]any
		Timeline []struct{ What string }
	}
	show := operate(t, url, 0, "dead", "show", "-q", "emails", "order-7", "-o", "json").stdout.String()
	if err := json.Unmarshal([]byte(show), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Reason != "permanent" || shown.Payload["to"] != "ann" || shown.Headers["warrener-queue"] != "emails" || len(shown.Timeline) != 2 {
		t.Errorf("show: %s", show)
	}
	if out := operate(t, url, 0, "dead", "redrive", "-q", "emails", "--all", "--dry-run").stdout.String(); !strings.Contains(out, "2 dead letters") {
		t.Errorf("dry run: %s", out)
	}
	if n := waiting(t, ch, "emails.dead"); n != 2 {
		t.Fatalf("%d dead letters after a dry run", n)
	}
	operate(t, url, 0, "dead", "redrive", "-q", "emails", "order-7", "--payload", `{"to":"ann@example.com"}`)
	editor := filepath.Join(t.TempDir(), "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nsed -i s/bob/bob@example.com/ \"$1\"\n"), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	edit := warrenerWith(t, url, "dead", "edit", "-q", "emails", "order-8")
	edit.env = append(edit.env, "EDITOR="+editor)
	if p := edit.run(t); p.code() != 0 {
		t.Fatalf("edit: %s", p.stderr.String())
	}

	found := map[string]string{}
	for _, d := range take(t, ch, "emails", 2) {
		found[d.MessageId] = string(d.Body)
		if d.Headers["warrener-attempt"] != nil || d.Headers["warrener-reason"] != nil || d.Type != "email.send" {
			t.Errorf("%s came back as %q with %v", d.MessageId, d.Type, d.Headers)
		}
	}
	if found["order-7"] != `{"to":"ann@example.com"}` || found["order-8"] != `{"to":"bob@example.com"}` {
		t.Errorf("came back: %v", found)
	}
	awaitEmpty(t, ch, "emails.dead")
}

func TestRedriveKilledInTheMiddleLosesNothing(t *testing.T) {
	t.Parallel()
	const letters, window = 5000, 200
	url := rabbittest.Vhost(t)
	ch := fillDead(t, url, "emails", letters)
	p := warrenerWith(t, url, "dead", "redrive", "-q", "emails", "--all", "--window", strconv.Itoa(window), "--rate", "2000").start(t)
	awaitMoved(t, ch, 1200)
	p.signal(t, syscall.SIGKILL)
	p.wait(t, 10*time.Second)

	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		q, err := ch.QueueDeclarePassive("emails.dead", true, false, false, false, nil)
		return err == nil && q.Messages > 0 && q.Messages+waiting(t, ch, "emails") >= letters, fmt.Sprintf("%d in the dead-letter queue, %v", q.Messages, err)
	})
	left := deadIDs(t, url, "-q", "emails")
	operate(t, url, 0, "dead", "redrive", "-q", "emails", "--all")
	twice := wantAll(t, ch, letters)
	t.Logf("%d were left, %d are there twice", len(left), twice)
	if len(left) == 0 || len(left) == letters || twice > window {
		t.Errorf("%d were left, %d are there twice, want at most %d", len(left), twice, window)
	}
	awaitEmpty(t, ch, "emails.dead")
}

func TestRedriveInterruptedSaysWhereItStopped(t *testing.T) {
	t.Parallel()
	const letters = 2000
	url := rabbittest.Vhost(t)
	ch := fillDead(t, url, "emails", letters)
	deadIDs(t, url, "-q", "emails") // all have come back once: the order is at stake
	p := warrenerWith(t, url, "dead", "redrive", "-q", "emails", "--all", "--rate", "500").start(t)
	awaitMoved(t, ch, 300)
	p.signal(t, os.Interrupt)
	if code := p.wait(t, 20*time.Second); code != 75 {
		t.Errorf("exit code %d, want 75", code)
	}
	said := regexp.MustCompile(`redriven (\d+) of 2000 dead letters, (\d+) are left in emails.dead; the last was (dead-\d+)\n`).FindStringSubmatch(p.stdout.String())
	if said == nil {
		t.Fatalf("it says %q, %q", p.stdout.String(), p.stderr.String())
	}
	moved, _ := strconv.Atoi(said[1])
	if got := deadIDs(t, url, "-q", "emails"); !slices.Equal(got, deadNames(moved, letters)) || said[2] != strconv.Itoa(letters-moved) || said[3] != fmt.Sprintf("dead-%d", moved-1) {
		t.Errorf("%q, and %d are there: %.100q", said[0], len(got), got)
	}
	operate(t, url, 124, "dead", "redrive", "-q", "emails", "--all", "--rate", "100", "--timeout", "2s")
	operate(t, url, 0, "dead", "redrive", "-q", "emails", "--all")
	if twice := wantAll(t, ch, letters); twice > 0 {
		t.Errorf("%d are there twice", twice)
	}
}

func TestRedriveThroughALostConnection(t *testing.T) {
	t.Parallel()
	for name, chosen := range map[string][]string{"all": {"--all"}, "some": {"--reason", "exhausted"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const letters, window = 3000, 100
			url := rabbittest.Vhost(t)
			ch := fillDead(t, url, "emails", letters+1, func(i int, m *amqp.Publishing) {
				if i == 0 && name == "some" { // one that stays, before all others
					m.Headers["warrener-reason"] = "malformed"
				}
			})
			redrive := append([]string{"dead", "redrive", "-q", "emails"}, chosen...)
			p := warrenerWith(t, url, append(redrive, "--rate", "1000", "--window", strconv.Itoa(window))...).start(t)
			awaitMoved(t, ch, 500)
			rabbittest.CloseConnections(t, url)
			if code := p.wait(t, 40*time.Second); code != 75 || !strings.Contains(p.stdout.String(), "are left in emails.dead") {
				t.Errorf("exit code %d: %s%s", code, p.stdout.String(), p.stderr.String())
			}
			operate(t, url, 0, redrive...)
			operate(t, url, 0, "dead", "redrive", "-q", "emails", "--text", "dead-") // and the one that stayed
			if twice := wantAll(t, channel(t, url), letters+1); twice > window {
				t.Errorf("%d are there twice, want at most %d", twice, window)
			}
		})
	}
}

// awaitMoved waits until so many tasks are in the work queue.
func awaitMoved(t testing.TB, ch *amqp.Channel, n int) {
	t.Helper()
	rabbittest.Eventually(t, 30*time.Second, func() (bool, string) {
		got := waiting(t, ch, "emails")
		return got >= n, fmt.Sprintf("%d redriven", got)
	})
}

// wantAll takes the tasks out of the work queue, wants each of dead-0 to dead-(n-1), and returns how many are there again.
func wantAll(t testing.TB, ch *amqp.Channel, n int) (twice int) {
	t.Helper()
	total := waiting(t, ch, "emails")
	deliveries, err := ch.Consume("emails", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for received, patience := 0, time.After(30*time.Second); received < total || len(found) < n; received++ {
		select {
		case d := <-deliveries:
			found[d.MessageId]++
			if found[d.MessageId] > 1 {
				twice++
			}
		case <-patience:
			t.Fatalf("%d of %d tasks are there", len(found), n)
		}
	}
	for _, id := range deadNames(0, n) {
		if found[id] == 0 {
			t.Errorf("%s is lost", id)
		}
	}
	return twice
}

func TestRedriveSomeKeepsTheOthersInOrder(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	ch := fillDead(t, url, "emails", 700, func(i int, m *amqp.Publishing) {
		if i%100 == 42 {
			m.Headers["warrener-reason"] = "malformed"
		}
	})
	p := operate(t, url, 0, "dead", "redrive", "-q", "emails", "--reason", "malformed")
	if !strings.Contains(p.stdout.String(), "redriven 7 of 7") {
		t.Error(p.stdout.String())
	}
	if p := operate(t, url, 2, "dead", "discard", "-q", "emails", "--text", "dead-1"); !strings.Contains(p.stderr.String(), "--yes") {
		t.Error(p.stderr.String())
	}
	operate(t, url, 0, "dead", "discard", "-q", "emails", "--text", "dead-1", "--yes")
	want := slices.DeleteFunc(deadNames(0, 700), func(id string) bool {
		return strings.HasPrefix(id, "dead-1") || len(id) > 6 && strings.HasSuffix(id, "42") || id == "dead-42"
	})
	if got := deadIDs(t, url, "-q", "emails"); !slices.Equal(got, want) {
		t.Errorf("left: %.300q, want %.300q", got, want)
	}
	take(t, ch, "emails", 7)
}

func TestWhatIsNoTaskIsShownAndGoesBackUnchanged(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	dial(t, url, "emails")
	ch := channel(t, url)
	for queue, args := range map[string]amqp.Table{
		"foreign":      {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "foreign-dead"},
		"foreign-dead": {"x-queue-type": "classic"},
	} {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			t.Fatal(err)
		}
	}
	raw := []byte{0xff, 0x00, 0x1b, '[', '2', 'J'}
	send(t, ch, "foreign", amqp.Publishing{Body: raw, Headers: amqp.Table{"warrener-attempt": "two", "a": "\x1b[31m"}, CorrelationId: "c"})
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		d, ok, err := ch.Get("foreign", false)
		if err == nil && ok {
			err = d.Reject(false)
		}
		return ok && err == nil, fmt.Sprint(err)
	})
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) { return waiting(t, ch, "foreign-dead") == 1, "not dead-lettered" })

	ids := deadIDs(t, url, "--dead-queue", "foreign-dead")
	if len(ids) != 1 || !strings.HasPrefix(ids[0], "content-") {
		t.Fatalf("ids %q", ids)
	}
	shown := operate(t, url, 0, "dead", "show", "--dead-queue", "foreign-dead", ids[0]).stdout.String()
	for _, want := range []string{"warrener-attempt is of type string", "ff 00 1b 5b 32 4a", "queue          foreign", "reason         rejected"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "\x1b") {
		t.Error("the terminal would obey what is shown")
	}
	if p := operate(t, url, 0, "dead", "show", "--dead-queue", "foreign-dead", ids[0], "-o", "raw"); p.stdout.String() != string(raw) {
		t.Errorf("raw: %q", p.stdout.String())
	}
	operate(t, url, 0, "dead", "redrive", "--dead-queue", "foreign-dead", "--all")
	back := take(t, ch, "foreign", 1)[0]
	if string(back.Body) != string(raw) || back.Headers["warrener-attempt"] != "two" || back.Headers["x-death"] != nil || back.CorrelationId != "c" || back.MessageId != "" {
		t.Errorf("came back as %q with %v", back.Body, back.Headers)
	}
}

func TestRedriveToAQueueThatIsGoneLeavesTheDeadLetter(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	ch := fillDead(t, url, "emails", 3, func(i int, m *amqp.Publishing) {
		if i == 1 {
			m.Headers["warrener-queue"] = "gone"
		}
	})
	p := operate(t, url, 75, "dead", "redrive", "-q", "emails", "--all")
	if !strings.Contains(p.stdout.String(), "redriven 2 of 3 dead letters, 1 are left in emails.dead") || !strings.Contains(p.stderr.String(), `dead letter dead-1 to queue "gone"`) {
		t.Errorf("it says %s%s", p.stdout.String(), p.stderr.String())
	}
	if got := deadIDs(t, url, "-q", "emails"); !slices.Equal(got, []string{"dead-1"}) {
		t.Errorf("left: %q", got)
	}
	operate(t, url, 78, "dead", "redrive", "-q", "emails", "dead-1")
	operate(t, url, 0, "dead", "redrive", "-q", "emails", "dead-1", "--to", "emails")
	take(t, ch, "emails", 3)
}
