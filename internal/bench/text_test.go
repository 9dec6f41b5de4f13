package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example is a report with every kind of workload in it.
func example(raw bool) *Report {
	cfg := Config{
		QueueType: "quorum", Raw: raw, Rounds: 1, Tasks: 20_000, Size: 100, Concurrency: 50, Publishers: 64, Rate: 200, InFlight: 10_000,
	}
	r := newReport(cfg, "4.3.6")
	r.Machine, r.Versions = Machine{System: "linux/amd64", CPUs: 4}, Versions{Warrener: "v1.2.3", Go: "go1.26.8", Client: "v1.16.0", RabbitMQ: "4.3.6"}
	for _, name := range append(Names(), sleeping) {
		side := Side{
			Tasks: 20_000, Seconds: 0.8, Rate: 25_000, ClientCPU: new(14.25), BrokerCPU: new(40.0), Allocations: new(45.1), Allocated: new(1673.0),
		}
		switch name {
		case mixed:
			side.Undisturbed, side.Share = new(50_000.0), new(0.5)
		case latency:
			side.waits = waits{time.Millisecond, 2 * time.Millisecond, 30 * time.Millisecond}
			side.Latency, side.ClientCPU, side.BrokerCPU = side.waits.latency(), nil, nil
		case sleeping:
			side.InFlight, side.Forgotten = new(6000.0), 3
		}
		round := Round{SDKFirst: true, SDK: side}
		if raw {
			round.Bare = &side
		}
		r.Workloads = append(r.Workloads, conclude(name, []Round{round}))
	}
	if !raw {
		r.NoBroker = "it takes --management-url to find its process"
		for i := range r.Workloads {
			r.Workloads[i].SDK.BrokerCPU = nil
		}
	}
	return r
}

func TestReport(t *testing.T) {
	t.Parallel()

	text := func(r *Report) []byte {
		var out bytes.Buffer
		if err := r.Print(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	encoded, err := json.MarshalIndent(example(true), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/raw.txt", text(example(true)))
	golden(t, "testdata/alone.txt", text(example(false)))
	golden(t, "testdata/raw.json", append(encoded, '\n')) // programs read it: no name in it changes lightly
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another one: run make generate and look at the difference\n%s", file, got)
	}
}
