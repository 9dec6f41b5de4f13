package simulation_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/warrener/warrener/test/simulation"
)

// few are the seeds that run natively, for the race detector. Natively the order of goroutines is not the seed's to choose.
const few = 24

// TestWorlds runs one world where the driver asks for it, as WebAssembly, and a few of them everywhere else.
func TestWorlds(t *testing.T) {
	t.Parallel()

	if text := os.Getenv("SIMULATION_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		tell(t, world(t, seed, os.Getenv("SIMULATION_TRACE") == "true"))
		return
	}
	for seed := range uint64(few) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()

			world(t, seed, false)
		})
	}
}

// world runs a world in its bubble, which finds goroutines that have been left behind.
func world(t *testing.T, seed uint64, trace bool) (report *simulation.Report) {
	synctest.Test(t, func(t *testing.T) { report = simulation.Run(t.Context(), seed, trace) })
	if len(report.Failures) > 0 {
		t.Errorf("seed %d:\n%s", seed, report)
	}
	return report
}

// tell prints the report for the driver.
func tell(t *testing.T, report *simulation.Report) {
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintf(os.Stdout, "\n%s%s\n", simulation.ReportPrefix, line)
}
