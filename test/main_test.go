package test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestMain(m *testing.M) {
	if os.Getenv(fragileQueue) != "" {
		//nolint:forbidigo // this process is a worker, and here is its main
		os.Exit(fragile(context.Background()))
	}
	code := rabbittest.Run(m)
	if programs.dir != "" {
		if err := os.RemoveAll(programs.dir); err != nil {
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// programs are the commands, built when the first test needs one.
//
//nolint:gochecknoglobals // one build for the process is the point
var programs struct {
	once sync.Once
	dir  string
	err  error
}

// built returns the path of a program, built as users build it: without the race detector.
func built(t testing.TB, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "warrener-test-"); programs.err != nil {
			return
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", programs.dir,
			"../cmd/producer", "../cmd/worker", "../cmd/warrener", "./testdata/bare")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		if programs.err = err; err != nil {
			t.Logf("build the programs: %s", out)
		}
	})
	if programs.err != nil {
		t.Fatalf("build the programs: %v", programs.err)
	}
	return filepath.Join(programs.dir, name)
}
