package management_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
		`{"a":"` + strings.Repeat("x", 2<<20) + `"}`: "unexpected end",
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
