package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
)

// caughtFile keeps which seed caught each mutant.
const caughtFile = "test/simulation/simulate/caught.yaml"

var (
	//go:embed mutants.yaml
	mutantsData []byte
	//go:embed caught.yaml
	caughtData []byte
)

// mutant is a deliberate bug: edits of our code that a build of the simulation is made with. The code itself is left alone.
type mutant struct {
	Name   string
	Breaks string // what, in a few words
	Edits  []edit
}

// edit replaces a piece of text that a file has exactly once.
type edit struct {
	File, Old, New string
}

// caught says how a mutant was found out.
type caught struct {
	Seed      uint64
	After     int // so many seeds, from 1 on
	Invariant string
}

func readMutants() (all []*mutant, err error) {
	if err := yaml.Unmarshal(mutantsData, &all); err != nil {
		return nil, fmt.Errorf("read mutants: %w", err)
	}
	return all, nil
}

func readCaught() (all map[string]caught, err error) {
	if err := yaml.Unmarshal(caughtData, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", caughtFile, err)
	}
	return all, nil
}

// find returns the mutant of a name; nil, which changes nothing, when it is "".
func find(name string) (*mutant, error) {
	if name == "" {
		return nil, nil
	}
	all, err := readMutants()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range all {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("no mutant %q; there are %s", name, strings.Join(names, ", "))
}

// overlay writes the changed files and a description of them for go build, until done.
func (m *mutant) overlay(root string) (file string, done func(), err error) {
	if m == nil {
		return "", func() {}, nil
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	changed, err := m.apply(root)
	if err == nil {
		file, err = writeOverlay(dir, changed)
	}
	if err != nil {
		done()
		return "", nil, fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	return file, done, nil
}

// apply returns the changed files by their names.
func (m *mutant) apply(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.Edits {
		name := filepath.Join(root, filepath.FromSlash(e.File))
		text, ok := files[name]
		if !ok {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("%s has %d times the text\n%s", e.File, n, e.Old)
		}
		files[name] = strings.Replace(text, e.Old, e.New, 1)
	}
	return files, nil
}

func writeOverlay(dir string, changed map[string]string) (string, error) {
	replace := map[string]string{}
	for name, text := range changed {
		file := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[name] = file
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, data, 0o600)
}

// sample is the first of every so many mutants.
func sample(all []*mutant, every int) (some []*mutant) {
	for i := 0; i < len(all); i += every {
		some = append(some, all[i])
	}
	return some
}

// runMutants runs each mutant until it is caught, and prints the table of docs/reliability.md.
func (o *options) runMutants(ctx context.Context) error {
	all, err := readMutants()
	if err != nil {
		return err
	}
	all = sample(all, o.every)
	found := map[string]caught{}
	var escaped []error
	for _, m := range all {
		c, err := o.catch(ctx, m)
		if err != nil {
			escaped = append(escaped, fmt.Errorf("mutant %s: %w", m.Name, err))
			continue
		}
		found[m.Name] = c
		fmt.Fprintf(o.out, "%s: seed %d, after %d: %s\n", m.Name, c.Seed, c.After, c.Invariant)
	}
	fmt.Fprintf(o.out, "\n%s", table(all, found))
	if o.record {
		escaped = append(escaped, record(filepath.Join(o.root, caughtFile), found))
	}
	return errors.Join(escaped...)
}

// catch runs one mutant until a seed catches it. The lowest one counts.
func (o *options) catch(ctx context.Context, m *mutant) (caught, error) {
	s, err := o.sandbox(ctx, m)
	if err != nil {
		return caught{}, err
	}
	defer func() { _ = s.close(ctx) }() // the process ends soon
	for first := o.seeds.first; first <= o.seeds.last; first += uint64(o.jobs) {
		some := seeds{first, min(first+uint64(o.jobs)-1, o.seeds.last)}
		var lowest *verdict
		for v := range s.hunt(ctx, some, o.jobs) {
			if v.failed() && (lowest == nil || v.seed < lowest.seed) {
				lowest = v
			}
		}
		if lowest != nil {
			return caught{lowest.seed, int(lowest.seed - o.seeds.first + 1), lowest.invariant()}, ctx.Err()
		}
	}
	return caught{}, fmt.Errorf("not caught by %d seeds", o.seeds.count())
}

// table is the table of mutants as Markdown.
func table(all []*mutant, found map[string]caught) string {
	var b strings.Builder
	b.WriteString("| Mutant | What it breaks | Seed | After | Invariant that failed |\n|---|---|---|---|---|\n")
	for _, m := range all {
		if c, ok := found[m.Name]; ok {
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %s |\n", m.Name, m.Breaks, c.Seed, c.After, c.Invariant)
		} else {
			fmt.Fprintf(&b, "| %s | %s | – | – | not caught |\n", m.Name, m.Breaks)
		}
	}
	return b.String()
}

func record(file string, found map[string]caught) error {
	data, err := yaml.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// defaultJobs is how many worlds run at once.
func defaultJobs() int { return runtime.GOMAXPROCS(0) }
