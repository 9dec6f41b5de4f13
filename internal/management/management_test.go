package management_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/management"
)

func TestUnacked(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name              string
		user              string // within the API's address
		path              string
		broker            string
		queue             string
		wantPath, wantWho string
	}{
		{name: "the broker's user and host", broker: "amqp://ann:se%2Fcret@h/", queue: "q", wantPath: "/api/queues/%2F/q", wantWho: "ann:se/cret"},
		{name: "several hosts", broker: "amqp://ann:secret@h,i:5673/v", queue: "q", wantPath: "/api/queues/v/q", wantWho: "ann:secret"},
		{name: "several hosts without a path", broker: "amqp://ann:secret@h,i:5673", queue: "q", wantPath: "/api/queues/%2F/q", wantWho: "ann:secret"},
		{name: "several addresses", broker: "amqp://ann:secret@h/v,amqp://bob:x@i/w", queue: "q", wantPath: "/api/queues/v/q", wantWho: "ann:secret"},
		{name: "its own user", user: "bob:other@", broker: "amqp://ann:secret@h/", queue: "q", wantPath: "/api/queues/%2F/q", wantWho: "bob:other"},
		{name: "names to be escaped", broker: "amqp://ann:secret@h/a%2Fb", queue: "c/d e", wantPath: "/api/queues/a%2Fb/c%2Fd%20e", wantWho: "ann:secret"},
		{name: "behind a path", path: "/rabbit/", broker: "amqp://ann:secret@h/v", queue: "q", wantPath: "/rabbit/api/queues/v/q", wantWho: "ann:secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user, password, _ := r.BasicAuth()
				if r.RequestURI != tt.wantPath || user+":"+password != tt.wantWho {
					t.Errorf("asked for %s as %s:%s, want %s as %s", r.RequestURI, user, password, tt.wantPath, tt.wantWho)
				}
				_, _ = w.Write([]byte(`{"name": "q", "messages_unacknowledged": 42}`))
			}))
			defer server.Close()
			address := strings.Replace(server.URL, "http://", "http://"+tt.user, 1) + tt.path
			c, err := management.New(address, tt.broker)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Unacked(t.Context(), tt.queue); got != 42 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()

	for answer, want := range map[string]string{
		`{}`: "no messages_unacknowledged", `[]`: "cannot unmarshal", `<html>`: "invalid character", "401": "401 Unauthorized",
		`{"a":"` + strings.Repeat("x", 33<<20) + `"}`: "unexpected end",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if answer == "401" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = w.Write([]byte(answer))
		}))
		defer server.Close()
		c, err := management.New(server.URL, "amqp://ann:secret@h/")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Unacked(t.Context(), "q")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `queue "q"`) {
			t.Errorf("%.20s: got %v, want %q in it", answer, err, want)
		}
	}
}

func TestAddressesAreNeverShown(t *testing.T) {
	t.Parallel()

	const good, broker = "http://ann:CANARY@127.0.0.1:1", "amqp://ann:CANARY@h/"
	for _, tt := range []struct{ api, broker string }{
		{"http://ann:CANARY%zz@h", broker},
		{"ftp://ann:CANARY@h", broker},
		{"http://", broker},
		{good, "ann:CANARY@h"},
		{good, "amqp://ann:CANARY%zz@h/"},
		{good, broker}, // which nobody answers
	} {
		c, err := management.New(tt.api, tt.broker)
		if err == nil {
			_, err = c.Unacked(t.Context(), "q")
		}
		if err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s with %s: got %v", tt.api, tt.broker, err)
		}
	}
}

