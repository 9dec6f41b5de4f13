package tasks_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func TestEncodePlain(t *testing.T) {
	t.Parallel()
	m, err := tasks.Encode(&tasks.Task{Name: "email.send", Payload: []byte(`{}`)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m.Headers != nil {
		t.Errorf("a plain task has headers: %v", m.Headers)
	}
	task, err := tasks.Decode(&m, 0)
	if err != nil {
		t.Fatal(err)
	}
	if m.Type != "email.send" || m.ContentType != "application/json" || string(m.Body) != "{}" || len(m.ID) != 36 {
		t.Errorf("message is %+v", m)
	}
	if !m.Timestamp.Equal(task.CreatedAt.Truncate(time.Second)) || m.Timestamp.IsZero() {
		t.Errorf("timestamp %v is not the id's %v", m.Timestamp, task.CreatedAt)
	}
}

func TestEncodeHeaders(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 14, 0, 0, 123456789, time.FixedZone("", 7200))
	tests := []struct {
		name string
		task tasks.Task
		want map[string]any
	}{
		{"first attempt", tasks.Task{Attempt: 1, Queue: "q"}, nil},
		{"attempts", tasks.Task{Attempt: 2, MaxAttempts: 5}, map[string]any{"warrener-attempt": int64(2), "warrener-max-attempts": int64(5)}},
		{"timeout", tasks.Task{Timeout: 90 * time.Second}, map[string]any{"warrener-timeout-ms": int64(90000)}},
		{"timeout below a millisecond", tasks.Task{Timeout: 1}, map[string]any{"warrener-timeout-ms": int64(1)}},
		{"backoff", tasks.Task{Backoff: tasks.Backoff{Min: time.Second, Max: time.Hour}}, map[string]any{"warrener-backoff": "1s..1h"}},
		{"expiry", tasks.Task{ExpiresAt: at}, map[string]any{"warrener-expires-at": "2024-05-01T12:00:00.123Z"}},
		{
			"delay", tasks.Task{NotBefore: at, Queue: "q"},
			map[string]any{"warrener-not-before": "2024-05-01T12:00:00.123Z", "warrener-queue": "q"},
		},
		{"published when it was made", tasks.Task{CreatedAt: at, PublishedAt: at}, nil},
		{"published later", tasks.Task{CreatedAt: at.Add(-1), PublishedAt: at}, map[string]any{"warrener-published-at": "2024-05-01T12:00:00.123Z"}},
		{"trace", tasks.Task{TraceParent: "00-a-b-01", TraceState: "x=y"}, map[string]any{"traceparent": "00-a-b-01", "tracestate": "x=y"}},
		{"user's", tasks.Task{Headers: map[string]any{"x-tenant": "a", "n": 1}}, map[string]any{"x-tenant": "a", "n": int64(1)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.task.Name = "n"
			m, err := tasks.Encode(&test.task, 0)
			if err != nil || !reflect.DeepEqual(m.Headers, test.want) {
				t.Errorf("headers are %#v, %v, want %#v", m.Headers, err, test.want)
			}
		})
	}
}

func TestEncodeTimestamp(t *testing.T) {
	t.Parallel()
	made := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	tests := []struct {
		name string
		task tasks.Task
		want time.Time
	}{
		{"from the id", tasks.Task{ID: idV7, CreatedAt: made}, madeV7().Truncate(time.Second)},
		{"from the task", tasks.Task{ID: idV4, CreatedAt: made}, made.Truncate(time.Second)},
		{"now", tasks.Task{ID: "order-7"}, time.Now().Truncate(time.Second)},
	}
	for _, test := range tests {
		test.task.Name = "n"
		m, err := tasks.Encode(&test.task, 0)
		if err != nil || m.Timestamp.Sub(test.want).Abs() > 2*time.Second {
			t.Errorf("%s: timestamp is %v, %v, want %v", test.name, m.Timestamp, err, test.want)
		}
	}
}

func TestEncodeHeaderValues(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 12, 0, 0, 999, time.UTC)
	values := []struct{ in, want any }{
		{nil, nil}, {true, true}, {"é", "é"}, {[]byte{0xff}, []byte{0xff}}, {at, at.Truncate(time.Second)},
		{int8(-1), int8(-1)}, {int16(-1), int16(-1)}, {int32(-1), int32(-1)}, {int64(-1), int64(-1)},
		{uint8(1), uint8(1)}, {uint16(1), uint16(1)}, {uint32(1), uint32(1)}, {float32(1.5), float32(1.5)}, {1.5, 1.5},
		{math.MaxInt, int64(math.MaxInt)}, {uint(7), int64(7)}, {uint64(math.MaxInt64), int64(math.MaxInt64)},
		{[]any{1, "a"}, []any{int64(1), "a"}},
		{map[string]any{"a": []any{uint(1)}}, map[string]any{"a": []any{int64(1)}}},
		{nested(8), nested(8)},
	}
	for _, value := range values {
		m, err := tasks.Encode(&tasks.Task{Name: "n", Headers: map[string]any{"h": value.in}}, 0)
		if err != nil || !reflect.DeepEqual(m.Headers["h"], value.want) {
			t.Errorf("header %#v is %#v, %v, want %#v", value.in, m.Headers["h"], err, value.want)
		}
	}
}

// nested returns arrays in arrays.
func nested(depth int) any {
	var value any = "innermost"
	for range depth {
		value = []any{value}
	}
	return value
}

