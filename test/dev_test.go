package test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// dev runs the whole system in one process, with no broker anywhere.
func dev(t *testing.T, args ...string) *process {
	t.Helper()
	return call{program: built(t, "warrener"), args: append([]string{"dev"}, args...)}.start(t)
}

var addsUp = regexp.MustCompile(`(\d+) published = (\d+) done \+ (\d+) dead .*\+ 0 still waiting`)

func TestDevEndsWithASummaryThatAddsUp(t *testing.T) {
	t.Parallel()
	p := dev(t, "--for", "2s", "--rate", "200")
	code := p.wait(t, time.Minute)
	out := p.stdout.String()
	if m := addsUp.FindStringSubmatch(out); code != 0 || m == nil || m[2] == "0" || m[3] == "0" {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{"everything is in memory", "metrics  http://127.0.0.1:", "  running "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b[") {
		t.Errorf("escape codes where there is no terminal: %q", out)
	}
}

func TestDevListensToOthers(t *testing.T) {
	t.Parallel()
	p := dev(t, "--listen", "127.0.0.1:0")
	address := regexp.MustCompile(`amqp://\S+`)
	var url string
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		url = address.FindString(p.stdout.String())
		return url != "", "no address: " + p.stdout.String() + p.stderr.String()
	})

	if ours := producer(t, url, "publish", "dev.greet", "-q", "dev", "--count", "7").run(t); ours.code() != 0 || len(ours.lines()) != 7 {
		t.Errorf("publish: %s", ours.stderr.String())
	}
	if sent := (call{program: python(t), args: []string{"testdata/send.py", url}}).run(t); sent.code() != 0 {
		t.Errorf("pika does not publish: %s", sent.stderr.String())
	}
	if got := receive(t, url, "hello", 1); got[""].Body != "Hello World!" {
		t.Errorf("pika receives %v", got)
	}
	other := worker(t, url, "-q", "mine", "--exec", "true", "--metrics-addr", "").start(t)
	rabbittest.Eventually(t, 10*time.Second, func() (bool, string) {
		return strings.Contains(other.stderr.String(), "subscribed"), "another worker: " + other.stderr.String()
	})
	other.terminate(t, 10*time.Second)

	p.terminate(t, time.Minute)
	if out := p.stdout.String(); !addsUp.MatchString(out) || !strings.Contains(out, "\n7 tasks of others\n") {
		t.Errorf("the summary: %s", tail(out))
	}
}

func TestDevOnAnotherBroker(t *testing.T) {
	t.Parallel()
	p := call{program: built(t, "warrener"), args: []string{"dev", "--for", "2s"}, env: []string{"WARRENER_BROKER=" + rabbittest.Vhost(t)}}.start(t)
	if code := p.wait(t, time.Minute); code != 0 || !addsUp.MatchString(p.stdout.String()) || strings.Contains(p.stdout.String(), "embedded") {
		t.Errorf("exit code %d:\n%s%s", code, p.stdout.String(), p.stderr.String())
	}
}
