// Simulate runs the simulation's worlds: WebAssembly instances in which one seed decides everything.
//
//	go run ./test/simulation/simulate -seeds 1-1000
//	go run ./test/simulation/simulate -seeds 17 -v
//	go run ./test/simulation/simulate -mutants
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// options are the flags.
type options struct {
	seeds   seeds
	jobs    int
	verbose bool
	mutant  string
	mutants bool
	record  bool
	every   int
	root    string // of the module
	out     io.Writer
}

// errFailed: the output has said all there is to say.
var errFailed = errors.New("not all invariants held")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal kills
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	if o.root, err = root(ctx); err != nil {
		return err
	}
	if o.mutants {
		return o.runMutants(ctx)
	}
	return o.runSeeds(ctx)
}

func parse(args []string, out io.Writer) (*options, error) {
	o := &options{out: out}
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.SetOutput(out)
	text := flags.String("seeds", "1-1000", "the `seeds` of the worlds to run; with -mutants those that are tried at most")
	flags.IntVar(&o.jobs, "j", defaultJobs(), "how many worlds run at once")
	flags.BoolVar(&o.verbose, "v", false, "print all that happens in a world; with one seed only")
	flags.StringVar(&o.mutant, "mutant", "", "put the mutant of this `name` into the code")
	flags.BoolVar(&o.mutants, "mutants", false, "run each mutant until it is caught, and print which seed caught it")
	flags.BoolVar(&o.record, "record", false, "with -mutants: keep the seeds in "+caughtFile)
	flags.IntVar(&o.every, "every", 1, "with -mutants: only the first of so many, and so on")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	o.seeds, err = parseSeeds(*text)
	switch {
	case err != nil:
		return nil, err
	case o.verbose && o.seeds.count() > 1:
		return nil, errors.New("-v takes one seed")
	case o.every < 1 || o.every > 1 && o.record:
		return nil, errors.New("-every takes a positive number, and -record all mutants")
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// root is the module's directory.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
