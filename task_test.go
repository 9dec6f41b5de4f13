package warrener

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

type email struct {
	To string `json:"to"`
}

func TestOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		tests := []struct {
			name   string
			option func(*Task)
			want   Task
		}{
			{"OnQueue", OnQueue("emails"), Task{Queue: "emails"}},
			{"ID", ID("42"), Task{ID: "42"}},
			{"Delay", Delay(time.Minute), Task{Delay: time.Minute}},
			{"At", At(now), Task{NotBefore: now}},
			{"ExpiresAt", ExpiresAt(now), Task{ExpiresAt: now}},
			{"ExpiresIn", ExpiresIn(time.Hour), Task{ExpiresAt: now.Add(time.Hour)}},
			{"MaxAttempts", MaxAttempts(3), Task{MaxAttempts: 3}},
			{"Timeout", Timeout(time.Second), Task{Timeout: time.Second}},
			{"RetryBackoff", RetryBackoff(1, 2), Task{Backoff: Backoff{Min: 1, Max: 2}}},
			{"Priority", Priority(9), Task{Priority: 9}},
			{"CorrelationID", CorrelationID("c"), Task{CorrelationID: "c"}},
			{"ReplyTo", ReplyTo("r"), Task{ReplyTo: "r"}},
			{"Header", Header("k", 1), Task{Headers: map[string]any{"k": 1}}},
		}
		for _, test := range tests {
			var got Task
			test.option(&got)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s made %+v, want %+v", test.name, got, test.want)
			}
		}
	})
}

func TestHeaderLeavesTheMapOfTheCaller(t *testing.T) {
	t.Parallel()
	shared := map[string]any{"a": 1}
	task := Task{Headers: shared}
	Header("b", 2)(&task)
	if len(shared) != 1 {
		t.Errorf("the caller's map became %v", shared)
	}
	if want := map[string]any{"a": 1, "b": 2}; !reflect.DeepEqual(task.Headers, want) {
		t.Errorf("headers are %v, want %v", task.Headers, want)
	}
}

func TestDefinePanicsOnWhatCannotBePublished(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, task string
		option     func(*Task)
	}{
		{"no name", "", OnQueue("q")},
		{"name too long", strings.Repeat("x", 256), OnQueue("q")},
		{"name is not UTF-8", "\xff", OnQueue("q")},
		{"control character", "a\nb", OnQueue("q")},
		{"queue of the broker", "a", OnQueue("amq.q")},
		{"negative attempts", "a", MaxAttempts(-1)},
		{"negative timeout", "a", Timeout(-1)},
		{"backoff upside down", "a", RetryBackoff(2, 1)},
		{"header of ours", "a", Header("warrener-attempt", 7)},
		{"header of no AMQP type", "a", Header("k", make(chan int))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expectPanic(t, "invalid task", func() { Define[int](test.task, test.option) })
		})
	}
}

