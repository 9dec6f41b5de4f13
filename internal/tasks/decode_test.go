package tasks_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// amqpTable stands for the type that an AMQP client has for tables.
type amqpTable map[string]any

func TestDecode(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name    string
		message tasks.Message
		want    tasks.Task
	}{
		{"nothing at all", tasks.Message{}, tasks.Task{Attempt: 1}},
		{
			"foreign, plain", tasks.Message{Body: []byte("Hello World!"), Origin: tasks.Origin{Queue: "hello", Consumer: "c", Tag: 3}},
			tasks.Task{ID: "c.3", Queue: "hello", Payload: []byte("Hello World!"), Attempt: 1},
		},
		{
			"properties",
			tasks.Message{
				ID: idV7, Type: "email.send", ContentType: "text/plain", ContentEncoding: "UTF-8", CorrelationID: "c", ReplyTo: "r", AppID: "a",
				Priority: 255, Timestamp: at.Add(time.Hour), Origin: tasks.Origin{Queue: "q", Redelivered: true},
			},
			tasks.Task{
				ID: idV7, Name: "email.send", Queue: "q", ContentType: "text/plain", CorrelationID: "c", ReplyTo: "r", AppID: "a",
				Priority: 255, Attempt: 1, CreatedAt: madeV7(), PublishedAt: madeV7(), Redelivered: true,
			},
		},
		{
			"timestamp for an id of another version", tasks.Message{ID: idV4, Timestamp: at.Local()},
			tasks.Task{ID: idV4, Attempt: 1, CreatedAt: at, PublishedAt: at},
		},
		{
			"no time in milliseconds taken for seconds", tasks.Message{ID: "x", Timestamp: time.Unix(1714564800123, 0)},
			tasks.Task{ID: "x", Attempt: 1},
		},
		{
			"a UUID of another variant", tasks.Message{ID: "018f3406-9e7b-7000-c000-000000000001"},
			tasks.Task{ID: "018f3406-9e7b-7000-c000-000000000001", Attempt: 1},
		},
		{
			"no UUID, though as long", tasks.Message{ID: strings.Repeat("7", 36)},
			tasks.Task{ID: strings.Repeat("7", 36), Attempt: 1},
		},
		{
			"a later attempt",
			tasks.Message{ID: idV7, Origin: tasks.Origin{Queue: "q"}, Headers: map[string]any{
				"warrener-attempt": int64(3), "warrener-max-attempts": uint8(5), "warrener-timeout-ms": int32(1500), "warrener-backoff": "1s..1m",
				"warrener-published-at": "2024-05-01T14:00:00.5+02:00", "warrener-not-before": "2024-05-01T12:00:01Z",
				"warrener-expires-at": "2024-05-01T12:00:02.1234567Z", "warrener-queue": "other", "traceparent": "tp", "tracestate": "ts",
			}},
			tasks.Task{
				ID: idV7, Queue: "q", Attempt: 3, MaxAttempts: 5, Timeout: 1500 * time.Millisecond,
				Backoff: tasks.Backoff{Min: time.Second, Max: time.Minute}, CreatedAt: madeV7(), PublishedAt: at.Add(500 * time.Millisecond),
				NotBefore: at.Add(time.Second), ExpiresAt: at.Add(2123 * time.Millisecond), TraceParent: "tp", TraceState: "ts",
			},
		},
		{"queue from the header", tasks.Message{Headers: map[string]any{"warrener-queue": "q"}}, tasks.Task{Queue: "q", Attempt: 1}},
		{"no timeout", tasks.Message{Headers: map[string]any{"warrener-timeout-ms": int64(0)}}, tasks.Task{Attempt: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := tasks.Decode(&test.message, 0)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestDecodeHeadersOfOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		headers map[string]any
		want    tasks.Task
	}{
		{
			"the broker's headers",
			map[string]any{
				"x-death": []any{amqpTable{"count": int64(1)}}, "x-first-death-queue": "q", "x-last-death-reason": "expired",
				"x-delivery-count": int32(4), "x-acquired-count": int64(9), "x-opt-a": 1.5, "CC": []any{"a"}, "BCC": nil, "x-stream-offset": int64(1),
			},
			tasks.Task{Attempt: 1, DeliveryCount: 4},
		},
		{"a strange delivery count", map[string]any{"x-delivery-count": "many"}, tasks.Task{Attempt: 1}},
		{"a negative delivery count", map[string]any{"x-delivery-count": int64(-3)}, tasks.Task{Attempt: 1}},
		{"a trace context that is none", map[string]any{"traceparent": int64(1), "tracestate": nil}, tasks.Task{Attempt: 1}},
		{
			"headers of a later version and of an earlier death",
			map[string]any{"warrener-new": []any{1.5}, "warrener-error": int64(1), "warrener-reason": nil},
			tasks.Task{Attempt: 1},
		},
		{
			"the user's",
			map[string]any{
				"x-tenant": "a", "n": nil, "table": amqpTable{"inner": amqpTable{"n": int64(1)}}, "array": []any{amqpTable{}},
			},
			tasks.Task{Attempt: 1, Headers: map[string]any{
				"x-tenant": "a", "n": nil, "table": map[string]any{"inner": map[string]any{"n": int64(1)}}, "array": []any{map[string]any{}},
			}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := tasks.Decode(&tasks.Message{Headers: test.headers}, 0)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestDecodeIntegerTypes(t *testing.T) {
	t.Parallel()
	for _, value := range []any{int8(7), int16(7), int32(7), int64(7), int(7), uint8(7), uint16(7), uint32(7)} {
		task, err := tasks.Decode(&tasks.Message{Headers: map[string]any{"warrener-attempt": value}}, 0)
		if err != nil || task.Attempt != 7 {
			t.Errorf("%T: attempt %d, %v", value, task.Attempt, err)
		}
	}
}

func TestDecodeMalformed(t *testing.T) {
	t.Parallel()
	header := func(name string, value any) tasks.Message {
		return tasks.Message{Headers: map[string]any{name: value}}
	}
	const year = int64(365 * 24 * time.Hour / time.Millisecond)
	tests := []struct {
		message tasks.Message
		says    string
	}{
		{tasks.Message{Body: make([]byte, tasks.DefaultMaxBody+1)}, "1048577 bytes"},
		{tasks.Message{ID: "\xff"}, "message_id"},
		{tasks.Message{Type: "\xff"}, "type"},
		{tasks.Message{ContentEncoding: "gzip"}, `"gzip"`},
		{header("warrener-attempt", int64(0)), "warrener-attempt is 0"},
		{header("warrener-attempt", int64(-1)), "warrener-attempt is -1"},
		{header("warrener-attempt", int64(1_000_001)), "1000001"},
		{header("warrener-attempt", "1"), "string"},
		{header("warrener-attempt", 1.0), "float64"},
		{header("warrener-attempt", nil), "integer is wanted"},
		{header("warrener-max-attempts", int64(0)), "warrener-max-attempts is 0"},
		{header("warrener-max-attempts", true), "bool"},
		{header("warrener-timeout-ms", int64(-1)), "warrener-timeout-ms is -1"},
		{header("warrener-timeout-ms", year+1), "warrener-timeout-ms"},
		{header("warrener-backoff", "soon"), "soon"},
		{header("warrener-backoff", "2s..1s"), "warrener-backoff"},
		{header("warrener-backoff", int64(1)), "string is wanted"},
		{header("warrener-expires-at", "tomorrow"), "tomorrow"},
		{header("warrener-expires-at", time.Now()), "time.Time"},
		{header("warrener-not-before", "0001-01-01T00:00:00Z"), "1970"},
		{header("warrener-not-before", "9999-12-31T23:59:59-01:00"), "9999"},
		{header("warrener-published-at", ""), "warrener-published-at"},
		{header("warrener-queue", []byte("q")), "[]uint8"},
		{header("warrener-queue", strings.Repeat("q", 256)), "256 bytes"},
		{header("warrener-queue", "a\nb"), "control character"},
		{header("h", strings.Repeat("x", tasks.MaxHeaders)), "headers"},
		{header("h", amqpTable{"inner": strings.Repeat("x", tasks.MaxHeaders)}), "headers"},
		{header("h", []any{[]byte(strings.Repeat("x", tasks.MaxHeaders))}), "headers"},
		{header("traceparent", strings.Repeat("x", tasks.MaxHeaders)), "headers"},
		{header("warrener-new", strings.Repeat("x", tasks.MaxHeaders)), "headers"},
	}
	for _, test := range tests {
		_, err := tasks.Decode(&test.message, 0)
		var malformed *tasks.MalformedError
		if !errors.As(err, &malformed) || !errors.Is(err, tasks.ErrMalformed) || !strings.Contains(malformed.Problem, test.says) {
			t.Errorf("Decode(%.80v…) = %v, want a *MalformedError with %q", test.message, err, test.says)
		}
	}
}

// A task published at the limit must not be refused for what the broker and the attempts add to it.
func TestDecodeCountsOnlyForeignHeaders(t *testing.T) {
	t.Parallel()
	task := tasks.Task{Name: "n", Queue: "q", Headers: map[string]any{"h": strings.Repeat("x", tasks.MaxHeaders-11)}}
	m, err := tasks.Encode(&task, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := tasks.Next(&m, &task, time.Second, time.Now())
	next.Headers["x-death"] = []any{amqpTable{"reason": strings.Repeat("x", 10_000)}}
	if _, err := tasks.Decode(&next, 0); err != nil {
		t.Error(err)
	}
}

func TestDecodeBodyLimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body, limit int
		ok          bool
	}{{10, 10, true}, {11, 10, false}, {2 << 20, 2 << 20, true}, {16<<20 + 1, 1 << 30, false}, {1<<20 + 1, -1, false}}
	for _, test := range tests {
		if _, err := tasks.Decode(&tasks.Message{Body: make([]byte, test.body)}, test.limit); (err == nil) != test.ok {
			t.Errorf("%d bytes with limit %d: %v", test.body, test.limit, err)
		}
	}
}
