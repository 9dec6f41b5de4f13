package management_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/management"
)

// listing answers each path with a text, and all others with 404.
func listing(t *testing.T, answers map[string]string) *management.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.RequestURI]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	c, err := management.New(server.URL, "amqp://ann:secret@h/v")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCounts(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name, answer string
		want         management.Counts
	}{
		{"a quorum queue of RabbitMQ 3.10, whose count of consumers is another one", `{"name":"q","type":"quorum","durable":true,
			"arguments":{"x-delivery-limit":2147483647,"x-queue-type":"quorum"},"messages_ready":3,"messages_unacknowledged":2,
			"consumers":2,"consumer_details":[{"tag":"a"}]}`, management.Counts{
			Name: "q", Type: "quorum", Durable: true, Ready: 3, Unacked: 2, Consumers: 1,
			Arguments: map[string]any{"x-delivery-limit": int64(2147483647), "x-queue-type": "quorum"},
		}},
		{"a classic queue with its oldest message", `{"name":"q","type":"classic","messages_ready":1,"messages_unacknowledged":0,
			"consumers":0,"head_message_timestamp":1700000000}`, management.Counts{
			Name: "q", Type: "classic", Ready: 1, Oldest: time.Unix(1700000000, 0),
		}},
		{"an empty classic queue", `{"name":"q","type":"classic","messages_ready":0,"messages_unacknowledged":0,"consumers":0,
			"head_message_timestamp":""}`, management.Counts{Name: "q", Type: "classic"}},
		{"a queue without statistics", `{"name":"q","type":"quorum","consumer_details":[]}`, management.Counts{
			Name: "q", Type: "quorum", Ready: -1, Unacked: -1, Consumers: 0,
		}},
		{"a queue with traffic", `{"name":"q","type":"quorum","message_stats":{"publish":9,"publish_details":{"rate":1.5},"ack":7}}`,
			management.Counts{Name: "q", Type: "quorum", Ready: -1, Unacked: -1, Consumers: -1, Traffic: &management.Traffic{
				Published: management.Counter{Total: 9, PerSecond: new(1.5)},
				Delivered: management.Counter{PerSecond: new(0.0)}, // not in it: none yet
				Acked:     management.Counter{Total: 7},
			}}},
		{"a queue with a list for traffic", `{"name":"q","type":"quorum","message_stats":[]}`, management.Counts{
			Name: "q", Type: "quorum", Ready: -1, Unacked: -1, Consumers: -1,
		}},
		{"a queue without any count", `{"name":"q","type":"quorum"}`, management.Counts{
			Name: "q", Type: "quorum", Ready: -1, Unacked: -1, Consumers: -1,
		}},
	} {
		c := listing(t, map[string]string{"/api/queues/v/q": tt.answer, "/api/queues/v": "[" + tt.answer + "]"})
		if got, err := c.Counts(t.Context(), "q"); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if got, err := c.Queues(t.Context()); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], tt.want) {
			t.Errorf("%s in a list: got %+v, %v", tt.name, got, err)
		}
	}
	if _, err := listing(t, nil).Counts(t.Context(), "none"); !errors.Is(err, management.ErrNotFound) || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("a queue that is not there: %v", err)
	}
}

func TestExchangesAndBindings(t *testing.T) {
	t.Parallel()

	c := listing(t, map[string]string{
		"/api/exchanges/v": `[{"name":"x","type":"topic","durable":true,"auto_delete":false,"internal":true,"arguments":{"a":1}}]`,
		"/api/bindings/v": `[{"source":"","destination":"q","destination_type":"queue","routing_key":"q"},
			{"source":"x","destination":"q","destination_type":"queue","routing_key":"#","arguments":{}}]`,
	})
	exchanges, err := c.Exchanges(t.Context())
	if want := []management.Exchange{{Name: "x", Type: "topic", Durable: true, Arguments: map[string]any{"a": int64(1)}}}; err != nil ||
		!reflect.DeepEqual(exchanges, want) {
		t.Errorf("got %+v, %v", exchanges, err)
	}
	bindings, err := c.AllBindings(t.Context())
	if want := []management.Binding{{Source: "x", Target: "q", Kind: "queue", Key: "#"}}; err != nil ||
		!reflect.DeepEqual(bindings, want) {
		t.Errorf("got %+v, %v", bindings, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := listing(t, nil).Exchanges(t.Context()); return err },
		func() error { _, err := listing(t, nil).AllBindings(t.Context()); return err },
		func() error { _, err := listing(t, nil).Queues(t.Context()); return err },
	} {
		if err := ask(); !errors.Is(err, management.ErrNotFound) {
			t.Errorf("an API that answers 404: %v", err)
		}
	}
}

func TestConsumers(t *testing.T) {
	t.Parallel()

	c := listing(t, map[string]string{
		"/api/consumers/v": `[{"consumer_tag":"a-1","prefetch_count":32,"queue":{"name":"q","vhost":"v"},
			"channel_details":{"name":"h:1 -> i:2 (3)","connection_name":"h:1 -> i:2"}},
			{"consumer_tag":"gone","queue":{"name":"q"},"channel_details":[]}]`,
		"/api/vhosts/v/channels":    `[{"name":"h:1 -> i:2 (3)","messages_unacknowledged":5},{"name":"new"}]`,
		"/api/vhosts/v/connections": `[{"name":"h:1 -> i:2","user_provided_name":"worker"},{"name":"other"}]`,
	})
	consumers, err := c.Consumers(t.Context())
	if want := []management.Consumer{
		{Queue: "q", Tag: "a-1", Prefetch: 32, Channel: "h:1 -> i:2 (3)", Connection: "h:1 -> i:2"}, {Queue: "q", Tag: "gone"},
	}; err != nil || !reflect.DeepEqual(consumers, want) {
		t.Errorf("consumers: %+v, %v", consumers, err)
	}
	unacked, err := c.ChannelsUnacked(t.Context())
	if want := map[string]int{"h:1 -> i:2 (3)": 5}; err != nil || !reflect.DeepEqual(unacked, want) {
		t.Errorf("unacked: %v, %v", unacked, err)
	}
	names, err := c.ConnectionNames(t.Context())
	if want := map[string]string{"h:1 -> i:2": "worker", "other": ""}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("names: %v, %v", names, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := listing(t, nil).Consumers(t.Context()); return err },
		func() error { _, err := listing(t, nil).ChannelsUnacked(t.Context()); return err },
		func() error { _, err := listing(t, nil).ConnectionNames(t.Context()); return err },
	} {
		if err := ask(); !errors.Is(err, management.ErrNotFound) {
			t.Errorf("an API that answers 404: %v", err)
		}
	}
}
