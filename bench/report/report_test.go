package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/bench/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()

	got := report.Ratios([]float64{1, 9, 4, 7}, []float64{2, 3, 0})
	if len(got) != 2 || got[0] != 0.5 || got[1] != 3 {
		t.Errorf("got %v, want [0.5 3]", got)
	}
}

// sample has a pair, a peer and one that is missing, over two rounds.
func sample() report.Report {
	r := report.Report{
		When: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Command: "go run ./run -scale full", Rounds: 2, Sleepers: 10000,
		Machine:  report.Machine{CPU: "A processor", Cores: 4, Memory: 24.7, Kernel: "6.1.0", Go: "go1.26.0"},
		Services: []report.Service{{Version: "RabbitMQ 3.10.8", Durable: "confirmed"}, {Version: "Redis 7.0.15", Durable: "everysec"}},
		Systems: []report.System{
			{Name: "bare-quorum", Title: "amqp091-go, quorum", Version: "v1.16.0", Service: "RabbitMQ 3.10.8", Against: "bare-quorum", Settings: "acks each"},
			{Name: "warrener-quorum", Title: "Warrener, quorum", Service: "RabbitMQ 3.10.8", Against: "bare-quorum", Settings: "defaults"},
			{Name: "asynq", Title: "asynq", Version: "v0.26.0", Service: "Redis 7.0.15", Against: "bare-classic", Settings: "defaults"},
			{Name: "river", Title: "River", Against: "bare-classic", Missing: "PostgreSQL cannot be had"},
		},
	}
	for round := range 2 {
		for i, rate := range []float64{20000, 19500, 3500} {
			r.Systems[i].Add(figures(rate, float64(round)))
		}
		for i := range 2 {
			r.Systems[i].Add(map[report.Metric]float64{report.Of1: 95, report.Of2: 92.5, report.Of4: 81})
		}
	}
	return r
}

func figures(rate, round float64) map[report.Metric]float64 {
	return map[report.Metric]float64{
		report.Drain: rate + 1000*round, report.CPU: 5e5 / rate,
		report.P50: 16000 / rate, report.P90: 20000 / rate, report.P99: 60000 / rate,
		report.FirstTask: 12 + round, report.IdleMemory: 9.5, report.IdleCPU: 0,
		report.SleepersTook: 1.01, report.SleepersPeak: 70 + round,
	}
}

func TestPageAndTable(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	if err := sample().Page(filepath.Join(dir, "performance.md"), filepath.Join("testdata", "sdk.json")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"performance.md", "performance/drain.svg", "performance/latency.svg", "performance/scaling.svg"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
	}
	var text bytes.Buffer
	if err := sample().Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", text.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()

	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as in testdata (go test ./report -update writes it anew); it is\n%s", name, got)
	}
}

func TestNothingMeasured(t *testing.T) {
	t.Parallel()

	r := report.Report{Rounds: 1, Systems: []report.System{{Name: "river", Title: "River", Missing: "no PostgreSQL"}}}
	err := r.Page(filepath.Join(t.TempDir(), "page.md"), "")
	if err == nil || !strings.Contains(err.Error(), "nothing was measured") {
		t.Errorf("a page of it: %v", err)
	}
	var text bytes.Buffer
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "River was not measured: no PostgreSQL") {
		t.Errorf("the table does not say what is missing:\n%s", &text)
	}
}

func TestPageRefuses(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct{ file, sdk, want string }{
		"a file without a suffix":      {"page", "", "no suffix"},
		"a report that is not there":   {"page.md", "testdata/none.json", "none.json"},
		"a report of something else":   {"page.md", "testdata/other.json", "no report of"},
		"a report that is no JSON":     {"page.md", "report_test.go", "report_test.go"},
		"a folder that cannot be made": {"none\x00/page.md", "", "invalid argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := sample().Page(filepath.Join(t.TempDir(), test.file), test.sdk)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestReportIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "report.json")
	if err := sample().Write(file); err != nil {
		t.Fatal(err)
	}
	r, err := report.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := sample().Text(&first); err != nil {
		t.Fatal(err)
	}
	if err := r.Text(&second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("read: %s\nwritten: %s", &second, &first)
	}
	if _, err := report.Read("report_test.go"); err == nil {
		t.Error("what is no report is read")
	}
}
