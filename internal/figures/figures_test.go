package figures_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/figures"
	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/operate"
)

// at is a look some seconds after the first.
func at(seconds float64, queues ...operate.Seen) operate.Sample {
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return operate.Sample{At: begin.Add(time.Duration(seconds * float64(time.Second))), Queues: queues}
}

// shown is what is shown after the last of the looks.
func shown(looks ...operate.Sample) figures.Frame {
	var h figures.History
	var f figures.Frame
	for _, s := range looks {
		f = h.Add(s)
	}
	return f
}

// ready is a queue in which so many tasks wait.
func ready(n int) operate.Seen { return operate.Seen{Queue: "q", Ready: n} }

// dead is a queue with so many dead letters.
func dead(n int) operate.Seen { return operate.Seen{Queue: "q", Dead: new(n)} }

func traffic(published, delivered, acked management.Counter) operate.Seen {
	return operate.Seen{Queue: "q", Traffic: &management.Traffic{Published: published, Delivered: delivered, Acked: acked}}
}

func total(n int) management.Counter { return management.Counter{Total: n} }

func TestRates(t *testing.T) {
	t.Parallel()
	type rates struct{ growth, published, delivered, acked *float64 }
	measured := func(perSecond float64) management.Counter { return management.Counter{Total: 1, PerSecond: &perSecond} }
	for _, tt := range []struct {
		name  string
		looks []operate.Sample
		want  rates
	}{
		{"of the first look", []operate.Sample{at(0, ready(7))}, rates{}},
		{"of a queue that grows", []operate.Sample{at(0, ready(7)), at(2, ready(10))}, rates{growth: new(1.5)}},
		{"of a queue that shrinks", []operate.Sample{at(0, ready(10)), at(0.5, ready(7))}, rates{growth: new(-6.0)}},
		{"from the look before, not the first", []operate.Sample{at(0, ready(0)), at(2, ready(100)), at(4, ready(100))}, rates{growth: new(0.0)}},
		{"of a queue that is new", []operate.Sample{at(0), at(2, ready(10))}, rates{}},
		{
			"of a queue that was gone", []operate.Sample{at(0, ready(1)), at(1, operate.Seen{Queue: "q", Gone: true}), at(2, ready(9))},
			rates{},
		},
		{"at the same instant", []operate.Sample{at(0, ready(7)), at(0, ready(10))}, rates{}},
		{"as the broker measures them", []operate.Sample{
			at(0, traffic(measured(9), measured(9), measured(9))), at(2, traffic(measured(3), measured(2), measured(1))),
		}, rates{new(0.0), new(3.0), new(2.0), new(1.0)}},
		{"from counts alone", []operate.Sample{
			at(0, traffic(total(10), total(20), total(30))), at(2, traffic(total(12), total(24), total(36))),
		}, rates{new(0.0), new(1.0), new(2.0), new(3.0)}},
		{"from counts that began anew", []operate.Sample{
			at(0, traffic(total(10), total(20), total(30))), at(2, traffic(total(1), total(24), total(36))),
		}, rates{new(0.0), nil, new(2.0), new(3.0)}},
		{"from a count that is new", []operate.Sample{at(0, ready(0)), at(2, traffic(total(1), total(1), total(1)))}, rates{growth: new(0.0)}},
	} {
		q := shown(tt.looks...).Queues[0]
		if got := (rates{q.Growth, q.Published, q.Delivered, q.Acked}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %s", tt.name, text(t, q))
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		looks []operate.Sample
		want  []figures.Failure
	}{
		{"none", []operate.Sample{at(0, dead(0)), at(1, dead(0))}, []figures.Failure{}},
		{"not known", []operate.Sample{at(0, ready(1)), at(1, ready(1))}, []figures.Failure{}},
		{"from before", []operate.Sample{at(0, dead(5))}, []figures.Failure{{Queue: "q", Dead: 5}}},
		{"since", []operate.Sample{at(0, dead(5)), at(1, dead(7)), at(2, dead(8))}, []figures.Failure{{Queue: "q", Dead: 8, Minute: 3, Since: 3}}},
		{"more than a minute ago", []operate.Sample{at(0, dead(5)), at(1, dead(7)), at(60, dead(8)), at(61, dead(8))}, []figures.Failure{
			{Queue: "q", Dead: 8, Minute: 1, Since: 3},
		}},
		{"sent back", []operate.Sample{at(0, dead(5)), at(1, dead(7)), at(2, dead(0)), at(3, dead(1))}, []figures.Failure{
			{Queue: "q", Dead: 1, Minute: 3, Since: 3},
		}},
		{"all sent back", []operate.Sample{at(0, dead(0)), at(1, dead(7)), at(2, dead(0))}, []figures.Failure{{Queue: "q", Minute: 7, Since: 7}}},
		{"across a time when the queue was gone", []operate.Sample{
			at(0, dead(5)), at(1, dead(7)), at(2, operate.Seen{Queue: "q", Gone: true}), at(3, dead(9)),
		}, []figures.Failure{{Queue: "q", Dead: 9, Minute: 2, Since: 2}}},
	} {
		if got := shown(tt.looks...).Failures; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	sample := at(
		3, operate.Seen{Queue: "a", Type: "quorum", Ready: 1, Unacked: new(2), Consumers: new(3), Dead: new(0), Paused: true},
		operate.Seen{Queue: "b", Gone: true}, operate.Seen{Queue: "c", Type: "classic"},
	)
	sample.Delayed, sample.Unknown = 4, []string{"why"}
	sample.Workers = []operate.Worker{{Name: "w", Queue: "a", Prefetch: 32, Unacked: new(2)}}
	got := text(t, shown(at(0), sample))
	const want = `{"at":"2000-01-01T00:00:03Z","seconds":3,"queues":[` +
		`{"queue":"a","type":"quorum","state":"paused","ready":1,"unacked":2,"consumers":3,"dead":0,` +
		`"publish_rate":null,"deliver_rate":null,"ack_rate":null,"growth_rate":null},` +
		`{"queue":"b","type":"","state":"gone","ready":0,"unacked":null,"consumers":null,"dead":null,` +
		`"publish_rate":null,"deliver_rate":null,"ack_rate":null,"growth_rate":null},` +
		`{"queue":"c","type":"classic","state":"running","ready":0,"unacked":null,"consumers":null,"dead":null,` +
		`"publish_rate":null,"deliver_rate":null,"ack_rate":null,"growth_rate":null}],` +
		`"delayed":4,"workers":[{"worker":"w","queue":"a","prefetch":32,"unacked":2}],"failures":[],"unknown":["why"]}`
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if got := text(t, shown(at(0))); !strings.Contains(got, `"queues":[],"delayed":0,"workers":null,"failures":[],"unknown":[]`) {
		t.Errorf("nothing known: %s", got)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSorted(t *testing.T) {
	t.Parallel()
	queues := []figures.Queue{
		{Queue: "b", Ready: 1, Unacked: new(0), Dead: new(3), Acked: new(1.5)},
		{Queue: "c", Ready: 3, Unacked: new(5)},
		{Queue: "a", Ready: 1, Dead: new(4), Acked: new(0.5)},
	}
	for order, want := range map[figures.Order]string{
		figures.ByName: "abc", figures.ByReady: "cab", figures.ByUnacked: "cba", figures.ByDead: "abc", figures.ByRate: "bac",
	} {
		if got := names(figures.Sorted(queues, order, false)); got != want {
			t.Errorf("by %s: %s, want %s", order, got, want)
		}
		want = string([]byte{want[2], want[1], want[0]})
		if got := names(figures.Sorted(queues, order, true)); got != want {
			t.Errorf("by %s in reverse: %s, want %s", order, got, want)
		}
	}
	if names(queues) != "bca" {
		t.Error("what was given is sorted, too")
	}
	order := figures.ByName
	for range figures.Orders() {
		order = order.Next()
	}
	if order != figures.ByName || order.Next() != figures.ByReady {
		t.Errorf("the orders do not go round: %s, %s", order, order.Next())
	}
}

func names(queues []figures.Queue) string {
	var all strings.Builder
	for _, q := range queues {
		all.WriteString(q.Queue)
	}
	return all.String()
}
