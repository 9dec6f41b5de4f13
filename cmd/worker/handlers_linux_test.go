package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener"
)

func TestExecLimits(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "limits")
	if err := os.WriteFile(script, []byte("echo cpu $(ulimit -t) memory $(ulimit -v) >&2; exit 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := handlerOptions{exec: []string{"sh " + script}, execCPU: 7 * time.Second, execMemory: 512}
	mux, err := options.mux(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = mux.HandleTask(t.Context(), &warrener.Delivery{Payload: []byte("null")})
	if err == nil || !strings.Contains(err.Error(), "cpu 7 memory 524288") {
		t.Errorf("the program says: %v", err)
	}
}
