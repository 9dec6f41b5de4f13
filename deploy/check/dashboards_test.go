package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// dashboard is what we ask of a dashboard's file.
type dashboard struct {
	UID    string `json:"uid"`
	Title  string `json:"title"`
	Panels []struct {
		Title      string     `json:"title"`
		Datasource datasource `json:"datasource"`
		Targets    []struct {
			Expr       string     `json:"expr"`
			Datasource datasource `json:"datasource"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
}

type datasource struct {
	UID string `json:"uid"`
}

// expression is a query and where it stands.
type expression struct{ where, text string }

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("../grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards (%v)", err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// labelValues is the one function of Grafana's own in our variables.
var labelValues = regexp.MustCompile(`^label_values\((.*), \w+\)$`)

func dashboardExpressions(t *testing.T) []expression {
	t.Helper()
	var all []expression
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				all = append(all, expression{file + ": " + p.Title, target.Expr})
			}
		}
		for _, v := range d.Templating.List {
			found := labelValues.FindStringSubmatch(v.Definition)
			if found == nil {
				t.Errorf("%s: variable %s is %q", file, v.Name, v.Definition)
				continue
			}
			all = append(all, expression{file + ": variable " + v.Name, found[1]})
		}
		for _, a := range d.Annotations.List {
			all = append(all, expression{file + ": annotations", a.Expr})
		}
	}
	return all
}

// ruleFile is a file of rules as Prometheus reads it; promtool has looked at the rest.
type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `json:"alert"`
			Record      string            `json:"record"`
			Expr        string            `json:"expr"`
			Annotations map[string]string `json:"annotations"`
		} `json:"rules"`
	} `json:"groups"`
}

func rules(t *testing.T) ruleFile {
	t.Helper()
	files, err := filepath.Glob("../prometheus/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules (%v)", err)
	}
	var all ruleFile
	for _, file := range files {
		var one ruleFile
		if err := yaml.Unmarshal([]byte(read(t, file)), &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all.Groups = append(all.Groups, one.Groups...)
	}
	return all
}

func ruleExpressions(t *testing.T) (all []expression, recorded []string) {
	t.Helper()
	for _, group := range rules(t).Groups {
		for _, rule := range group.Rules {
			all = append(all, expression{rule.Alert + rule.Record, rule.Expr})
			if rule.Record != "" {
				recorded = append(recorded, rule.Record)
			}
		}
	}
	return all, recorded
}

// A graph of a metric that nobody exports is empty, and an alert on it is silent.
func TestEveryExpressionAsksForMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	fromRules, recorded := ruleExpressions(t)
	known := slices.Concat(recorded, exported(t), strings.Fields(read(t, "testdata/rabbitmq.txt")),
		[]string{"up", "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes", "go_goroutines"})
	for _, e := range append(fromRules, dashboardExpressions(t)...) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(e.text, "$queue", "default"))
		if err != nil {
			t.Errorf("%s: %s: %v", e.where, e.text, err)
			continue
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok && !selects(selector, known) {
				t.Errorf("%s: nobody exports what %s asks for", e.where, selector)
			}
			return nil
		})
	}
}

// selects says whether a selector finds a metric of these names.
func selects(selector *parser.VectorSelector, known []string) bool {
	if selector.Name != "" {
		return slices.Contains(known, selector.Name)
	}
	return slices.ContainsFunc(known, func(name string) bool {
		for _, m := range selector.LabelMatchers {
			if m.Name == "__name__" && m.Matches(name) {
				return true
			}
		}
		return false
	})
}

// exported are our metrics, from the page that a test of package metrics holds against the code.
func exported(t *testing.T) []string {
	t.Helper()
	var names []string
	row := regexp.MustCompile("(?m)^\\| `(warrener_\\w+)` \\| (\\w+) \\|")
	for _, found := range row.FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		names = append(names, found[1])
		if found[2] == "histogram" {
			names = append(names, found[1]+"_bucket", found[1]+"_sum", found[1]+"_count")
		}
	}
	if len(names) < 20 {
		t.Fatalf("docs/metrics.md has %d metrics", len(names))
	}
	return names
}

func TestDashboardsUseTheProvisionedDataSource(t *testing.T) {
	t.Parallel()
	var provisioned struct {
		Datasources []struct {
			UID string `json:"uid"`
			URL string `json:"url"`
		} `json:"datasources"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../grafana/provisioning/datasources/prometheus.yml")), &provisioned); err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for file, d := range dashboards(t) {
		if d.UID == "" || uids[d.UID] {
			t.Errorf("%s: uid %q is empty or taken", file, d.UID)
		}
		uids[d.UID] = true
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if want := provisioned.Datasources[0].UID; target.Datasource.UID != want || p.Datasource.UID != want {
					t.Errorf("%s: %s: data source %q, want %q", file, p.Title, target.Datasource.UID, want)
				}
			}
		}
	}
	if _, err := os.Stat("../grafana/dashboards/overview.json"); err != nil {
		t.Error("docker-compose.yml names it as the home dashboard: ", err)
	}
}
