package check

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// promtool runs Prometheus' own tool. It is built from promtool.mod, without what discovers targets in clouds.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"tool", "-modfile=promtool.mod", "promtool"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-tags=remove_all_sd,enable_dns_sd")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

//nolint:paralleltest // one build of promtool at a time
func TestPromtoolFindsNothing(t *testing.T) {
	promtool(t, "check", "config", "--lint=all", "--lint-fatal", "../prometheus/prometheus.yml")
	promtool(t, "test", "rules", "../prometheus/tests/alerts.yml")
}

// Each alert says what to do, in itself and in docs/operations.md, and has been seen to fire.
func TestEveryAlertIsExplainedAndTried(t *testing.T) {
	t.Parallel()
	const page = "https://github.com/warrener/warrener/blob/main/docs/operations.md#"
	operations := strings.ToLower(read(t, "../../docs/operations.md"))
	fired := fires(t)
	for _, group := range rules(t).Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			heading := strings.ToLower(rule.Alert)
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s does not say what is the matter and what to do", rule.Alert)
			}
			if got := rule.Annotations["runbook_url"]; got != page+heading {
				t.Errorf("%s leads to %s, want %s", rule.Alert, got, page+heading)
			}
			if !strings.Contains(operations, "\n### "+heading+"\n") {
				t.Errorf("docs/operations.md has no heading %s", rule.Alert)
			}
			if !fired[rule.Alert] {
				t.Errorf("%s fires in no test", rule.Alert)
			}
			delete(fired, rule.Alert)
		}
	}
	for alert := range fired {
		t.Errorf("there is a test of %s, and no such alert", alert)
	}
}

// fires are the alerts of which a test says that they fire.
func fires(t *testing.T) map[string]bool {
	t.Helper()
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name   string `json:"alertname"`
				Expect []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../prometheus/tests/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	fired := map[string]bool{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			if len(a.Expect) > 0 {
				fired[a.Name] = true
			}
		}
	}
	return fired
}
