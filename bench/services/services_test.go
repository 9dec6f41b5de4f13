package services

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestServiceThatEndsWhileItStartsIsAnError(t *testing.T) {
	t.Parallel()

	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	p, err := launch(t.Context(), t.TempDir(), nil, shell, "-c", "echo no such data; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	err = p.await(t.Context(), func(context.Context) error { return errors.New("no answer") })
	if err == nil || !strings.Contains(err.Error(), "no such data") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("the error is %v, want what it said and how it ended", err)
	}
}

func TestStopEndsAProcess(t *testing.T) {
	t.Parallel()

	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	p, err := launch(t.Context(), t.TempDir(), nil, sleep, "1000")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.await(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if p.ended == nil {
		t.Error("it ended by itself")
	}
}

func TestWhatIsNotThereAndCannotBeInstalledIsSaidToBeMissing(t *testing.T) {
	t.Setenv("PATH", "") // where apt-get would be
	_, err := had(t.Context(), "some-package", func() (string, error) { return "", errors.New("no such program") }, t.Output())
	if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "some-package") {
		t.Errorf("the error is %v", err)
	}
}

func TestPostgresURLOfAnotherKindIsRefused(t *testing.T) {
	t.Parallel()

	for _, given := range []string{"host=localhost", "mysql://localhost/x", "::"} {
		_, err := withDatabase(t.Context(), given, "", nil)
		if err == nil || !strings.Contains(err.Error(), "POSTGRES_URL") {
			t.Errorf("%s: %v", given, err)
		}
	}
}