func TestDefineTakesTimesThatHavePassed(t *testing.T) {
	t.Parallel()
	d := Define[int]("campaign", ExpiresAt(time.Unix(0, 0)))
	task, err := d.Task(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := task.message("", 0, time.Now()); !errors.Is(err, ErrInvalid) {
		t.Errorf("publishing after the end: got %v, want ErrInvalid", err)
	}
}

func TestDefinitionAppliesItsOptionsToEachTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := Define[email]("email.send", OnQueue("emails"), ExpiresIn(time.Hour), Header("a", 1))
		if _, err := d.Task(email{}, Header("b", 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // virtual time
		got, err := d.Task(email{To: "ann"}, OnQueue("bulk"), Header("c", 3))
		if err != nil {
			t.Fatal(err)
		}
		want := Task{
			Name: "email.send", Queue: "bulk", Payload: []byte(`{"to":"ann"}`),
			ExpiresAt: time.Now().Add(time.Hour), Headers: map[string]any{"a": 1, "c": 3},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestDefinitionRefusesWhatJSONCannotSay(t *testing.T) {
	t.Parallel()
	d := Define[float64]("measure")
	if _, err := d.Task(math.NaN()); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	if id, err := d.Publish(t.Context(), nil, math.Inf(1)); !errors.Is(err, ErrInvalid) || id != "" {
		t.Errorf("got %q, %v, want no id and ErrInvalid", id, err)
	}
}

func TestDefinitionHandlerDecodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(ctx context.Context, body string) (any, error)
		body string
		want any // nil: malformed
	}{
		{"struct", decodes[email], `{"to":"ann"}`, email{To: "ann"}},
		{"space around", decodes[email], " {\"to\":\"ann\"}\n", email{To: "ann"}},
		{"unknown field", decodes[email], `{"to":"ann","bcc":"bob"}`, email{To: "ann"}},
		{"null", decodes[email], `null`, email{}},
		{"text", decodes[string], `"hello"`, "hello"},
		{"bytes are base64", decodes[[]byte], `"aGk="`, []byte("hi")},
		{"raw", decodes[json.RawMessage], `{"a": [1]}`, json.RawMessage(`{"a": [1]}`)},
		{"nothing needed, empty", decodes[struct{}], ``, struct{}{}},
		{"nothing needed, object", decodes[struct{}], `{}`, struct{}{}},
		{"nothing needed, no JSON", decodes[struct{}], `Hello World!`, nil},
		{"empty", decodes[email], ``, nil},
		{"empty for bytes", decodes[[]byte], ``, nil},
		{"no JSON", decodes[email], `Hello World!`, nil},
		{"cut off", decodes[email], `{"to":"an`, nil},
		{"two values", decodes[email], `{"to":"ann"}{"to":"bob"}`, nil},
		{"trailing text", decodes[email], `{"to":"ann"} etc`, nil},
		{"another type", decodes[email], `["ann"]`, nil},
		{"field of another type", decodes[email], `{"to":1}`, nil},
		{"nested beyond reason", decodes[any], strings.Repeat("[", 20_000), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.run(t.Context(), test.body)
			if test.want == nil {
				outcome := tasks.Decide(&tasks.Task{Attempt: 1}, err, tasks.Policy{})
				if outcome.Reason != tasks.ReasonMalformed || !errors.Is(err, ErrMalformed) {
					t.Errorf("got %v, %v, want it malformed", got, err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// decodes runs the handler of a Definition[T] on body and returns what it was called with.
func decodes[T any](ctx context.Context, body string) (any, error) {
	var got any
	_, h := Define[T]("a").Handler(func(_ context.Context, payload T) error {
		got = payload
		return nil
	})
	err := h.HandleTask(ctx, &Delivery{Payload: []byte(body)})
	return got, err
}

func TestDefinitionHandlerPassesDeliveryAndErrorOn(t *testing.T) {
	t.Parallel()
	failed := errors.New("mailbox full")
	delivery := &Delivery{ID: "42", Name: "a", Payload: []byte(`1`)}
	name, h := Define[int]("a").Handler(func(ctx context.Context, _ int) error {
		if got := DeliveryFrom(ctx); got != delivery {
			t.Errorf("delivery in the context is %v, want %v", got, delivery)
		}
		return failed
	})
	if name != "a" {
		t.Errorf("the handler is for %q, want a", name)
	}
	if err := h.HandleTask(t.Context(), delivery); !errors.Is(err, failed) {
		t.Errorf("got %v, want the handler's error", err)
	}
}

func TestTaskRoutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	minute := mustAfter(t, "q", time.Minute)
	tests := []struct {
		name  string
		task  Task
		route topology.Route
		due   time.Time // zero: no delay
	}{
		{"default queue", Task{}, topology.ToQueue(DefaultQueue), time.Time{}},
		{"queue", Task{Queue: "q"}, topology.ToQueue("q"), time.Time{}},
		{"delay", Task{Queue: "q", Delay: time.Minute}, minute, now.Add(time.Minute)},
		{"negative delay", Task{Queue: "q", Delay: -time.Minute}, topology.ToQueue("q"), time.Time{}},
		{"time to come", Task{Queue: "q", NotBefore: now.Add(time.Minute)}, minute, now.Add(time.Minute)},
		{"time past", Task{Queue: "q", NotBefore: now.Add(-time.Minute)}, topology.ToQueue("q"), time.Time{}},
		{"this very moment", Task{Queue: "q", NotBefore: now}, topology.ToQueue("q"), time.Time{}},
		{"expires after it is due", Task{Queue: "q", Delay: time.Minute, ExpiresAt: now.Add(time.Hour)}, minute, now.Add(time.Minute)},
		{
			"longest delay",
			Task{Queue: "q", Delay: topology.MaxDelay},
			mustAfter(t, "q", topology.MaxDelay),
			now.Add(topology.MaxDelay),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.task.Name = "a"
			route, m, err := test.task.message("", 0, now)
			if err != nil {
				t.Fatal(err)
			}
			if route != test.route {
				t.Errorf("route is %+v, want %+v", route, test.route)
			}
			received, err := tasks.Decode(&m, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !received.NotBefore.Equal(test.due) {
				t.Errorf("due at %v, want %v", received.NotBefore, test.due)
			}
		})
	}
}

func mustAfter(t *testing.T, queue string, delay time.Duration) topology.Route {
	t.Helper()
	route, err := topology.After(queue, delay)
	if err != nil {
		t.Fatal(err)
	}
	return route
}

func TestTaskThatMayNotBePublished(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name string
		task Task
		want error
		says string
	}{
		{"no name", Task{}, ErrInvalid, "no name"},
		{"delay and time", Task{Name: "a", Delay: 1, NotBefore: now.Add(1)}, ErrInvalid, "one of both"},
		{"negative delay and time", Task{Name: "a", Delay: -1, NotBefore: now.Add(1)}, ErrInvalid, "one of both"},
		{"delay too long", Task{Name: "a", Delay: topology.MaxDelay + 1}, ErrInvalid, "delay"},
		{"time too far", Task{Name: "a", NotBefore: now.AddDate(1000, 0, 0)}, ErrInvalid, "delay"},
		{"expired", Task{Name: "a", ExpiresAt: now.Add(-1)}, ErrInvalid, "before it is due"},
		{"expires at once", Task{Name: "a", ExpiresAt: now}, ErrInvalid, "before it is due"},
		{"expires while delayed", Task{Name: "a", Delay: time.Hour, ExpiresAt: now.Add(time.Minute)}, ErrInvalid, "before it is due"},
		{"expires when due", Task{Name: "a", Delay: time.Hour, ExpiresAt: now.Add(time.Hour)}, ErrInvalid, "before it is due"},
		{"wildcard queue", Task{Name: "a", Queue: "#"}, ErrInvalid, "queue"},
		{"payload too large", Task{Name: "a", Payload: make([]byte, 101)}, ErrTooLarge, "101 bytes"},
		{"headers too large", Task{Name: "a", Headers: map[string]any{"k": strings.Repeat("x", 16<<10)}}, ErrTooLarge, "headers"},
		{"id too long", Task{Name: "a", ID: strings.Repeat("x", 256)}, ErrInvalid, "id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := test.task.message("", 100, now)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v that says %q", err, test.want, test.says)
			}
		})
	}
}

func TestNothingOfTheTaskIsForgotten(t *testing.T) {
	t.Parallel()
	var task Task
	fill(reflect.ValueOf(&task).Elem())
	now := time.Unix(1, 0)
	got := task.internal("app", now)
	sameFields(t, task, *got, "Delay") // which has become NotBefore
	if got.AppID != "app" || got.Attempt != 1 || !got.CreatedAt.Equal(now) {
		t.Errorf("app %q, attempt %d, created at %v", got.AppID, got.Attempt, got.CreatedAt)
	}
}

func TestPlainTaskHasNoHeaders(t *testing.T) {
	t.Parallel()
	_, m, err := Task{Name: "a", Queue: "q"}.message("app", 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if m.Headers != nil {
		t.Errorf("headers are %v, want none: they cost throughput", m.Headers)
	}
}

func TestBackoffText(t *testing.T) {
	t.Parallel()
	want := Backoff{Min: time.Second, Max: time.Hour}
	got, err := ParseBackoff(want.String())
	if err != nil || got != want {
		t.Errorf("%q became %v, %v", want.String(), got, err)
	}
	if _, err := ParseBackoff("soon"); err == nil {
		t.Error("no error for what is no backoff")
	}
}