// api answers for paths below /api, and 404 for others.
func api(t *testing.T, answers map[string]string) *management.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[strings.TrimPrefix(r.URL.EscapedPath(), "/api/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if answer == "403" {
			w.WriteHeader(http.StatusForbidden)
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

func TestObjects(t *testing.T) {
	t.Parallel()
	c := api(t, map[string]string{
		"queues/v/q": `{"name":"q","type":"quorum","arguments":{"x-delivery-limit":20},"effective_policy_definition":{"max-length":5},
			"policy":"p","members":["a","b"],"online":["a"],"messages_dlx":3}`,
		"queues/v/mine":                   "403",
		"exchanges/v/x":                   `{"name":"x","type":"topic","durable":true,"arguments":{"alternate-exchange":"y"}}`,
		"exchanges/v/x/bindings/source":   `[{"source":"x","destination":"q","destination_type":"queue","routing_key":"k"}]`,
		"overview":                        `{"rabbitmq_version":"4.3.6"}`,
		"exchanges/v/bad/bindings/source": `{}`,
	})
	q, err := c.Queue(t.Context(), "q")
	if err != nil || q.Type != "quorum" || q.Arguments["x-delivery-limit"] != 20.0 || q.Definition["max-length"] != 5.0 ||
		q.Policy != "p" || len(q.Members) != 2 || len(q.Online) != 1 || *q.DeadLettering != 3 {
		t.Errorf("%+v, %v", q, err)
	}
	if _, err := c.Queue(t.Context(), "none"); !errors.Is(err, management.ErrNotFound) || !strings.Contains(err.Error(), `queue "none"`) {
		t.Errorf("a queue that is not there: %v", err)
	}
	if _, err := c.Queue(t.Context(), "mine"); !errors.Is(err, management.ErrRefused) {
		t.Errorf("a queue that is not ours to see: %v", err)
	}
	x, err := c.Exchange(t.Context(), "x")
	if err != nil || x.Type != "topic" || x.Arguments["alternate-exchange"] != "y" {
		t.Errorf("%+v, %v", x, err)
	}
	want := management.Binding{Source: "x", Target: "q", Kind: "queue", Key: "k"}
	if list, err := c.Bindings(t.Context(), "x"); err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := c.Bindings(t.Context(), "bad"); err == nil || !strings.Contains(err.Error(), `bindings of exchange "bad"`) {
		t.Errorf("an answer that is none: %v", err)
	}
	if version, err := c.Version(t.Context()); version != "4.3.6" || err != nil {
		t.Errorf("%s, %v", version, err)
	}
}

func TestConsumerTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, kind    string
		argument, policy any // in milliseconds
		want             time.Duration
	}{
		{"4.3.6", "quorum", nil, nil, 0},
		{"4.3.6", "quorum", 5000.0, nil, 5 * time.Second},
		{"4.3.6", "quorum", nil, 6000.0, 6 * time.Second},
		{"4.3.6", "quorum", 5000.0, 6000.0, 5 * time.Second},
		{"4.3.6", "quorum", 7000.0, 6000.0, 6 * time.Second},
		{"4.3.6", "classic", nil, 6000.0, 0},
		{"4.2.1", "classic", nil, 6000.0, 6 * time.Second},
		{"3.12.0", "quorum", 5000.0, nil, 5 * time.Second},
		{"3.11.9", "quorum", 5000.0, nil, 0},
		{"", "quorum", 5000.0, nil, 0},
		{"4.3.6", "quorum", 0.0, "x", 0},
	} {
		q := management.Queue{Type: tt.kind, Arguments: map[string]any{"x-consumer-timeout": tt.argument}, Definition: map[string]any{"consumer-timeout": tt.policy}}
		if got := q.ConsumerTimeout(tt.version); got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

// The policy of a new queue is known some seconds later.
func TestConsumerTimeoutOfANewQueue(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/overview"):
			_, _ = w.Write([]byte(`{"rabbitmq_version":"4.3.6"}`))
		case asked == 0:
			asked++
			http.NotFound(w, r)
		case asked == 1:
			asked++
			_, _ = w.Write([]byte(`{"type":"quorum"}`))
		default:
			_, _ = w.Write([]byte(`{"type":"quorum","effective_policy_definition":{"consumer-timeout":60000}}`))
		}
	}))
	defer server.Close()
	c, err := management.New(server.URL, "amqp://ann:secret@h/")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.ConsumerTimeout(t.Context(), "q"); got != time.Minute || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	refusing := api(t, map[string]string{"overview": `{"rabbitmq_version":"4.3.6"}`, "queues/v/q": "403"})
	if _, err := refusing.ConsumerTimeout(t.Context(), "q"); !errors.Is(err, management.ErrRefused) {
		t.Errorf("who may not ask: %v", err)
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]time.Duration{0: 0, time.Minute: time.Minute, -time.Minute: -time.Minute} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		}))
		defer server.Close()
		c, err := management.New(server.URL, "amqp://ann:secret@h/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Skew(t.Context()); err != nil || (got-want).Abs() > 2*time.Second || want == 0 && got != 0 {
			t.Errorf("%s ahead: got %s, %v", ahead, got, err)
		}
	}
}
