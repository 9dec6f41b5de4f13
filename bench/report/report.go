// Package report is what the measurement has found: as JSON, as a table, and as docs/performance.md with its plots.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/warrener/warrener/internal/bench"
)

// Report is of one run of the harness.
type Report struct {
	When     time.Time `json:"when"`
	Command  string    `json:"command"`
	Rounds   int       `json:"rounds"`
	Sleepers int       `json:"sleepers"` // tasks of a second at once
	Machine  Machine   `json:"machine"`
	Services []Service `json:"services"`
	Systems  []System  `json:"systems"`
}

// Service is what systems keep their tasks in.
type Service struct {
	Version string `json:"version"`
	Durable string `json:"durable"`
}

// System is what was measured of a system: of each metric a figure for each round.
type System struct {
	Name     string               `json:"name"`
	Title    string               `json:"title"`
	Version  string               `json:"version,omitempty"`
	Service  string               `json:"service"`
	Against  string               `json:"against"`
	Settings string               `json:"settings"`
	Missing  string               `json:"missing,omitempty"` // why it was not measured
	Figures  map[Metric][]float64 `json:"figures,omitempty"`
}

// Add takes the figures of a workload.
func (s *System) Add(figures map[Metric]float64) {
	if s.Figures == nil {
		s.Figures = map[Metric][]float64{}
	}
	for metric, figure := range figures {
		s.Figures[metric] = append(s.Figures[metric], figure)
	}
}

// ratio is the metric of s divided by that of the bare client it is measured by; nil where one of them was not measured.
func (r Report) ratio(s System, m Metric) *bench.Spread {
	return bench.SpreadOf(Ratios(s.Figures[m], r.bare(s).Figures[m]))
}

// beyond is by how much the metric of s is above that of the bare client it is measured by.
func (r Report) beyond(s System, m Metric) *bench.Spread {
	ours, theirs := s.Figures[m], r.bare(s).Figures[m]
	var rounds []float64
	for i := range min(len(ours), len(theirs)) {
		rounds = append(rounds, ours[i]-theirs[i])
	}
	return bench.SpreadOf(rounds)
}

// bare is the bare client that s is measured by; one without figures where it is not in the report.
func (r Report) bare(s System) System {
	for _, other := range r.Systems {
		if other.Name == s.Against {
			return other
		}
	}
	return System{}
}

// perTask is the memory of a task in flight in kilobytes: the peak with all of them above that of an idle worker.
func (r Report) perTask(s System) *bench.Spread {
	idle, peak := s.Figures[IdleMemory], s.Figures[SleepersPeak]
	var rounds []float64
	for i := range min(len(idle), len(peak)) {
		rounds = append(rounds, (peak[i]-idle[i])*1e3/float64(r.Sleepers))
	}
	return bench.SpreadOf(rounds)
}

// Ratios divides round by round, for only what ran in the same round ran on the same machine: others use it too.
func Ratios(of, by []float64) []float64 {
	ratios := make([]float64, 0, len(of))
	for i := range min(len(of), len(by)) {
		if by[i] != 0 {
			ratios = append(ratios, of[i]/by[i])
		}
	}
	return ratios
}

// Write writes the report as JSON.
func (r Report) Write(file string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // to be read by all
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644) //nolint:gosec // to be read by all
}

// Read reads what Write wrote.
func Read(file string) (Report, error) {
	var r Report
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &r)
	}
	if err != nil {
		return Report{}, fmt.Errorf("read the report: %w", err)
	}
	return r, nil
}
