package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/warrener/warrener/bench/measure"
	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/services"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/internal/rabbit"
)

// harness has everything that is measured ready.
type harness struct {
	scale   measure.Scale
	dir     string
	running map[systems.Service]services.Running
	benches []measure.Bench // one for each system of the report
	report  report.Report
}

// prepare builds the workers, starts the services and sees which systems can be had.
func prepare(ctx context.Context, scale measure.Scale, kind rabbit.Kind, chosen []systems.System) (*harness, error) {
	machine, err := report.ThisMachine()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "warrener-bench-run-")
	if err != nil {
		return nil, err
	}
	h := &harness{scale: scale, dir: dir, running: map[systems.Service]services.Running{}}
	h.report = report.Report{
		When:   time.Now().UTC(),
		Rounds: scale.Rounds, Sleepers: scale.Sleeper, Machine: machine,
	}
	if err := h.build(ctx); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	if err := h.addAll(ctx, chosen, kind); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	return h, nil
}

// addAll starts each service once. What is not installed is left out, anything else is an error.
func (h *harness) addAll(ctx context.Context, chosen []systems.System, kind rabbit.Kind) error {
	missing := map[systems.Service]error{}
	for _, s := range chosen {
		if _, tried := missing[s.Service]; !tried {
			err := h.start(ctx, s.Service, kind)
			if err != nil && !errors.Is(err, services.ErrNotInstalled) {
				return err
			}
			missing[s.Service] = err
		}
		h.add(ctx, s, missing[s.Service])
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// build builds the workers.
func (h *harness) build(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", h.dir, "github.com/warrener/warrener/bench/worker/...")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the workers, which has to be done within the module: %w\n%s", err, out)
	}
	return nil
}

func (h *harness) start(ctx context.Context, service systems.Service, kind rabbit.Kind) error {
	running, err := services.Start(ctx, service, kind, os.Stderr)
	if err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	fmt.Fprintln(os.Stderr, "service:", running.Version)
	h.running[service] = running
	h.report.Services = append(h.report.Services, report.Service{Version: running.Version, Durable: running.Durable})
	return nil
}

func (h *harness) add(ctx context.Context, s systems.System, missing error) {
	running := h.running[s.Service]
	entry := report.System{
		Name: s.Name, Title: s.Title, Service: running.Version, Against: s.Against, Settings: s.Settings,
	}
	if missing == nil && s.Missing != nil {
		missing = s.Missing(ctx)
	}
	if missing == nil {
		entry.Version, missing = version(ctx, s)
	}
	if missing != nil {
		entry.Missing = missing.Error()
		fmt.Fprintf(os.Stderr, "%s is not measured: %s\n", s.Title, missing)
	}
	h.report.Systems = append(h.report.Systems, entry)
	h.benches = append(h.benches, measure.Bench{System: s, URL: running.URL, Worker: filepath.Join(h.dir, s.Program), Scale: h.scale})
}

// rounds measures workload by workload, so that what is compared was measured within the same minute, and every other round
// in the opposite order. A system that fails is left out from then on, and the run has failed in the end.
func (h *harness) rounds(ctx context.Context) error {
	var errs []error
	for round := range h.scale.Rounds {
		for _, w := range measure.Workloads() {
			errs = append(errs, h.workload(ctx, w, round))
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// workload measures one of each system that has it.
func (h *harness) workload(ctx context.Context, w measure.Workload, round int) error {
	var errs []error
	for _, i := range h.order(round) {
		if ctx.Err() == nil && h.report.Systems[i].Missing == "" && w.Of(h.benches[i].System) {
			errs = append(errs, h.measure(ctx, i, w, round))
		}
	}
	return errors.Join(errs...)
}

func (h *harness) order(round int) []int {
	order := make([]int, len(h.benches))
	for i := range order {
		order[i] = i
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

func (h *harness) measure(ctx context.Context, i int, w measure.Workload, round int) error {
	entry := &h.report.Systems[i]
	fmt.Fprintf(os.Stderr, "round %d of %d, %s: %s\n", round+1, h.scale.Rounds, w.Name, entry.Title)
	figures, err := w.Run(ctx, h.benches[i])
	if err != nil {
		err = fmt.Errorf("%s, %s: %w", entry.Title, w.Name, err)
		fmt.Fprintln(os.Stderr, err)
		entry.Missing, entry.Figures = "it failed: "+firstLine(err), nil
		return err
	}
	entry.Add(figures)
	return nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// close stops the services.
func (h *harness) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	errs := []error{os.RemoveAll(h.dir)}
	for _, running := range h.running {
		errs = append(errs, running.Stop(ctx))
	}
	return errors.Join(errs...)
}
