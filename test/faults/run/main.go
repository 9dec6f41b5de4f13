// Run is the fault suite's command: it starts brokers, runs scenarios on them, and reports.
//
//	go run ./test/faults/run                          # a quarter of an hour, on each kind of broker that can be had
//	go run ./test/faults/run -scale brief             # some minutes
//	go run ./test/faults/run -only F2/worker-killed   # one scenario
//
// A kind of broker that cannot be had is named and left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/test/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1) //nolint:gocritic // stop is of no use any more
	}
}

// options are the command's.
type options struct {
	env     faults.Env
	brokers []string
	only    string
	report  string
	keep    bool
	soak    time.Duration
}

var scales = map[string]faults.Scale{"brief": faults.Brief, "short": faults.Short, "full": faults.Full} //nolint:gochecknoglobals // a constant, but for Go

const kinds = "docker,installed,cluster"

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	scale := flags.String("scale", "short", "brief, short or full")
	brokers := flags.String("brokers", kinds, "kinds of broker")
	flags.StringVar(&o.only, "only", "", "only this SUITE or SUITE/NAME")
	flags.Uint64Var(&o.env.Seed, "seed", rand.Uint64(), "of all choices")
	flags.StringVar(&o.report, "report", "", "file for the tables, in Markdown")
	flags.BoolVar(&o.keep, "keep", false, "leave ledgers and logs behind")
	flags.DurationVar(&o.soak, "soak", 0, "instead: random faults for so long, and what grows meanwhile")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var ok bool
	if o.env.Scale, ok = scales[*scale]; !ok {
		return nil, fmt.Errorf("scale %q: want brief, short or full", *scale)
	}
	o.brokers = strings.Split(*brokers, ",")
	for _, kind := range o.brokers {
		if !slices.Contains(strings.Split(kinds, ","), kind) {
			return nil, fmt.Errorf("broker %q: want of %s", kind, kinds)
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.env.Dir, err = os.MkdirTemp("", "warrener-faults-"); err != nil {
		return err
	}
	defer func() {
		if o.keep || err != nil {
			fmt.Fprintln(out, "ledgers and logs:", o.env.Dir)
			return
		}
		err = os.RemoveAll(o.env.Dir)
	}()
	o.env.Log = out
	o.env.Agent = filepath.Join(o.env.Dir, "agent")
	build := exec.CommandContext(ctx, "go", "build", "-o", o.env.Agent, "github.com/warrener/warrener/test/faults/agent")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the agent: %w", err)
	}
	fmt.Fprintln(out, "seed", o.env.Seed)
	results, err := o.all(ctx, out)
	return errors.Join(err, o.conclude(out, results))
}

// all runs each kind of broker's scenarios, the kinds beside each other.
func (o *options) all(ctx context.Context, out io.Writer) (all []*faults.Result, err error) {
	results, errs := make([][]*faults.Result, len(o.brokers)), make([]error, len(o.brokers))
	var kinds sync.WaitGroup
	lines := &lineWriter{out: out}
	for i, kind := range o.brokers {
		kinds.Go(func() {
			results[i], errs[i] = o.on(ctx, kind, lines)
			switch {
			case errors.Is(errs[i], faults.ErrNone) && ctx.Err() == nil:
				fmt.Fprintf(lines, "%s is left out: %v\n", kind, errs[i])
				errs[i] = nil
			case errs[i] != nil:
				errs[i] = fmt.Errorf("%s: %w", kind, errs[i])
			}
		})
	}
	kinds.Wait()
	return slices.Concat(results...), errors.Join(errs...)
}

// lineWriter is for writers at one time, who write whole lines.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

func (o *options) conclude(out io.Writer, results []*faults.Result) error {
	failed, tasks, lost, count := 0, 0, 0, 0
	for _, r := range results {
		if len(r.Failures) > 0 {
			failed++
		}
		if r.Suite != "F13" {
			tasks, lost, count = tasks+r.Sum.Accepted, lost+len(r.Sum.Lost), count+r.Faults
		}
	}
	if o.report != "" {
		f, err := os.Create(o.report)
		if err != nil {
			return err
		}
		if err := errors.Join(faults.WriteReport(f, results), f.Close()); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "faults: %d scenarios, %d faults, %d tasks, %d lost; %d scenarios failed\n", len(results), count, tasks, lost, failed)
	switch {
	case len(results) == 0:
		return errors.New("no scenario was run")
	case failed > 0:
		return fmt.Errorf("%d scenarios failed", failed)
	default:
		return nil
	}
}

// on runs all scenarios that a kind of broker is for.
func (o *options) on(ctx context.Context, kind string, out io.Writer) ([]*faults.Result, error) {
	var chosen []*faults.Scenario
	for _, s := range o.scenarios() {
		if s.NeedsCluster() == (kind == "cluster") && o.wants(s) {
			chosen = append(chosen, s)
		}
	}
	switch {
	case len(chosen) == 0:
		return nil, nil
	case kind == "cluster":
		return o.onClusters(ctx, chosen, out)
	default:
		return o.onNode(ctx, kind, chosen, out)
	}
}

func (o *options) scenarios() (all []*faults.Scenario) {
	if o.soak > 0 {
		return []*faults.Scenario{faults.Soak(o.soak)}
	}
	for _, s := range faults.Suites() {
		if s.In(o.env.Scale) {
			all = append(all, s)
		}
	}
	return all
}

func (o *options) wants(s *faults.Scenario) bool {
	return o.only == "" || o.only == s.Suite || o.only == s.Suite+"/"+s.Name
}

// onClusters gives each scenario a cluster of its own.
func (o *options) onClusters(ctx context.Context, chosen []*faults.Scenario, out io.Writer) (results []*faults.Result, err error) {
	for _, s := range chosen {
		r, err := o.onCluster(ctx, s)
		if err != nil {
			return results, err
		}
		fmt.Fprintln(out, r)
		results = append(results, r)
	}
	return results, nil
}

func (o *options) onCluster(ctx context.Context, s *faults.Scenario) (r *faults.Result, err error) {
	c, err := faults.StartCluster(ctx, o.env.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return faults.Run(ctx, s, c, &o.env), nil
}

// onNode runs scenarios one after the other on one node, each in a virtual host of its own.
func (o *options) onNode(ctx context.Context, kind string, chosen []*faults.Scenario, out io.Writer) (results []*faults.Result, err error) {
	node, err := rabbit.Find(ctx, rabbit.Options{Kind: rabbit.Kind(kind), Own: true, Log: out})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", faults.ErrNone, err)
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	fmt.Fprintln(out, "broker:", node)
	for _, s := range chosen {
		b, err := faults.NewSingle(ctx, node, strings.ToLower(s.Suite+"-"+s.Name))
		if err != nil {
			return results, err
		}
		r := faults.Run(ctx, s, b, &o.env)
		fmt.Fprintln(out, r)
		results = append(results, r)
		if err := b.Close(ctx); err != nil {
			return results, err
		}
	}
	return results, nil
}
