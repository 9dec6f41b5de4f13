package topology_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The golden files are the contract with brokers that are in use: a changed argument makes each of them refuse the
// declaration.
func TestObjects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		golden  string
		objects fmt.Stringer
	}{
		{"base", topology.Base()},
		{"work-quorum", topology.Work(topology.WorkQueue{Name: "emails"})},
		{"work-quorum-limit", topology.Work(topology.WorkQueue{Name: "emails", Type: topology.Quorum, DeliveryLimit: 3})},
		{"work-classic", topology.Work(topology.WorkQueue{Name: "emails", Type: topology.Classic, DeliveryLimit: 3})},
		{"levels-3", topology.DelayLevels(3)},
		{"levels-31", topology.DelayLevels(31)},
		{"routes", routes(t)},
	}
	for _, test := range tests {
		t.Run(test.golden, func(t *testing.T) {
			t.Parallel()
			compare(t, test.golden, test.objects.String())
		})
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, got:\n%s", path, got)
	}
}

// routes lists the ways to a queue after some delays.
func routes(t *testing.T) *strings.Builder {
	t.Helper()
	var b strings.Builder
	for _, delay := range []time.Duration{
		0, -time.Second, 1, 100 * time.Millisecond, 100*time.Millisecond + 1, 500 * time.Millisecond, time.Second, 30 * time.Second,
		time.Hour, 24 * time.Hour, topology.MaxDelay,
	} {
		route, err := topology.After("emails", delay)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%v: %s %s level %d\n", delay, route.Exchange, route.Key, route.Level)
	}
	dead := topology.ToDead("emails")
	fmt.Fprintf(&b, "dead: %s %s in %s level %d\n", dead.Exchange, dead.Key, dead.Queue, dead.Level)
	return &b
}

func TestAfterTooLong(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{topology.MaxDelay + 1, 1<<63 - 1} {
		if route, err := topology.After("emails", delay); err == nil {
			t.Errorf("After(%v) = %v, want an error", delay, route)
		}
	}
}

func TestCheckQueueName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 185)
	tests := []struct {
		name string
		ok   bool
	}{
		{"emails", true}, {"a.b", true}, {".a", true}, {"a..b", true}, {"a.", true}, {".", true}, {"a b", true}, {"é.ü", true},
		{"*a", true}, {"a#", true}, {"amqp", true}, {"warrener.bench", true}, {long, true},
		{"", false}, {long + "x", false}, {"a\xff", false}, {"a\nb", false}, {"a\x7f", false}, {"amq.gen-1", false},
		{"*", false}, {"#", false}, {"a.*", false}, {"#.b", false}, {"a.#.b", false}, {topology.Unrouted, false}, {"warrener.delay.07", false},
	}
	for _, test := range tests {
		if err := topology.CheckQueueName(test.name); (err == nil) != test.ok {
			t.Errorf("CheckQueueName(%q) = %v, want ok: %v", test.name, err, test.ok)
		}
	}
}