func TestEncodeCopiesHeaders(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"n": 1}
	headers := map[string]any{"inner": inner}
	task := tasks.Task{Name: "n", Headers: headers, Attempt: 2}
	m, err := tasks.Encode(&task, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(headers) != 1 || task.ID != "" {
		t.Errorf("Encode changed the task: %+v", task)
	}
	inner["n"] = 2
	if got := m.Headers["inner"].(map[string]any)["n"]; got != int64(1) {
		t.Errorf("the message changed with the caller's header: %v", got)
	}
}

func TestEncodeInvalid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	header := func(name string, value any) tasks.Task {
		return tasks.Task{Name: "n", Headers: map[string]any{name: value}}
	}
	circle := map[string]any{}
	circle["again"] = circle
	tests := []struct {
		task tasks.Task
		says string
	}{
		{tasks.Task{}, "no name"},
		{tasks.Task{Name: long}, "256 bytes"},
		{tasks.Task{Name: "a\xff"}, "UTF-8"},
		{tasks.Task{Name: "a\nb"}, "control character"},
		{tasks.Task{Name: "n", ID: long}, "id"},
		{tasks.Task{Name: "n", ID: "a\x00"}, "id"},
		{tasks.Task{Name: "n", Queue: long}, "queue"},
		{tasks.Task{Name: "n", ContentType: long}, "content type"},
		{tasks.Task{Name: "n", CorrelationID: long}, "correlation id"},
		{tasks.Task{Name: "n", ReplyTo: long}, "reply-to"},
		{tasks.Task{Name: "n", AppID: "\xff"}, "app id"},
		{tasks.Task{Name: "n", TraceParent: "a\r\n"}, "traceparent"},
		{tasks.Task{Name: "n", TraceState: "\xff"}, "tracestate"},
		{tasks.Task{Name: "n", Attempt: -1}, "attempt -1"},
		{tasks.Task{Name: "n", Attempt: 1_000_001}, "attempt 1000001"},
		{tasks.Task{Name: "n", MaxAttempts: -1}, "max attempts -1"},
		{tasks.Task{Name: "n", MaxAttempts: 1_000_001}, "max attempts 1000001"},
		{tasks.Task{Name: "n", Timeout: -1}, "timeout"},
		{tasks.Task{Name: "n", Timeout: 366 * 24 * time.Hour}, "timeout"},
		{tasks.Task{Name: "n", Backoff: tasks.Backoff{Min: 2, Max: 1}}, "backoff"},
		{tasks.Task{Name: "n", Backoff: tasks.Backoff{Max: 1}}, "backoff"},
		{tasks.Task{Name: "n", NotBefore: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "warrener-not-before"},
		{tasks.Task{Name: "n", ExpiresAt: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)}, "warrener-expires-at"},
		{header("", 1), "no name"},
		{header("warrener-anything", 1), "reserved"},
		{header("traceparent", "x"), "traceparent"},
		{header("tracestate", "x"), "tracestate"},
		{header("x-death", "x"), `"x-death"`},
		{header("x-first-death-queue", "x"), `"x-first-death-queue"`},
		{header("x-last-death-reason", "x"), `"x-last-death-reason"`},
		{header("x-delivery-count", 1), `"x-delivery-count"`},
		{header("x-acquired-count", 1), `"x-acquired-count"`},
		{header("x-opt-delivery-time", 1), `"x-opt-delivery-time"`},
		{header("CC", []any{"q"}), `"CC"`},
		{header("BCC", []any{"q"}), `"BCC"`},
		{header(long, 1), "256 bytes"},
		{header("a\n", 1), "control character"},
		{header("h", struct{}{}), `"h": struct {}`},
		{header("h", []string{"a"}), `"h": []string`},
		{header("h", time.Second), `"h": time.Duration`},
		{header("h", complex(1, 1)), `"h": complex128`},
		{header("h", "\xff"), "[]byte"},
		{header("h", uint64(math.MaxUint64)), "18446744073709551615"},
		{header("h", nested(9)), "deeper than 8"},
		{header("h", circle), "deeper than 8"},
		{header("h", map[string]any{long: 1}), "256 bytes"},
		{header("h", map[string]any{"a": []any{0, struct{}{}}}), `"h": field "a": item 1`},
	}
	for _, test := range tests {
		_, err := tasks.Encode(&test.task, 0)
		if !errors.Is(err, tasks.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("Encode(%.60v…) = %v, want ErrInvalid with %q", test.task, err, test.says)
		}
	}
}

func TestEncodeLimits(t *testing.T) {
	t.Parallel()
	const entry = 4 + 1 + 1 + 1 + 4 // the table's length, the name's, the name, the type, the string's length
	tests := []struct {
		name          string
		body, maxBody int
		header        int
		ok            bool
	}{
		{"default body", 1 << 20, 0, 0, true},
		{"over the default", 1<<20 + 1, 0, 0, false},
		{"own limit", 11, 10, 0, false},
		{"higher limit", 2 << 20, 2 << 20, 0, true},
		{"limit over the hard one", 16<<20 + 1, 1 << 30, 0, false},
		{"largest header", 0, 0, 16<<10 - entry, true},
		{"header over the limit", 0, 0, 16<<10 - entry + 1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			task := tasks.Task{Name: "n", Payload: make([]byte, test.body)}
			if test.header > 0 {
				task.Headers = map[string]any{"h": strings.Repeat("x", test.header)}
			}
			m, err := tasks.Encode(&task, test.maxBody)
			if test.ok && err != nil || !test.ok && !errors.Is(err, tasks.ErrTooLarge) {
				t.Fatalf("error is %v, want none: %v", err, test.ok)
			}
			if !test.ok {
				return
			}
			if _, err := tasks.Decode(&m, test.maxBody); err != nil {
				t.Errorf("what may be published is refused on receipt: %v", err)
			}
		})
	}
}
