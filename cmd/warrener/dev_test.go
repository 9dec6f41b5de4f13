package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestDocs(t *testing.T) {
	t.Parallel()

	const page = "../../docs/cli.md"
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := cli.Document(string(got), newRootCommand(func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
		return
	}
	if string(got) != want {
		t.Error("docs/cli.md says something else than --help: run make generate")
	}
}

func runCommand(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	root := newRootCommand(func(string) string { return "" })
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	code = cli.Report(&stderr, "warrener", root.ExecuteContext(t.Context()))
	return stdout.String() + stderr.String(), code
}

func TestDevAddsUp(t *testing.T) {
	t.Parallel()

	out, code := runCommand(t, "dev", "--for", "1s", "--rate", "100", "--listen", "127.0.0.1:0")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{"embedded, for development", "amqp     amqp://guest:guest@127.0.0.1:", "metrics  http://127.0.0.1:", " published = ", "+ 0 still waiting"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDevMistakes(t *testing.T) {
	t.Parallel()

	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dev", "--listen", taken.Addr().String()}, 1, "the port is taken, perhaps by a RabbitMQ"},
		{[]string{"dev", "--listen", "0.0.0.0:5672"}, 2, "listens on a loopback address alone"},
		{[]string{"dev", "--listen", "5672"}, 2, "want host:port"},
		{[]string{"dev", "--metrics-addr", taken.Addr().String()}, 2, "the port is taken"},
		{[]string{"dev", "--rate", "0"}, 2, "--rate is from 1"},
		{[]string{"dev", "--for", "-1s"}, 2, "--for is not negative"},
		{[]string{"dev", "--broker", "amqp://127.0.0.1/", "--listen", "127.0.0.1:0"}, 2, "--listen is for the embedded broker"},
		{[]string{"dev", "--broker", "http://127.0.0.1/"}, 2, "amqp"},
		{[]string{"dev", "now"}, 2, "now"},
		{[]string{"develop"}, 2, "unknown command"},
	} {
		if out, code := runCommand(t, tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

func TestStreamIsItsSeeds(t *testing.T) {
	t.Parallel()

	names := map[string]int{}
	a, b := newStream(7), newStream(7)
	for range 2000 {
		x, err := a.next()
		if err != nil {
			t.Fatal(err)
		}
		y, _ := b.next()
		if x.Name != y.Name || !bytes.Equal(x.Payload, y.Payload) || x.Delay != y.Delay {
			t.Fatalf("one seed, two tasks: %+v and %+v", x, y)
		}
		names[x.Name]++
	}
	for _, p := range mix() {
		if got, want := names[p.name], 2000*p.share/a.total; got < want/2 || got > want*2 {
			t.Errorf("%s: %d times, want about %d", p.name, got, want)
		}
	}
}

// The books notice a task that is gone, and one that was made up.
func TestTallyNoticesWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()

	acked, dead := warrener.Settlement{Outcome: warrener.Acked}, warrener.Settlement{Outcome: warrener.DeadLettered, Reason: warrener.ReasonPermanent}
	settle := func(t *tally, id string, s warrener.Settlement) { t.settled(warrener.TaskInfo{ID: id}, s) }
	for name, tt := range map[string]struct {
		events  func(t *tally)
		waiting int
		adds    bool
		summary string
	}{
		"all done":            {func(t *tally) { settle(t, "1", acked); settle(t, "2", dead); settle(t, "3", acked) }, 0, true, "3 published = 2 done + 1 dead (permanent 1) + 0 still waiting"},
		"one waits":           {func(t *tally) { settle(t, "1", acked); settle(t, "2", acked) }, 1, true, "3 published = 2 done + 0 dead + 1 still waiting"},
		"one is gone":         {func(t *tally) { settle(t, "1", acked); settle(t, "2", acked) }, 0, false, "3 published ≠ 2 done + 0 dead + 0 still waiting"},
		"one is there twice":  {func(t *tally) { settle(t, "1", acked); settle(t, "2", acked) }, 2, false, "3 published ≠ 2 done"},
		"done twice":          {func(t *tally) { settle(t, "1", acked); settle(t, "1", acked) }, 2, true, "1 ended more than once"},
		"somebody else's":     {func(t *tally) { settle(t, "x", acked) }, 3, true, "1 tasks of others"},
		"perhaps not there":   {func(t *tally) { t.publishing("4"); t.published("4", warrener.ErrUnknownOutcome) }, 3, true, "1 may not have reached the broker"},
		"refused":             {func(t *tally) { t.publishing("4"); t.published("4", warrener.ErrRejected) }, 3, true, "3 published = "},
		"tried again":         {func(t *tally) { settle(t, "1", warrener.Settlement{Outcome: warrener.Retried}) }, 3, true, "0 attempts, 1 of them"},
		"given back and done": {func(t *tally) { settle(t, "1", warrener.Settlement{Outcome: warrener.Requeued}); settle(t, "1", acked) }, 2, true, "= 1 done"},
	} {
		books := newTally()
		for _, id := range []string{"1", "2", "3"} {
			books.publishing(id)
			books.published(id, nil)
		}
		tt.events(books)
		f := books.figures()
		if got := f.addUp(tt.waiting); got != tt.adds {
			t.Errorf("%s: adds up: %v", name, got)
		}
		if text := summary(f, tt.waiting); !strings.Contains(text, tt.summary) {
			t.Errorf("%s: no %q in %s", name, tt.summary, text)
		}
		opts, s := &devOptions{out: io.Discard}, &system{tally: books}
		if err := opts.conclude(s); tt.waiting == f.open && tt.adds && err != nil || f.published < f.done+f.deaths() && !errors.Is(err, errSum) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()

	f := figures{published: 100, done: 80, dead: map[warrener.Reason]int{warrener.ReasonExpired: 1, warrener.ReasonPermanent: 2}, open: 17, running: 3, retried: 9, elapsed: 2 * time.Second}
	var plain bytes.Buffer
	newScreen(&plain, false).show(f)
	if want := "   2s  published 100  running 3  done 80 (40/s)  retried 9  open 17  dead 3\n"; plain.String() != want {
		t.Errorf("plain: %q, want %q", plain.String(), want)
	}
	var live bytes.Buffer
	s := newScreen(&live, true)
	s.show(f)
	first := live.String()
	f.elapsed += time.Second
	s.show(f)
	if strings.Contains(first, "\x1b[9A") || !strings.Contains(live.String(), "\x1b[9A") || strings.Count(first, "\n") != 9 {
		t.Errorf("not drawn over: %q", live.String())
	}
	if !strings.Contains(first, "expired 1, permanent 2") {
		t.Errorf("no reasons in %q", first)
	}
}
