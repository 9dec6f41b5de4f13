package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Each mutant has to find the text that it changes. That it is caught is for make mutants.
func TestMutantsApply(t *testing.T) {
	t.Parallel()

	mutants, err := readMutants()
	if err != nil {
		t.Fatal(err)
	}
	found, err := readCaught()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		if _, err := m.apply(moduleRoot(t)); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if _, ok := found[m.Name]; !ok {
			t.Errorf("%s: no seed has caught it yet", m.Name)
		}
	}
	if len(mutants) < 10 {
		t.Errorf("%d mutants", len(mutants))
	}
}

func TestPageHasTheTable(t *testing.T) {
	t.Parallel()

	mutants, err := readMutants()
	if err != nil {
		t.Fatal(err)
	}
	found, err := readCaught()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := table(mutants, found); !strings.Contains(string(page), want) {
		t.Errorf("docs/reliability.md lacks the table of mutants as it is now:\n%s", want)
	}
}

func moduleRoot(t *testing.T) string {
	dir, err := root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestParseSeeds(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]seeds{"1-1000": {1, 1000}, "17": {17, 17}, "0-0": {0, 0}} {
		if got, err := parseSeeds(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "5-4", "1-", "-3"} {
		if got, err := parseSeeds(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

// What a seed stands for must not depend on how closely one looks.
func TestSeedIsOneExecution(t *testing.T) {
	t.Parallel()

	o := &options{root: moduleRoot(t)}
	s, err := o.sandbox(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(8) {
		first, second, plain := s.run(t.Context(), seed, true), s.run(t.Context(), seed, true), s.run(t.Context(), seed, false)
		if !slices.Equal(first.report.Timeline, second.report.Timeline) {
			t.Errorf("seed %d: two runs differ", seed)
		}
		for _, v := range []*verdict{first, second} {
			v.report.Timeline = nil
		}
		if !reflect.DeepEqual(first.report, plain.report) {
			t.Errorf("seed %d: with a trace %+v, without %+v", seed, first.report, plain.report)
		}
	}
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSampleOfMutants(t *testing.T) {
	t.Parallel()

	all := []*mutant{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}
	for every, want := range map[int]string{1: "abcde", 2: "ace", 4: "ae", 9: "a"} {
		var got string
		for _, m := range sample(all, every) {
			got += m.Name
		}
		if got != want {
			t.Errorf("every %d: %s, want %s", every, got, want)
		}
	}
	for _, args := range [][]string{{"-mutants", "-every", "0"}, {"-mutants", "-every", "2", "-record"}} {
		if _, err := parse(args, t.Output()); err == nil {
			t.Errorf("%v are taken", args)
		}
	}
}
