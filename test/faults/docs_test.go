package faults

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const page = "../../docs/reliability.md"

// The catalogue names scenarios and tests that exist, and every scenario.
func TestCatalogueNamesWhatExists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []string
	for _, s := range Suites() {
		name := s.Suite + "/" + s.Name
		scenarios = append(scenarios, name)
		if s.Suite != "F13" && !strings.Contains(string(text), name) {
			t.Errorf("the page does not name the scenario %s", name)
		}
		for _, row := range s.Rows {
			if row < 1 || row > 39 {
				t.Errorf("%s: there is no row %d", name, row)
			}
		}
	}
	for _, name := range regexp.MustCompile(`F\d+/[a-z-]+`).FindAllString(string(text), -1) {
		if !slices.Contains(scenarios, name) {
			t.Errorf("the page names a scenario that is none: %s", name)
		}
	}
	tests := testNames(t)
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(text), -1) {
		if !tests[name] {
			t.Errorf("the page names a test that is none: %s", name)
		}
	}
	for row := 1; row <= 39; row++ {
		if !regexp.MustCompile(`(?m)^\| ` + strconv.Itoa(row) + ` \|`).Match(text) {
			t.Errorf("row %d is not there", row)
		}
	}
}

// testNames are those of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
