package test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/test/faults"
)

// looks are what warrener top has shown as lines of JSON.
func looks(t *testing.T, p *process) []topLook {
	t.Helper()
	var all []topLook
	for line := range strings.Lines(p.stdout.String()) {
		var l topLook
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, l)
	}
	return all
}

type topLook struct {
	Queues   []topQueue
	Delayed  int
	Workers  []struct{ Worker, Queue string }
	Failures []struct {
		Queue string
		Since int `json:"died_since_start"`
	}
	Unknown []string
}

type topQueue struct {
	Queue, State             string
	Ready                    int
	Unacked, Consumers, Dead *int
	Acked                    *float64 `json:"ack_rate"`
	Growth                   *float64 `json:"growth_rate"`
}

// only is the row of the one queue; one that has nothing in it where there is another number of them.
func (l topLook) only() topQueue {
	if len(l.Queues) != 1 {
		return topQueue{}
	}
	return l.Queues[0]
}

// known is a figure, or what to take for one that is not shown.
func known[N int | float64](figure *N, otherwise N) N {
	if figure == nil {
		return otherwise
	}
	return *figure
}

// awaitLook waits until the last look is as wanted.
func awaitLook(t *testing.T, p *process, wanted func(topLook) bool) {
	t.Helper()
	rabbittest.Eventually(t, 30*time.Second, func() (bool, string) {
		all := looks(t, p)
		return len(all) > 0 && wanted(all[len(all)-1]), tail(p.stdout.String())
	})
}

func TestTopShowsAFleetAtWork(t *testing.T) {
	t.Parallel()
	address, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	s := serveProcess(t, address, "-q", "q", "--builtin", "--concurrency", "2")
	p := operator(t, broker, address, "top", "--interval", "200ms", "-o", "jsonl").start(t)
	awaitLook(t, p, func(l topLook) bool {
		q := l.only()
		return q.Queue == "q" && q.Dead != nil && len(l.Workers) == 1 && l.Workers[0].Queue == "q"
	})
	for _, args := range [][]string{
		{"warrener.fail", "--payload", `"broken"`, "--max-attempts", "1", "--count", "3"},
		{"warrener.sleep", "--payload", `"100ms"`, "--count", "1200"}, // a minute of work
		{"warrener.echo", "--payload", `"x"`, "--delay", "1h"},
	} {
		if p := producer(t, address, append([]string{"publish", "-q", "q"}, args...)...).run(t); p.code() != 0 {
			t.Fatal(p.stderr.String())
		}
	}
	awaitLook(t, p, func(l topLook) bool { return l.only().Ready > 10 && l.Delayed == 1 && known(l.only().Growth, 0) < 0 })
	awaitLook(t, p, func(l topLook) bool { return known(l.only().Acked, 0) > 1 && known(l.only().Unacked, 0) > 0 })
	awaitLook(t, p, func(l topLook) bool {
		return known(l.only().Dead, 0) == 3 && len(l.Failures) == 1 && l.Failures[0].Since == 3 && l.Failures[0].Queue == "q"
	})
	operator(t, broker, address, "queue", "pause", "q").says(t)
	awaitLook(t, p, func(l topLook) bool { return l.only().State == "paused" })
	operator(t, broker, address, "queue", "resume", "q").says(t)
	s.terminate(t, 10*time.Second)
	awaitLook(t, p, func(l topLook) bool {
		return l.only().State == "running" && len(l.Workers) == 0 && known(l.only().Consumers, -1) == 0
	})
	p.terminate(t, 5*time.Second)
	if text := p.stderr.String(); text != "" {
		t.Errorf("and on stderr: %s", text)
	}
}

// A broker that goes away is waited for.
func TestTopOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	address, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, address, "queue", "declare", "q").says(t)
	p := operator(t, broker, address, "top", "--interval", "200ms").start(t)
	shown := func() (bool, string) {
		return strings.Contains(p.stdout.String(), "queue q  running  ready 0"), p.stdout.String() + p.stderr.String()
	}
	rabbittest.Eventually(t, 20*time.Second, shown)
	closeConnections(t, address, func() (bool, string) {
		return strings.Contains(p.stderr.String(), "no figures: broker unavailable"), p.stderr.String()
	})
	before := len(p.stdout.String())
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		return strings.Contains(p.stdout.String()[before:], "queue q  running  ready 0"), p.stderr.String()
	})
	p.terminate(t, 5*time.Second)
}

func TestTopWithoutTheManagementAPI(t *testing.T) {
	t.Parallel()
	address, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, address, "queue", "declare", "q").says(t)
	publishAll(t, dial(t, address, "q"), numbered("task", "q", 5))
	bare := call{program: built(t, "warrener"), env: []string{"WARRENER_URL=" + address}}
	bare.args = []string{"top", "-q", "q", "--for", "3s", "--interval", "300ms"}
	out := bare.says(t, "queue q  running  ready 5 (-/s)  unacked -  dead 0", "ready 5 (+0.0/s)", "give --management-url")
	if n := strings.Count(out, "queue q"); n < 2 || n > 11 {
		t.Errorf("%d looks in three seconds:\n%s", n, out)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"top", 2, "AMQP cannot list queues"},
		{"top -q none", 78, `queue "none" does not exist`},
		{"top -q q --for 1s --url " + nobody + " --connect-timeout 100ms", 69, "broker unavailable"},
		{"top -q q --interval 1ms", 2, "want 100ms or more"},
		{"top -q q --for -1s", 2, "--for cannot be negative"},
		{"top -q q -o json", 2, `want one of \["table" "jsonl"\]`},
		{"top -q amq.x", 2, "begins with amq."},
		{"top -q q --management-url http://127.0.0.1:1", 1, "ask the management API"},
	} {
		bare.args = strings.Fields(tt.args)
		ends(t, bare.run(t), tt.code, tt.want)
	}
	bare.args = []string{"top", "-q", "q", "--timeout", "1s"}
	p := bare.run(t)
	if p.code() != 124 || !strings.Contains(p.stderr.String(), "the timeout of 1s is reached") {
		t.Errorf("%s ends with %d: %s", p, p.code(), fmt.Sprint(p.stderr.String()))
	}
}

// A broker that says nothing more does not hold up the end.
func TestTopEndsWhileTheBrokerIsSilent(t *testing.T) {
	t.Parallel()
	address, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, address, "queue", "declare", "q").says(t)
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faults.NewProxy(target.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	target.Host = proxy.Addr
	p := call{
		program: built(t, "warrener"), args: []string{"top", "-q", "q", "--interval", "100ms", "--for", "2s"},
		env: []string{"WARRENER_URL=" + target.String()},
	}.start(t)
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		return strings.Contains(p.stdout.String(), "queue q  running"), p.stderr.String()
	})
	proxy.HangAll()
	if code := p.wait(t, 10*time.Second); code != 0 { // a silent broker is found out after three heartbeats, 30 s
		t.Errorf("ends with %d: %s", code, p.stderr.String())
	}
}
