package rabbit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGuardCleansUpUnlessReleased(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end    func(*guard) error
		cleans bool
	}{
		"our process ends": {func(g *guard) error { _ = g.stdin.Close(); return g.cmd.Wait() }, true},
		"released":         {(*guard).release, false},
	} {
		file := filepath.Join(t.TempDir(), "it's here")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := startGuard(t.Context(), os.Environ(), `rm "$1"`, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.end(g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file); (err != nil) != test.cleans {
			t.Errorf("%s: the guard cleaned up: %t, want %t", name, err != nil, test.cleans)
		}
	}
}

func TestNoGuardIsReleasedAtOnce(t *testing.T) {
	t.Parallel()
	var none *guard
	if err := none.release(); err != nil {
		t.Error(err)
	}
}
