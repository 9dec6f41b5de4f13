package rabbit

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindServer(t *testing.T) {
	t.Parallel()
	place := func(dir string, names ...string) string {
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	scripts := place(t.TempDir(), "rabbitmq-server", "rabbitmqctl", "rabbitmq-env")
	wrapper := place(t.TempDir(), "rabbitmq-server", "rabbitmqctl")
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(scripts, "rabbitmq-server"), filepath.Join(linked, "rabbitmq-server")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		dirs []string
		path string
		want string // empty: an error
	}{
		"in its directory":  {[]string{"/nonesuch", scripts}, "", scripts},
		"in PATH":           {nil, "/nonesuch:" + scripts, scripts},
		"linked into PATH":  {nil, linked, scripts},
		"behind a wrapper":  {[]string{scripts}, wrapper, scripts},
		"only the wrapper":  {nil, wrapper, ""},
		"nowhere":           {[]string{t.TempDir()}, t.TempDir(), ""},
		"no directory, yet": {[]string{"/nonesuch"}, "", ""},
	} {
		got, err := findServer(test.dirs, test.path)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: findServer = %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestDenyStart(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy-rc.d")
	allow, err := denyStart(policy)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(policy)
	if err != nil || info.Mode()&0o111 == 0 {
		t.Fatalf("the policy is not a program: %v, %v", info, err)
	}
	again, err := denyStart(policy) // as if it were someone else's
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(policy); err != nil {
		t.Fatalf("the policy of someone else was removed: %v", err)
	}
	if err := allow(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(policy); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("our policy was left behind: %v", err)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a\n": "a", "a\nb\nc\n\n": "b\nc"} {
		if got := tail([]byte(in), 2); got != want {
			t.Errorf("tail(%q, 2) = %q, want %q", in, got, want)
		}
	}
}
