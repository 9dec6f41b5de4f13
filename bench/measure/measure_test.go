package measure_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/bench/measure"
	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/bare"
	"github.com/warrener/warrener/bench/systems/warreners"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

// The peers need services that a test should not install; their part of a round is the same code.
func TestWorkloads(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../worker/bare", "../worker/warrener")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	url := rabbittest.Vhost(t)
	for _, s := range []systems.System{bare.Systems()[1], warreners.Systems()[0]} {
		b := measure.Bench{System: s, URL: url, Worker: filepath.Join(dir, s.Program), Scale: measure.Trial()}
		got := measure.Figures{}
		for _, w := range measure.Workloads() {
			figures, err := w.Run(t.Context(), b)
			if err != nil {
				t.Fatalf("%s, %s: %v", s.Name, w.Name, err)
			}
			maps.Copy(got, figures)
		}
		check(t, s, got)
	}
}

// check wants figures that can be true of any machine.
func check(t *testing.T, s systems.System, got measure.Figures) {
	t.Helper()

	for _, metric := range []report.Metric{
		report.Drain, report.FirstTask, report.IdleMemory, report.P50, report.P90, report.P99,
		report.SleepersTook, report.SleepersPeak, report.Of1, report.Of2, report.Of4,
	} {
		if got[metric] <= 0 {
			t.Errorf("%s: %s is %v", s.Name, metric, got[metric])
		}
	}
	if got[report.SleepersTook] < 1 {
		t.Errorf("%s ended tasks of a second in %v s", s.Name, got[report.SleepersTook])
	}
	if got[report.P50] > got[report.P90] || got[report.P90] > got[report.P99] {
		t.Errorf("%s: percentiles that fall: %v", s.Name, got)
	}
	if got[report.SleepersPeak] < 5 || got[report.IdleMemory] < 5 {
		t.Errorf("%s: a Go program in less than 5 MB: %v", s.Name, got)
	}
}

func TestWorkerThatEndsIsAnError(t *testing.T) {
	t.Parallel()

	program, err := exec.LookPath("false")
	if err != nil {
		t.Fatal(err)
	}
	b := measure.Bench{System: bare.Systems()[1], URL: rabbittest.Vhost(t), Worker: program, Scale: measure.Trial()}
	began := time.Now()
	for _, w := range measure.Workloads() {
		if _, err := w.Run(t.Context(), b); err == nil || !strings.Contains(err.Error(), "a worker ended") {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("found out after %s", took)
	}
}
