package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/tasks"
)

func newHandler(t *testing.T, cfg Config) *Handler {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func serve(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

// decide asks the engine what it makes of the error of a first attempt.
func decide(err error) tasks.Outcome {
	highest := func() float64 { return 1 - 1e-9 }
	return tasks.Decide(&tasks.Task{Attempt: 1}, err, tasks.Policy{Random: highest})
}

func TestRequest(t *testing.T) {
	t.Parallel()

	var got *http.Request
	var body []byte
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	d := &warrener.Delivery{
		ID: "id-1", Name: "resize ü", Queue: "images", Attempt: 3,
		Payload: []byte(`{"a":1}`), ContentType: "application/json",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState: "vendor=1",
		Headers: map[string]any{"Authorization": "forged", "Host": "forged"},
	}
	if err := newHandler(t, Config{URL: server.URL + "/hook?a=b"}).HandleTask(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/hook?a=b" || string(body) != `{"a":1}` {
		t.Errorf("%s %s %s", got.Method, got.RequestURI, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Warrener-Task-Id": "id-1", "Idempotency-Key": "id-1", "Warrener-Task-Name": "resize ü",
		"Warrener-Queue": "images", "Warrener-Attempt": "3", "Traceparent": d.TraceParent, "Tracestate": "vendor=1",
		"Authorization": "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
}

func TestPlainMessageSendsNoEmptyHeaders(t *testing.T) {
	t.Parallel()

	var got http.Header
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	if err := newHandler(t, Config{URL: server.URL}).HandleTask(t.Context(), &warrener.Delivery{ID: "id-1", TraceParent: "a\nb"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Warrener-Task-Name", "Content-Type", "Traceparent", "Tracestate"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s: %q", name, value)
		}
	}
}

func TestFactsCannotForgeHeaders(t *testing.T) {
	t.Parallel()

	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	h := newHandler(t, Config{URL: server.URL})
	for _, d := range []warrener.Delivery{
		{ID: "a\r\nAuthorization: x"}, {Name: "a\nb"}, {Queue: "a\x00b"}, {ContentType: "text/plain\r\n\r\nbody"},
	} {
		if got := decide(h.HandleTask(t.Context(), &d)); got.Reason != tasks.ReasonPermanent {
			t.Errorf("%+v: %+v, want a permanent failure", d, got)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()

	tests := []struct {
		status  int
		verdict tasks.Verdict
		want    string
	}{
		{200, tasks.Ack, ""},
		{201, tasks.Ack, ""},
		{204, tasks.Ack, ""},
		{300, tasks.DeadLetter, "300 Multiple Choices: redirects"},
		{301, tasks.DeadLetter, "301 Moved Permanently: redirects"},
		{307, tasks.DeadLetter, "307 Temporary Redirect: redirects"},
		{400, tasks.DeadLetter, "400 Bad Request: why"},
		{401, tasks.DeadLetter, "401 Unauthorized: why"},
		{404, tasks.DeadLetter, "404 Not Found: why"},
		{408, tasks.Retry, "408 Request Timeout: why"},
		{409, tasks.DeadLetter, "409 Conflict: why"},
		{425, tasks.Retry, "425 Too Early: why"},
		{429, tasks.Retry, "429 Too Many Requests: why"},
		{499, tasks.DeadLetter, "499: why"},
		{500, tasks.Retry, "500 Internal Server Error: why"},
		{503, tasks.Retry, "503 Service Unavailable: why"},
		{599, tasks.Retry, "599: why"},
		{600, tasks.DeadLetter, "600: why"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			t.Parallel()
			server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, " why\n") //nolint:errcheck // 204 has no body
			})
			got := decide(newHandler(t, Config{URL: server.URL}).HandleTask(t.Context(), &warrener.Delivery{}))
			if got.Verdict != tt.verdict || got.Err != nil && !strings.HasPrefix(got.Err.Error(), tt.want) {
				t.Errorf("%+v, want verdict %v and %q", got, tt.verdict, tt.want)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()

	other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, location := range []string{other.URL, "http://%zz", ""} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		got := decide(newHandler(t, Config{URL: server.URL}).HandleTask(t.Context(), &warrener.Delivery{Payload: []byte("x")}))
		if got.Reason != tasks.ReasonPermanent {
			t.Errorf("to %q: %+v, want a permanent failure", location, got)
		}
	}
}

func TestUnreachableEndpointIsTriedAgain(t *testing.T) {
	t.Parallel()

	gone := httptest.NewServer(nil)
	gone.Close()
	cut := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, url := range []string{gone.URL, cut.URL, "http://no-such-host.invalid/"} {
		if got := decide(newHandler(t, Config{URL: url}).HandleTask(t.Context(), &warrener.Delivery{})); got.Verdict != tasks.Retry {
			t.Errorf("%s: %+v, want another attempt", url, got)
		}
	}
}

func TestEndOfContextEndsTheCall(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the server sees the end of the call only when it has read the body
		cancel()
		<-r.Context().Done()
		close(gone)
	})
	err := newHandler(t, Config{URL: server.URL}).HandleTask(ctx, &warrener.Delivery{})
	if !errors.Is(err, context.Canceled) || decide(err).Verdict != tasks.Retry {
		t.Errorf("error %v", err)
	}
	<-gone
}

// roundTrip is a function as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// dripping is a body that never ends, nor says anything.
type dripping struct{ ctx context.Context }

func (d dripping) Read([]byte) (int, error) {
	<-d.ctx.Done()
	return 0, d.ctx.Err()
}

func (dripping) Close() error { return nil }

func TestTimeout(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		silent := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		err := newHandler(t, Config{URL: "http://h", Timeout: time.Minute, Transport: silent}).HandleTask(t.Context(), &warrener.Delivery{})
		if took := time.Since(began); took != time.Minute || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v after %v", err, took)
		}
	})
}

