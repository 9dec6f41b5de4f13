package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/internal/rabbit"
)

func TestScaled(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		options options
		rounds  int
	}{
		{options{scale: "brief"}, 1},
		{options{scale: "full"}, 5},
		{options{scale: "full", rounds: 2}, 2},
	} {
		scale, err := test.options.scaled()
		if err != nil || scale.Rounds != test.rounds {
			t.Errorf("%+v: %d rounds, %v; want %d", test.options, scale.Rounds, err, test.rounds)
		}
	}
	for _, wrong := range []options{{scale: "huge"}, {scale: ""}, {scale: "brief", rounds: -1}} {
		if _, err := wrong.scaled(); !errors.Is(err, errUsage) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestCommandHasNoFiles(t *testing.T) {
	t.Parallel()

	o := options{scale: "full", rounds: 3, only: "river,asynq", output: "report.json", write: "performance.md"}
	if got, want := o.command(), "go run -C bench ./run -scale full -rounds 3 -only river,asynq"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()

	everything, err := options{}.chosen()
	if err != nil || len(everything) != len(all()) {
		t.Errorf("%d systems, %v; want all %d", len(everything), err, len(all()))
	}
	two, err := options{only: "river, bare-quorum"}.chosen()
	if err != nil || len(two) != 2 || two[0].Name != "river" || two[1].Name != "bare-quorum" {
		t.Errorf("%v, %v", two, err)
	}
	_, err = options{only: "rivers"}.chosen()
	if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "river-tuned") {
		t.Errorf("a name that is none: %v, want one that says which there are", err)
	}
}

func TestSystemsAreWhole(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}
	for _, s := range all() {
		if seen[s.Name] {
			t.Errorf("two systems are named %s", s.Name)
		}
		seen[s.Name] = true
		if s.Title == "" || s.Settings == "" || s.Service == "" || s.Drain < 1000 || s.Open == nil || s.Clean == nil {
			t.Errorf("%s lacks something", s.Name)
		}
		if (s.Work == nil) == (s.Command == nil) || (s.Work == nil) == (s.Program != "") {
			t.Errorf("%s has no worker, or two", s.Name)
		}
		if !slices.ContainsFunc(all(), func(other systems.System) bool { return other.Name == s.Against && other.Against == s.Against }) {
			t.Errorf("%s is measured by %s, which is no bare client", s.Name, s.Against)
		}
	}
}

func TestBroker(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		kind, named string
		want        rabbit.Kind
	}{
		{"installed", "", rabbit.Installed},
		{"docker", "", rabbit.Docker},
		{"docker", "amqp://localhost", rabbit.URL},
	} {
		if got, err := (options{kind: test.kind}).broker(test.named); err != nil || got != test.want {
			t.Errorf("%s with %q: %s, %v; want %s", test.kind, test.named, got, err, test.want)
		}
	}
	if _, err := (options{kind: "podman"}).broker(""); !errors.Is(err, errUsage) {
		t.Errorf("another kind: %v", err)
	}
}
