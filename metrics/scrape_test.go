package metrics_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/metrics"
)

var update = flag.Bool("update", false, "write the golden files")

func registered(t testing.TB, options metrics.Options) (*prometheus.Registry, warrener.Hooks) {
	t.Helper()
	registry, m := prometheus.NewPedanticRegistry(), metrics.New(options)
	if err := registry.Register(m); err != nil {
		t.Fatal(err)
	}
	return registry, m.Hooks()
}

// scrape is the registry as a server reads it.
func scrape(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	response := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).
		ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if response.Code != http.StatusOK {
		t.Fatalf("scrape: %s", response.Body)
	}
	return response.Body.String()
}

// samples are the series of a scrape with their values.
func samples(scraped string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(scraped) {
		if series, value, ok := cutLast(strings.TrimSpace(line)); ok {
			found[series] = value
		}
	}
	return found
}

func cutLast(line string) (series, value string, ok bool) {
	if strings.HasPrefix(line, "#") {
		return "", "", false
	}
	i := strings.LastIndexByte(line, ' ')
	return line[:max(i, 0)], line[i+1:], i > 0
}

// golden holds got against a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = regexp.MustCompile(`version="[^"]*"`).ReplaceAllString(got, `version="v1.2.3"`) // differs with the build
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("%s: line %d differs; make generate writes it anew\n got %s\nwant %s", path, i+1,
				slices.Concat(gotLines, []string{"(end)"})[min(i, len(gotLines))],
				slices.Concat(wantLines, []string{"(end)"})[min(i, len(wantLines))])
		}
	}
}

// sum adds the values of all series that begin so.
func sum(t *testing.T, samples map[string]string, prefix string) int {
	t.Helper()
	total := 0
	for _, series := range slices.Sorted(maps.Keys(samples)) {
		if strings.HasPrefix(series, prefix) {
			value := 0
			if _, err := fmt.Sscan(samples[series], &value); err != nil {
				t.Fatalf("%s: %v", series, err)
			}
			total += value
		}
	}
	return total
}
