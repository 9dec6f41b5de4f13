package house_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/warrener/warrener"

// anything stands for the imports of code that only tests and developers run.
const anything = "anything"

// row says what the files of one package, its tests aside, may import beyond the standard library.
type row struct {
	pkg     string   // relative to the module; "." is the SDK
	ours    []string // packages of this module, likewise
	modules []string // third-party modules
}

// forDevelopers are the packages that only tests and developers run.
func forDevelopers() []string {
	return []string{
		"internal/rabbit",
		"internal/rabbit/flock",
		"internal/rabbit/rabbittest",
		"internal/rabbit/with",
		"test/compose",
		"test/conformance",
		"test/faults",
		"test/faults/agent",
		"test/faults/ledger",
		"test/faults/poison",
		"test/faults/run",
		"test/simulation",
		"test/simulation/simulate",
		"test",
	}
}

// examples are for users to read.
func examples() []row {
	return []row{
		{pkg: "examples/idempotent", ours: []string{"."}},
		{pkg: "examples/formatter"},
		{pkg: "examples/orders", ours: []string{"."}},
		{pkg: "examples/gofmt", modules: []string{"github.com/prometheus/client_model", "github.com/prometheus/common"}},
	}
}

// The third-party modules that rows name.
const (
	amqp       = "github.com/rabbitmq/amqp091-go"
	ansi       = "github.com/charmbracelet/x/ansi"
	bubbletea  = "charm.land/bubbletea/v2"
	cobra      = "github.com/spf13/cobra"
	flags      = "github.com/spf13/pflag"
	limiter    = "golang.org/x/time"
	procfs     = "github.com/prometheus/procfs"
	progress   = "github.com/schollz/progressbar/v3"
	prometheus = "github.com/prometheus/client_golang"
	shellwords = "github.com/mattn/go-shellwords"
	system     = "golang.org/x/sys"
	terminal   = "golang.org/x/term"
	uuid       = "github.com/google/uuid"
	yaml       = "go.yaml.in/yaml/v3"
)

// table is the import table of docs/architecture.md, lowest level first.
func table() []row {
	rows := []row{
		{pkg: "internal/tasks", modules: []string{uuid}},
		{pkg: "internal/topology"},

		{pkg: "internal/queue", ours: []string{"internal/tasks", "internal/topology"}, modules: []string{amqp}},
		{pkg: "internal/worker", ours: []string{"internal/tasks"}},
		{pkg: "internal/deadletter", ours: []string{"internal/queue", "internal/tasks", "internal/topology"}, modules: []string{limiter}},

		{pkg: ".", ours: []string{"internal/tasks", "internal/topology", "internal/queue", "internal/worker"}},

		{pkg: "internal/broker/wire"},
		{pkg: "internal/broker/vhost", ours: []string{"internal/broker/wire"}},
		{pkg: "internal/broker", ours: []string{"internal/broker/wire", "internal/broker/vhost"}},
		{
			pkg:  "warrenertest",
			ours: []string{".", "internal/broker", "internal/broker/vhost", "internal/tasks", "internal/topology"},
		},

		{pkg: "internal/callback", ours: []string{"."}},
		{pkg: "internal/subprocess", ours: []string{"."}, modules: []string{shellwords, system}},
		{pkg: "metrics", ours: []string{"."}, modules: []string{prometheus}},

		{pkg: "internal/status", ours: []string{"metrics"}, modules: []string{prometheus}},
		{pkg: "internal/config", modules: []string{flags, yaml}},
		{pkg: "internal/management"},
		{
			pkg:     "internal/operate",
			ours:    []string{"internal/management", "internal/queue", "internal/tasks", "internal/topology"},
			modules: []string{uuid},
		},
		{pkg: "internal/figures", ours: []string{"internal/management", "internal/operate"}},
		{pkg: "internal/live", ours: []string{"internal/figures", "internal/operate"}, modules: []string{bubbletea, ansi}},
		{pkg: "internal/definitions", ours: []string{"internal/topology"}, modules: []string{yaml}},
		{pkg: "internal/doctor", ours: []string{"internal/management", "internal/queue", "internal/topology"}},
		{
			pkg:     "internal/bench",
			ours:    []string{".", "internal/management", "internal/queue", "internal/topology", "metrics"},
			modules: []string{uuid, prometheus, procfs, amqp, system},
		},
		{pkg: "internal/cli", ours: []string{".", "internal/config"}, modules: []string{cobra, flags, terminal}},
		{
			pkg:     "cmd/producer",
			ours:    []string{".", "internal/cli", "internal/config", "internal/topology"},
			modules: []string{cobra, flags, progress},
		},
		{
			pkg: "cmd/worker",
			ours: []string{
				".", "internal/callback", "internal/cli", "internal/config", "internal/management", "internal/subprocess",
				"internal/topology", "internal/status", "metrics",
			},
			modules: []string{cobra, flags},
		},
		{
			pkg: "cmd/warrener",
			ours: []string{
				".", "internal/bench", "internal/broker", "internal/broker/vhost", "internal/cli", "internal/config", "internal/deadletter", "internal/definitions", "internal/doctor",
				"internal/live", "internal/management", "internal/operate", "internal/queue", "internal/status", "internal/tasks",
				"internal/topology", "metrics",
			},
			modules: []string{cobra, flags, progress},
		},

		{pkg: "internal/house"},
	}
	rows = append(rows, examples()...)
	for _, pkg := range forDevelopers() {
		rows = append(rows, row{pkg: pkg, ours: []string{anything}, modules: []string{anything}})
	}
	return rows
}

