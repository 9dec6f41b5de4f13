package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

const asWith = "RABBIT_TEST_AS_WITH"

// TestMain is also the command itself, for the tests that start it.
func TestMain(m *testing.M) {
	if os.Getenv(asWith) != "" {
		main()
	}
	rabbittest.Main(m)
}

// command runs this command with the shared broker, for the given shell script.
func command(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--", "sh", "-c", script)
	cmd.Env = slices.Concat(os.Environ(), rabbittest.Shared(t).Environ(), []string{asWith + "=yes"})
	return cmd
}

func TestCommandFindsTheBroker(t *testing.T) {
	t.Parallel()
	cmd := command(t, `echo "$AMQP_URL $RABBITMQ_MANAGEMENT_URL $WARRENER_BROKER_VERSION"`)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err, errOut.String())
	}
	b := rabbittest.Shared(t)
	if got, want := strings.TrimSpace(string(out)), b.URL+" "+b.ManagementURL+" "+b.Version; got != want {
		t.Errorf("the command sees %q, want %q", got, want)
	}
	if said := errOut.String(); !strings.Contains(said, "broker: RabbitMQ "+b.Version) || strings.Contains(said, "guest") {
		t.Errorf("standard error has %q, want the broker without its password", said)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"true": 0, "exit 3": 3, "kill -9 $$": 128 + 9, "exec /nonesuch": 127} {
		cmd := command(t, script)
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("with -- sh -c %q exits with %d, want %d", script, got, want)
		}
	}
}

func TestSignalsReachTheWholeCommand(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		// the inner shell stands for the tests that go test runs; it has the output open until it ends
		cmd := command(t, `trap "exit 7" INT TERM
			sh -c 'trap "echo told; exit" INT TERM; echo ready; for i in $(seq 200); do sleep 0.1; done'; exit 1`)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() || lines.Text() != "ready" {
			t.Fatalf("the command says %q, want ready", lines.Text())
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != "told" {
			t.Errorf("%s: the grandchild says %q, want told", sig, lines.Text())
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 7 {
			t.Errorf("%s: exit code %d, want the command's own, 7", sig, got)
		}
	}
}

func TestNothingOutlivesTheCommand(t *testing.T) {
	t.Parallel()
	// Output returns when the last that has the output open is gone
	out, err := command(t, `(sleep 20; echo late) & echo done`).Output()
	if err != nil || string(out) != "done\n" {
		t.Errorf("output %q, %v, want done", out, err)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind       rabbit.Kind
		all, given bool
		want       []rabbit.Kind
	}{
		"whatever":           {"", false, false, []rabbit.Kind{""}},
		"one":                {rabbit.Docker, false, false, []rabbit.Kind{rabbit.Docker}},
		"all":                {"", true, false, []rabbit.Kind{rabbit.Docker, rabbit.Installed}},
		"all, but one given": {"", true, true, []rabbit.Kind{""}},
	} {
		if got := kinds(test.kind, test.all, test.given); !slices.Equal(got, test.want) {
			t.Errorf("%s: kinds = %q, want %q", name, got, test.want)
		}
	}
}
