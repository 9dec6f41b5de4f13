package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// system is a project of docker compose of its own, on ports that Docker chooses.
type system struct {
	project  string
	env      []string
	password string // of the user producer
}

func newSystem(t *testing.T) *system {
	t.Helper()
	secrets := t.TempDir()
	s := &system{project: "warrener-test-" + uuid.NewString()[:8], password: "p/" + uuid.NewString()}
	if err := os.WriteFile(filepath.Join(secrets, "producer"), []byte(s.password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "WARRENER_SECRETS="+secrets, "AMQP_PORT=", "MANAGEMENT_PORT=", "PROMETHEUS_PORT=", "GRAFANA_PORT=",
		"WARRENER_IMAGE=warrener:compose-test", "WARRENER_DEMO_IMAGE=warrener-demo:compose-test")
	s.compose(t, 15*time.Minute, "build", "--quiet", "worker", "orders")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.compose(t, time.Minute, "logs", "--no-color", "--tail", "30"))
		}
		s.compose(t, 3*time.Minute, "down", "--volumes", "--timeout", "20")
	})
	return s
}

// compose runs `docker compose` and returns its stdout.
func (s *system) compose(t *testing.T, within time.Duration, args ...string) string {
	t.Helper()
	args = append([]string{
		"compose", "--project-name", s.project, "--project-directory", "../../deploy",
		"--file", "../../deploy/docker-compose.yml", "--file", "testdata/compose.yml",
	}, args...)
	return s.run(t, within, "docker", args...)
}

func (s *system) run(t *testing.T, within time.Duration, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), within) // a cleanup calls it too
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = s.env
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// up starts what is not there yet, with so many workers, and waits until all is healthy.
func (s *system) up(t *testing.T, workers int) time.Duration {
	t.Helper()
	start := time.Now()
	s.compose(t, 2*time.Minute, "up", "--detach", "--wait", "--no-recreate", "--scale", "worker="+strconv.Itoa(workers))
	return time.Since(start)
}

// address is where a port of a service is on this machine.
func (s *system) address(t *testing.T, service string, port int) string {
	t.Helper()
	return strings.TrimSpace(s.compose(t, time.Minute, "port", service, strconv.Itoa(port)))
}

// containers are the ids of a service's containers, those that have ended too.
func (s *system) containers(t *testing.T, service string) []string {
	t.Helper()
	return strings.Fields(s.compose(t, time.Minute, "ps", "--all", "--quiet", service))
}

// query asks Prometheus for one number; false when there is none.
func (s *system) query(t *testing.T, expr string) (float64, bool) {
	t.Helper()
	address := "http://" + s.address(t, "prometheus", 9090) + "/api/v1/query?query=" + url.QueryEscape(expr)
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(get(t, address), &answer); err != nil {
		t.Fatalf("query %s: %v", expr, err)
	}
	if len(answer.Data.Result) != 1 {
		return 0, false
	}
	value, err := strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	if err != nil {
		t.Fatalf("query %s: %v", expr, err)
	}
	return value, true
}

// awaitQuery waits until Prometheus sees it.
func (s *system) awaitQuery(t *testing.T, expr string, want float64) {
	t.Helper()
	var got float64
	if !eventually(t, time.Minute, func() bool {
		var ok bool
		got, ok = s.query(t, expr)
		return ok && got == want
	}) {
		t.Fatalf("%s is %g, want %g", expr, got, want)
	}
}

func get(t *testing.T, address string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", address, response.Status, err, body)
	}
	return body
}

// eventually asks again and again, and says whether it came true in time.
func eventually(t *testing.T, within time.Duration, come func() bool) bool {
	t.Helper()
	deadline := time.After(within)
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		if come() {
			return true
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return false
		}
	}
}
