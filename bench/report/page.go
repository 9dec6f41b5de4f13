package report

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed performance.md.tmpl
var pageTemplate string

var errNothing = errors.New("nothing was measured that a page could be about")

// page is what the template asks for.
type page struct {
	Report

	SDK   string // tables; "" where there is no such report
	Plots string // the folder of the plots as the page names it
}

// Page writes the page, with its plots in a folder of the same name. The reports of the SDK against the bare client, whose
// files are separated by commas, get a section of their own.
func (r Report) Page(file, sdk string) error {
	if len(r.having(drainColumns())) == 0 {
		return errNothing
	}
	tables, err := sdkTables(sdk)
	if err != nil {
		return err
	}
	folder := strings.TrimSuffix(file, filepath.Ext(file))
	if folder == file {
		return fmt.Errorf("write the page: %s has no suffix, its plots would have the same name", file)
	}
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, page{Report: r, SDK: tables, Plots: filepath.Base(folder)}); err != nil {
		return err
	}
	if err := r.plots(folder); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(b.String()), 0o644) //nolint:gosec // to be read by all
}

// What the template calls.

// Goals is the table of the goals.
func (r Report) Goals() string { return r.goalTable() }

// Drained is the table of no-op tasks.
func (r Report) Drained() string { return r.markdown(drainColumns()) }

// Latency is the table of waiting times.
func (r Report) Latency() string { return r.markdown(latencyColumns()) }

// Idle is the table of what a worker costs that does nothing.
func (r Report) Idle() string { return r.markdown(idleColumns()) }

// Slept is the table of very many tasks at once.
func (r Report) Slept() string { return r.markdown(sleepersColumns()) }

// Scaled is the table of several processes.
func (r Report) Scaled() string { return r.markdown(scalingColumns()) }

// Absent are the systems that were not measured.
func (r Report) Absent() []System {
	var absent []System
	for _, s := range r.Systems {
		if s.Missing != "" {
			absent = append(absent, s)
		}
	}
	return absent
}
