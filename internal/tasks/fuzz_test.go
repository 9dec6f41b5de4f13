package tasks_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warrener/warrener/internal/tasks"
)

// source makes headers out of a fuzzer's bytes.
type source struct{ data []byte }

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *source) bytes() []byte {
	n := min(int(s.byte()), len(s.data))
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

func (s *source) uint64() uint64 {
	var b [8]byte
	copy(b[:], s.bytes())
	return binary.LittleEndian.Uint64(b[:])
}

func (s *source) headers() map[string]any {
	var headers map[string]any
	for len(s.data) > 0 && len(headers) < 32 {
		if headers == nil {
			headers = make(map[string]any)
		}
		name := s.name()
		headers[name] = s.value(0)
	}
	return headers
}

// known are the headers that mean something to us.
func known() []string {
	return []string{
		"warrener-attempt", "warrener-max-attempts", "warrener-timeout-ms", "warrener-backoff", "warrener-expires-at", "warrener-not-before",
		"warrener-published-at", "warrener-queue", "traceparent", "tracestate", "warrener-error", "warrener-new", "x-delivery-count", "x-death",
	}
}

// name picks one of them, or any other.
func (s *source) name() string {
	if n := int(s.byte()); n < len(known()) {
		return known()[n]
	}
	return string(s.bytes())
}

// seed returns bytes for each known header with a value of each kind, and for all of them together.
func seed() [][]byte {
	seeds := [][]byte{nil, []byte("\xff\x01k\x11\x02\x01a\x10\x01\x0d\x01v\x0c\x0b\x01\x02")}
	var all []byte
	for header := range byte(14) {
		for choice := range byte(4) {
			seeds = append(seeds, []byte{header, 15, choice}, []byte{header, 8, 2, 7, choice}, []byte{header, choice, 3})
		}
		value := []byte{15, 0} // a backoff
		switch {
		case header < 3:
			value = []byte{8, 1, 7 + header}
		case header > 3 && header < 7:
			value = []byte{15, 2} // a time below a millisecond
		}
		all = append(append(all, header), value...)
	}
	return append(seeds, all)
}

// value makes a value as an AMQP client would hand it over.
func (s *source) value(depth int) any {
	kind := s.byte() % 18
	if depth > 10 {
		kind %= 14
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return s.byte()%2 == 1
	case 2:
		return int8(s.uint64())
	case 3:
		return s.byte()
	case 4:
		return int16(s.uint64())
	case 5:
		return uint16(s.uint64())
	case 6:
		return int32(s.uint64())
	case 7:
		return uint32(s.uint64())
	case 8:
		return int64(s.uint64())
	case 9:
		return float32(s.uint64())
	case 10:
		return math.Float64frombits(s.uint64() &^ (1 << 62)) // no NaN, which is not equal to itself
	case 11:
		return time.Unix(int64(s.uint64()), 0).UTC()
	case 12:
		return s.bytes()
	case 13:
		return string(s.bytes())
	case 14:
		return strings.Repeat(string(s.bytes()), int(s.byte()))
	case 15:
		return [...]string{"1s..1h", "2024-05-01T12:00:00Z", "2024-05-01T23:59:59.123456+02:00", "30s"}[s.byte()%4]
	case 16:
		return s.array(depth)
	}
	return s.table(depth)
}

func (s *source) array(depth int) []any {
	array := []any{}
	for range s.byte() % 8 {
		array = append(array, s.value(depth+1))
	}
	return array
}

func (s *source) table(depth int) amqpTable {
	table := amqpTable{}
	for range s.byte() % 8 {
		table[string(s.bytes())] = s.value(depth + 1)
	}
	return table
}

func FuzzDecode(f *testing.F) {
	for _, headers := range seed() {
		f.Add(idV7, "email.send", "q", int64(0), headers)
		f.Add("order-7", "email.send", "", int64(1714564800), headers)
	}
	f.Add("", "", "q", int64(-1), []byte{})
	f.Fuzz(func(t *testing.T, id, name, queue string, timestamp int64, headers []byte) {
		m := tasks.Message{
			ID: id, Type: name, Timestamp: time.Unix(timestamp, 0), Headers: (&source{headers}).headers(), Body: headers,
			Priority: uint8(timestamp), Origin: tasks.Origin{Queue: queue, Consumer: id, Redelivered: timestamp%2 == 1},
		}
		task, err := tasks.Decode(&m, 0)
		if err != nil {
			return
		}
		encoded, err := tasks.Encode(&task, 0)
		if err != nil {
			return
		}
		encoded.Origin = m.Origin // received again where it was received before
		encoded.Origin.Queue = task.Queue
		again, err := tasks.Decode(&encoded, 0)
		if err != nil {
			t.Fatalf("refused once encoded: %v", err)
		}
		forget(&task, &again)
		if !reflect.DeepEqual(again, task) {
			t.Fatalf("encoded and decoded again:\n%+v\nbefore:\n%+v", again, task)
		}
	})
}

// forget takes out of again what Encode adds to a task that lacks it, and out of task what only the broker writes.
func forget(task, again *tasks.Task) {
	task.DeliveryCount = 0
	if task.ContentType == "" {
		again.ContentType = ""
	}
	if task.ID == "" || task.CreatedAt.IsZero() { // a new id, or the current time as the timestamp
		if task.PublishedAt.Equal(task.CreatedAt) {
			again.PublishedAt = task.PublishedAt
		}
		again.CreatedAt = task.CreatedAt
	}
	if task.ID == "" {
		again.ID = ""
	}
}

func FuzzParseBackoff(f *testing.F) {
	for _, text := range []string{"", "1s..1h", "30s", "..", "0s", "1h0m0s..20h", "-1s..1s", "1e9s", "9999999999h"} {
		f.Add(text, 3, 0.5)
	}
	f.Add("119304h38m49.499999999s", 1, 1-1.0/(1<<53))
	f.Fuzz(func(t *testing.T, text string, failed int, random float64) {
		b, err := tasks.ParseBackoff(text)
		if err != nil {
			return
		}
		if again, err := tasks.ParseBackoff(b.String()); err != nil || again != b {
			t.Fatalf("%q is %v, written %q, read as %v, %v", text, b, b.String(), again, err)
		}
		if !(random >= 0 && random < 1) {
			return
		}
		if delay := b.Delay(failed, func() float64 { return random }); delay < 0 || delay > b.Max {
			t.Fatalf("%v after %d failures: %v", b, failed, delay)
		}
	})
}

func FuzzDead(f *testing.F) {
	for _, headers := range seed() {
		f.Add(headers, "boom", "w", 0)
	}
	for _, large := range []int{57_000, 59_000, 60_000, 61_000, 70_000} {
		f.Add([]byte("\xff\x01k\x08\x01\x01"), strings.Repeat("é", 3000), strings.Repeat("w", 300), large)
	}
	f.Fuzz(func(t *testing.T, headers []byte, text, worker string, large int) {
		m := tasks.Message{Body: headers, Headers: (&source{headers}).headers(), Origin: tasks.Origin{Queue: worker}}
		if large > 0 {
			m.Headers = map[string]any{"large": strings.Repeat("x", large%200_000), "rest": amqpTable(m.Headers)}
		}
		dead := tasks.Dead(&m, tasks.Death{Reason: tasks.ReasonCrashed, Err: text, Worker: worker, At: madeV7()})
		if size := wireSize(amqpTable(dead.Headers)); size > 64<<10-2<<10 {
			t.Fatalf("the headers have %d bytes", size)
		}
		if !bytes.Equal(dead.Body, m.Body) {
			t.Fatal("the body changed")
		}
		if said := dead.Headers["warrener-error"].(string); len(said) > 2<<10 || !utf8.ValidString(said) {
			t.Fatalf("the error is %q", said)
		}
		for name := range dead.Headers {
			if strings.HasPrefix(name, "x-death") || strings.HasPrefix(name, "x-delivery-count") {
				t.Fatalf("%s is the broker's", name)
			}
		}
	})
}

// wireSize counts what AMQP 0-9-1 writes for a value with its type, in another way than the package does.
func wireSize(value any) int {
	switch v := value.(type) {
	case amqpTable:
		n := 1 + 4
		for name, item := range v {
			n += 1 + len(name) + wireSize(item)
		}
		return n
	case map[string]any:
		return wireSize(amqpTable(v))
	case []any:
		n := 1 + 4
		for _, item := range v {
			n += wireSize(item)
		}
		return n
	case string:
		return 1 + 4 + len(v)
	case []byte:
		return 1 + 4 + len(v)
	case nil:
		return 1
	case time.Time:
		return 1 + 8
	}
	return 1 + binary.Size(value)
}