func TestBodyThatNeverEndsDoesNotHoldUpTheWorker(t *testing.T) {
	t.Parallel()

	for status, want := range map[int]tasks.Verdict{200: tasks.Ack, 503: tasks.Retry, 404: tasks.DeadLetter, 101: tasks.DeadLetter} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				endless := roundTrip(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: status, Body: dripping{r.Context()}}, nil
				})
				began := time.Now()
				err := newHandler(t, Config{URL: "http://h", Transport: endless}).HandleTask(t.Context(), &warrener.Delivery{})
				took := time.Since(began)
				if decide(err).Verdict != want || took > drainPatience || status == 101 && took > 0 {
					t.Errorf("%+v after %v", decide(err), took)
				}
			})
		})
	}
}

func TestAnswerIsReadUpToTheLimit(t *testing.T) {
	t.Parallel()

	counted := &counting{left: 100 << 20}
	huge := roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: counted}, nil
	})
	err := newHandler(t, Config{URL: "http://h", Transport: huge}).HandleTask(t.Context(), &warrener.Delivery{})
	if read := 100<<20 - counted.left; read > DefaultResponseLimit || !counted.closed {
		t.Errorf("%d bytes read, closed %v", read, counted.closed)
	}
	if text := err.Error(); !strings.HasPrefix(text, "500 Internal Server Error: xxx") || len(text) > excerpt+100 {
		t.Errorf("error of %d bytes: %.50s", len(text), text)
	}
}

// counting is a body of left bytes.
type counting struct {
	left   int
	closed bool
}

func (c *counting) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, bytes.Repeat([]byte("x"), min(len(p), c.left)))
	c.left -= n
	return n, nil
}

func (c *counting) Close() error {
	c.closed = true
	return nil
}

func TestConnectionsAreKeptForAllCallsAtOnce(t *testing.T) {
	t.Parallel()

	const concurrency, rounds = 16, 10
	var opened atomic.Int64
	var together sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait() // so that the calls of a round are under way at once
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(bytes.Repeat([]byte("x"), 8<<10)) //nolint:errcheck // the client counts
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	h := newHandler(t, Config{URL: server.URL, Concurrency: concurrency})
	for range rounds {
		together.Add(concurrency)
		var calls sync.WaitGroup
		for range concurrency {
			calls.Go(func() {
				if got := decide(h.HandleTask(t.Context(), &warrener.Delivery{})); got.Verdict != tasks.Retry {
					t.Errorf("%+v", got)
				}
			})
		}
		calls.Wait()
	}
	// A connection comes back a moment after its call has ended, so a round may open a few more; without reuse it is 160.
	if n := opened.Load(); n > 3*concurrency {
		t.Errorf("%d connections for %d calls at once", n, concurrency)
	}
}

func TestCredentialsAreSentAndNeverShown(t *testing.T) {
	t.Parallel()

	const canary = "canary%2F7c1f"
	var user, password string
	status := http.StatusOK
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		w.Header().Set("Location", "/again?token="+canary)
		w.WriteHeader(status)
	})
	endpoint := strings.Replace(server.URL, "http://", "http://ann:"+canary+"@", 1) + "/" + canary + "?token=" + canary
	var log bytes.Buffer
	h := newHandler(t, Config{URL: endpoint, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err := h.HandleTask(t.Context(), &warrener.Delivery{}); err != nil || user != "ann" || password != "canary/7c1f" {
		t.Fatalf("user %q, password %q, error %v", user, password, err)
	}
	shown := []string{}
	for _, status = range []int{301, 400, 500} {
		shown = append(shown, fmt.Sprint(h.HandleTask(t.Context(), &warrener.Delivery{})))
	}
	server.Close()
	shown = append(shown, fmt.Sprint(h.HandleTask(t.Context(), &warrener.Delivery{})), log.String())
	for _, bad := range []string{"ftp://ann:canary@h", "http://ann:can%ary@h", "http://ann:canary", "http://ann:ca nary@h", "://canary", "canary", "http://:80/canary", ""} {
		_, err := New(Config{URL: bad})
		if err == nil {
			t.Errorf("New takes %s", bad)
		}
		shown = append(shown, fmt.Sprint(err))
	}
	for _, text := range shown {
		if strings.Contains(text, "can") && strings.Contains(text, "ary") {
			t.Errorf("the secret is shown: %s", text)
		}
	}
	if !strings.Contains(log.String(), "status=200") {
		t.Errorf("log: %s", &log)
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	h := newHandler(t, Config{URL: "http://no-such-host.invalid/"})
	if err := h.HandleTask(t.Context(), &warrener.Delivery{}); decide(err).Verdict != tasks.Retry {
		t.Errorf("error %v", err)
	}
	// The default transport reads those variables once for the whole process, so ask this one directly as well.
	if transport, ok := h.transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
}

func BenchmarkHandleTask(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	h, err := New(Config{URL: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	d := &warrener.Delivery{ID: "id-1", Name: "resize", Payload: []byte(`{"a":1}`), ContentType: "application/json"}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := h.HandleTask(b.Context(), d); err != nil {
				b.Error(err)
			}
		}
	})
}