func TestEveryPackageImportsOnlyWhatItsRowAllows(t *testing.T) {
	t.Parallel()

	for _, pkg := range packages(t) {
		row, ok := rowOf(pkg.name)
		if !ok {
			t.Errorf("package %s has no row: decide what it may import", pkg.name)
			continue
		}
		for _, path := range slices.Compact(slices.Sorted(slices.Values(pkg.imports))) {
			if !row.allows(path) {
				t.Errorf("package %s imports %s, which its row does not allow", pkg.name, path)
			}
		}
	}
}

func TestEveryRowHasAPackage(t *testing.T) {
	t.Parallel()

	found := packages(t)
	for _, row := range table() {
		if !slices.ContainsFunc(found, func(p pkg) bool { return p.name == row.pkg }) {
			t.Errorf("row %s: there is no such package", row.pkg)
		}
	}
}

// The linter speaks of a wrong import in the editor, this test in make test: they must agree.
func TestLinterHasTheSameTable(t *testing.T) {
	t.Parallel()

	config := read(t, ".golangci.yml")
	rules := 0
	for _, row := range table() {
		if slices.Contains(row.ours, anything) {
			continue
		}
		rules++
		if rule := row.depguard(); !strings.Contains(config, rule) {
			t.Errorf("depguard's rules in .golangci.yml lack\n%s", rule)
		}
	}
	if got := strings.Count(config, "list-mode: strict"); got != rules {
		t.Errorf(".golangci.yml has %d depguard rules, the table asks for %d", got, rules)
	}
}

func TestArchitecturePageHasTheSameTable(t *testing.T) {
	t.Parallel()

	page := read(t, "docs/architecture.md")
	for _, row := range table() {
		if cells := row.markdown(); !strings.Contains(page, cells) {
			t.Errorf("the import table of docs/architecture.md lacks\n%s", cells)
		}
	}
	if got, want := strings.Count(page, "\n| `"), len(table()); got != want {
		t.Errorf("docs/architecture.md has %d rows, the table has %d", got, want)
	}
}

// Whoever imports the SDK gets these modules and no others.
func TestSDKLinksOnlyTheClientAndUUIDs(t *testing.T) {
	t.Parallel()

	allowed := []string{module, "github.com/google/uuid", "github.com/rabbitmq/amqp091-go"}
	out := goList(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	for _, linked := range slices.Compact(slices.Sorted(strings.FieldsSeq(string(out)))) {
		if !slices.Contains(allowed, linked) {
			t.Errorf("the SDK links module %s", linked)
		}
	}
}

// allows reports whether the row's package may import path.
func (r row) allows(path string) bool {
	if ours, ok := relative(path); ok {
		return slices.Contains(r.ours, anything) || slices.Contains(r.ours, ours)
	}
	domain, _, _ := strings.Cut(path, "/")
	if !strings.Contains(domain, ".") {
		return true // the standard library
	}
	return slices.Contains(r.modules, anything) || slices.ContainsFunc(r.modules, func(m string) bool {
		return path == m || strings.HasPrefix(path, m+"/")
	})
}

// depguard is the row as .golangci.yml has it.
func (r row) depguard() string {
	name, files := r.pkg, "${base-path}/"+r.pkg+"/*.go"
	if r.pkg == "." {
		name, files = "warrener", "${base-path}/*.go"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "        %s:\n          list-mode: strict\n", name)
	fmt.Fprintf(&b, "          files: [%q, \"!$test\"]\n          allow:\n            - $gostd\n", files)
	for _, ours := range r.ours {
		fmt.Fprintf(&b, "            - %s$\n", strings.TrimSuffix(module+"/"+ours, "/."))
	}
	for _, m := range r.modules {
		fmt.Fprintf(&b, "            - %s\n", m)
	}
	return b.String()
}

// markdown is the row as docs/architecture.md has it, up to the words on what the package knows of.
func (r row) markdown() string {
	cell := func(names []string) string {
		switch {
		case len(names) == 0:
			return "–"
		case slices.Contains(names, anything):
			return anything
		}
		return "`" + strings.Join(names, "`, `") + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | ", r.pkg, cell(r.ours), cell(r.modules))
}

func rowOf(name string) (row, bool) {
	rows := table()
	i := slices.IndexFunc(rows, func(r row) bool { return r.pkg == name })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}

// root is the module's folder as seen from this one.
const root = "../.."

// pkg is a package as it is.
type pkg struct {
	name    string // relative to the module
	imports []string
}

// packages reads every package of the module, the files of other platforms included.
func packages(t *testing.T) []pkg {
	t.Helper()

	var found []pkg
	decoder := json.NewDecoder(strings.NewReader(string(goList(t, "-e", "-json", "./..."))))
	for {
		var listed struct {
			ImportPath, Dir                   string
			GoFiles, CgoFiles, IgnoredGoFiles []string
		}
		err := decoder.Decode(&listed)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		name, _ := relative(listed.ImportPath)
		p := pkg{name: name}
		for _, file := range slices.Concat(listed.GoFiles, listed.CgoFiles, listed.IgnoredGoFiles) {
			if !strings.HasSuffix(file, "_test.go") {
				p.imports = append(p.imports, imports(t, filepath.Join(listed.Dir, file))...)
			}
		}
		found = append(found, p)
	}
}

// imports are the import paths in file.
func imports(t *testing.T, file string) []string {
	t.Helper()

	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	paths := make([]string, 0, len(parsed.Imports))
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// relative is path within the module: "." for the SDK itself; false when it is not of this module.
func relative(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

func read(t *testing.T, file string) string {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func goList(t *testing.T, args ...string) []byte {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}
