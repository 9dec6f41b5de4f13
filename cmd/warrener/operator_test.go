package main

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestMistakesOfOperators(t *testing.T) {
	t.Parallel()

	const nowhere = "--url=amqp://guest:guest@127.0.0.1:1/"
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"queue", 2, "no command given; see warrener queue --help"},
		{"queue puase q", 2, "did you mean pause"},
		{"queue show", 2, "QUEUE is missing"},
		{"queue show q -o xml", 2, "want table, json or jsonl"},
		{"queue show q --connect-timeout 100ms " + nowhere, 69, "broker unavailable"},
		{"queue list --management-url=ftp://h " + nowhere, 2, "--management-url"},
		{"topology show -q amq.x", 2, "begins with amq."},
		{"topology show --queue-type stream", 2, "want quorum or classic"},
		{"topology show --queue-type classic --delivery-limit 3", 2, "classic queues know none"},
		{"topology show --delivery-limit -3", 2, "cannot be negative"},
		{"topology show --max-delay -3s", 2, "cannot be negative"},
		{"topology show --max-delay 999999h", 2, "--max-delay"},
		{"topology export --format xml", 2, "want definitions or operator"},
	} {
		out, code := runCommand(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s: code %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

func TestTopologyShow(t *testing.T) {
	t.Parallel()

	out, code := runCommand(t, "topology", "show", "-q", "emails,images", "--max-delay", "300ms")
	for _, line := range []string{
		"exchange warrener.paused direct\n", "queue images.dead ", `binding warrener.paused "emails" -> queue emails.paused`,
		"queue warrener.delay.01 ",
	} {
		if strings.Count(out, line) != 1 {
			t.Errorf("%d times %q", strings.Count(out, line), line)
		}
	}
	if code != 0 || strings.Contains(out, "warrener.delay.02") {
		t.Errorf("code %d:\n%s", code, out)
	}
	if out, _ := runCommand(t, "topology", "show", "--max-delay", "0"); strings.Contains(out, "warrener.delay.00") {
		t.Errorf("levels without delays:\n%s", out)
	}
}

func TestTopologyExport(t *testing.T) {
	t.Parallel()

	out, code := runCommand(t, "topology", "export", "-q", "emails", "--vhost", "v")
	var file struct {
		Queues []struct{ Name, Vhost string }
	}
	if err := json.Unmarshal([]byte(out), &file); err != nil || code != 0 || len(file.Queues) == 0 || file.Queues[0].Vhost != "v" {
		t.Errorf("code %d, %v:\n%s", code, err, out)
	}
	out, code = runCommand(t, "topology", "export", "-q", "emails", "--format", "operator", "--cluster", "rabbit")
	var first struct{ Spec map[string]any }
	if err := yaml.Unmarshal([]byte(out), &first); err != nil || code != 0 || first.Spec["vhost"] != "/" {
		t.Errorf("code %d, %v:\n%s", code, err, out)
	}
}
