package tasks

import (
	"reflect"
	"testing"
	"time"
)

func TestRedriveIsAFirstAttempt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	dead := Message{
		ID: "order-7", Type: "order.ship", ContentType: "application/json", Body: []byte(`{}`), Origin: Origin{Queue: "q.dead", Tag: 7},
		Headers: map[string]any{
			"warrener-attempt": int64(25), "warrener-published-at": "2026-03-01T09:00:00Z", "warrener-not-before": "2026-03-01T10:00:00Z",
			"warrener-max-attempts": int64(25), "warrener-queue": "orders", "warrener-reason": "exhausted", "warrener-error": "no",
			"warrener-worker": "w", "warrener-died-at": "2026-03-01T10:00:00Z", "x-delivery-count": int64(3), "x-death": []any{},
			"tenant": "acme", "traceparent": "00-1", "warrener-later": "kept",
		},
	}
	for _, tt := range []struct {
		name, expires string
		kept          bool
	}{{"past", "2026-03-01T12:00:00Z", false}, {"to come", "2026-03-01T12:00:01Z", true}} {
		dead.Headers["warrener-expires-at"] = tt.expires
		got := Redrive(&dead, now)
		want := map[string]any{
			"warrener-max-attempts": int64(25), "tenant": "acme", "traceparent": "00-1", "warrener-later": "kept",
			"warrener-published-at": "2026-03-01T12:00:00.000Z",
		}
		if tt.kept {
			want["warrener-expires-at"] = tt.expires
		}
		if !reflect.DeepEqual(got.Headers, want) || got.ID != "order-7" || string(got.Body) != "{}" || got.Origin != (Origin{}) {
			t.Errorf("expiry %s: got %+v, want headers %v", tt.name, got, want)
		}
		if task, err := Decode(&got, 0); err != nil || task.Attempt != 1 {
			t.Errorf("it reads as attempt %d, %v", task.Attempt, err)
		}
	}
}

func TestRedriveLeavesWhatIsNoTaskAsItIs(t *testing.T) {
	t.Parallel()
	dead := Message{Body: []byte{0xff}, Origin: Origin{Queue: "q.dead", Consumer: "c", Tag: 1}, Headers: map[string]any{
		"warrener-attempt": "2", "warrener-expires-at": "1999-01-01T00:00:00Z", "x-death": []any{}, "warrener-reason": "malformed", "a": "b",
	}}
	got := Redrive(&dead, time.Now())
	want := map[string]any{"warrener-attempt": "2", "warrener-expires-at": "1999-01-01T00:00:00Z", "a": "b"}
	if !reflect.DeepEqual(got.Headers, want) || got.ID != "" {
		t.Errorf("got id %q and headers %v, want none and %v", got.ID, got.Headers, want)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	deaths := []any{
		map[string]any{"queue": "warrener.delay.03", "reason": "expired", "count": int64(1)},
		map[string]any{"queue": "orders", "reason": "delivery_limit", "count": int64(2), "time": at},
		"no table", map[string]any{"queue": int64(5)},
	}
	for _, tt := range []struct {
		name    string
		headers map[string]any
		queue   string
		stated  bool
	}{
		{"header", map[string]any{"warrener-queue": "emails", "x-death": deaths}, "emails", true},
		{"broker", map[string]any{"x-death": deaths}, "orders", false},
		{"header that is none", map[string]any{"warrener-queue": int64(1), "x-death": deaths}, "orders", false},
		{"header that cannot be a queue", map[string]any{"warrener-queue": "a\nb"}, "", false},
		{"nothing", nil, "", false},
	} {
		if queue, stated := OriginOf(&Message{Headers: tt.headers}); queue != tt.queue || stated != tt.stated {
			t.Errorf("%s: %q, %t, want %q, %t", tt.name, queue, stated, tt.queue, tt.stated)
		}
	}
	got := BrokerDeaths(&Message{Headers: map[string]any{"x-death": deaths}})
	if len(got) != 3 || got[1] != (BrokerDeath{"orders", "delivery_limit", 2, at}) {
		t.Errorf("deaths %+v", got)
	}
}
