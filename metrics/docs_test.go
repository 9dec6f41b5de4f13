package metrics_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/warrener/warrener/metrics"
)

const page = "../docs/metrics.md"

// row is a metric as the page lists it, up to the question that it answers. The order of labels is the page's own.
type row struct {
	kind, labels, help string
}

func TestPageListsEveryMetric(t *testing.T) {
	t.Parallel()

	listed, exported := listed(t), exported(t)
	for name, want := range exported {
		if got, ok := listed[name]; !ok || got != want {
			t.Errorf("%s lists %s as\n%+v, want\n%+v", page, name, got, want)
		}
	}
	for name := range listed {
		if _, ok := exported[name]; !ok {
			t.Errorf("%s lists %s, which is not exported", page, name)
		}
	}
}

// Queries and alerts are copied; one that names a metric wrongly shows nothing and says nothing.
func TestPageNamesOnlyMetricsThatThereAre(t *testing.T) {
	t.Parallel()

	known, mentions := exported(t), 0
	for _, name := range regexp.MustCompile(`\bwarrener_\w+`).FindAllString(read(t), -1) {
		mentions++
		if of := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); known[of].kind == "histogram" {
			continue
		}
		if _, ok := known[name]; !ok {
			t.Errorf("%s names %s, which is not exported", page, name)
		}
	}
	if mentions <= len(known) {
		t.Errorf("%s has no queries", page)
	}
}

func TestPageListsEveryLabelValue(t *testing.T) {
	t.Parallel()

	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	work(hooks)
	text := read(t)
	values := regexp.MustCompile(`\b(?:outcome|reason|role|state)="(\w+)"`)
	for _, found := range values.FindAllStringSubmatch(scrape(t, registry), -1) {
		if !strings.Contains(text, "`"+found[1]+"`") {
			t.Errorf("%s does not explain %s", page, found[0])
		}
	}
}

// exported are the metrics after every hook was called.
func exported(t *testing.T) map[string]row {
	t.Helper()
	registry, hooks := registered(t, metrics.Options{})
	start(hooks)
	work(hooks)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]row)
	for _, family := range families {
		labels := []string{}
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		found[family.GetName()] = row{
			kind: strings.ToLower(family.GetType().String()), labels: fmt.Sprint(labels), help: family.GetHelp(),
		}
	}
	return found
}

// listed are the metrics of the page's tables.
func listed(t *testing.T) map[string]row {
	t.Helper()
	found := make(map[string]row)
	rows := regexp.MustCompile("(?m)^\\| `(warrener_\\w+)` \\| (\\w+) \\| (.+) \\| (.+) \\| .+\\? \\|$")
	for _, cells := range rows.FindAllStringSubmatch(read(t), -1) {
		labels := regexp.MustCompile(`\w+`).FindAllString(cells[3], -1)
		slices.Sort(labels)
		found[cells[1]] = row{kind: cells[2], labels: fmt.Sprint(labels), help: cells[4]}
	}
	return found
}

func read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
