package test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// servant is a worker process whose health and metrics can be asked for.
type servant struct {
	*process
	addr string
}

var listening = regexp.MustCompile(` metrics=(\S+)`)

// startWorker starts a worker with a metrics address, and does not wait until it is ready.
func startWorker(t testing.TB, url string, args ...string) *servant {
	t.Helper()
	s := &servant{process: worker(t, url, append(args, "--metrics-addr", "127.0.0.1:0")...).start(t)}
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		found := listening.FindStringSubmatch(s.stderr.String())
		if found != nil {
			s.addr = found[1]
		}
		return found != nil, "the worker has not said where it serves metrics: " + tail(s.stderr.String())
	})
	return s
}

// serveProcess starts a worker process and waits until it is ready.
func serveProcess(t testing.TB, url string, args ...string) *servant {
	t.Helper()
	s := startWorker(t, url, args...)
	s.awaitReady(t, 20*time.Second)
	return s
}

// get asks the metrics address; code 0 is no answer.
func (s *servant) get(t testing.TB, path string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, strings.TrimSpace(string(answer))
}

// awaitReady polls /readyz, which until then has to say why not.
func (s *servant) awaitReady(t testing.TB, within time.Duration) {
	t.Helper()
	start := time.Now()
	rabbittest.Eventually(t, within, func() (bool, string) {
		code, body := s.get(t, "/readyz")
		if code != http.StatusOK && (code != http.StatusServiceUnavailable || body == "") {
			t.Fatalf("/readyz answers %d %q, neither 200 nor 503 and why", code, body)
		}
		return code == http.StatusOK, fmt.Sprintf("/readyz: %d %s", code, body)
	})
	t.Logf("ready after %s", time.Since(start).Round(10*time.Millisecond))
}

// awaitUnready polls /readyz until it says 503 and something with all the words.
func (s *servant) awaitUnready(t testing.TB, within time.Duration, words ...string) {
	t.Helper()
	rabbittest.Eventually(t, within, func() (bool, string) {
		code, body := s.get(t, "/readyz")
		ok := code == http.StatusServiceUnavailable
		for _, word := range words {
			ok = ok && strings.Contains(body, word)
		}
		return ok, fmt.Sprintf("/readyz: %d %s", code, body)
	})
}

// metrics are the series of /metrics with their values; none where there is no answer.
func (s *servant) metrics(t testing.TB) map[string]float64 {
	t.Helper()
	code, body := s.get(t, "/metrics")
	if code != http.StatusOK {
		return nil
	}
	series := map[string]float64{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("/metrics: %q: %v", line, err)
		}
		series[line[:i]] = value
	}
	return series
}

// awaitMetric waits until a series has a value.
func (s *servant) awaitMetric(t testing.TB, series string, value float64) {
	t.Helper()
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		got, ok := s.metrics(t)[series]
		return ok && got == value, fmt.Sprintf("%s is %g (there: %t), not %g", series, got, ok, value)
	})
}
