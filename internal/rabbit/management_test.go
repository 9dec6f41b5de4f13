package rabbit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, secret, _ := r.BasicAuth()
		if name != "ann" || secret != "s3cret" {
			http.Error(w, `{"error":"not_authorised"}`, http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet || r.URL.EscapedPath() != "/api/queues/%2F/q" {
			http.Error(w, `{"error":"Object Not Found"}`, http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"messages":3}`))
	}))
	t.Cleanup(server.Close)

	for name, test := range map[string]struct {
		amqp, management, call, err string
	}{
		"the URL's credentials":    {"amqp://ann:s3cret@h/", server.URL, "GET /api/queues/%2F/q", ""},
		"management's credentials": {"amqp://bob:x@h/", strings.Replace(server.URL, "//", "//ann:s3cret@", 1), "GET /api/queues/%2F/q", ""},
		"wrong credentials":        {"amqp://bob:x@h/", server.URL, "GET /api/queues/%2F/q", "not_authorised"},
		"not there":                {"amqp://ann:s3cret@h/", server.URL, "DELETE /api/queues/%2F/q", "404 Not Found"},
		"unreachable":              {"amqp://ann:s3cret@h/", "http://127.0.0.1:1", "GET /api/overview", "connection refused"},
	} {
		b := &Broker{URL: test.amqp, ManagementURL: test.management}
		var queue struct{ Messages int }
		err := b.API(t.Context(), test.call, nil, &queue)
		switch {
		case test.err == "" && (err != nil || queue.Messages != 3):
			t.Errorf("%s: %+v, %v", name, queue, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s: error %v, want one with %q", name, err, test.err)
		}
	}
}

func TestBrokerThatIsNotOursIsNotOursToStop(t *testing.T) {
	t.Parallel()
	b := &Broker{Kind: URL}
	_, ctl := b.Ctl(t.Context(), "status")
	for name, err := range map[string]error{
		"Start": b.Start(t.Context()), "Stop": b.Stop(t.Context()), "Kill": b.Kill(t.Context()),
		"Pause": b.Pause(t.Context()), "Resume": b.Resume(t.Context()), "Ctl": ctl,
	} {
		if err != ErrNotOurs { //nolint:errorlint // it is returned as it is
			t.Errorf("%s: error %v, want ErrNotOurs", name, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
