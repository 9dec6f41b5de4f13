// Command run measures Warrener beside other task systems: all do the same work on the same machine, one after the other
// within each round, each with the settings that its documentation advises.
//
//	go run ./run                                         # a brief round of all, printed
//	go run ./run -only bare-quorum,warrener-quorum
//	go run ./run -scale full -o ../docs/performance/report.json -write ../docs/performance.md
//	go run ./run -from ../docs/performance/report.json -write ../docs/performance.md
//
// The services (RabbitMQ, Redis, PostgreSQL) are private processes, started and stopped here, or those that AMQP_URL,
// REDIS_URL and POSTGRES_URL name. On Debian, as root, what is missing is installed, and not started. A system that cannot
// be had is left out, with the reason, in the output and in the page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/warrener/warrener/bench/measure"
	"github.com/warrener/warrener/bench/report"
	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/internal/rabbit"
)

const (
	failed   = 1
	badUsage = 2
)

var errUsage = errors.New("wrong usage")

type options struct {
	scale  string
	rounds int
	only   string
	kind   string
	output string
	write  string
	from   string
	sdk    string
}

func main() {
	var o options
	flag.StringVar(&o.scale, "scale", "brief", "brief: one short round; full: five longer ones; trial: only to see that it works")
	flag.IntVar(&o.rounds, "rounds", 0, "another number of rounds than the scale's")
	flag.StringVar(&o.only, "only", "", "only these systems, separated by commas")
	flag.StringVar(&o.kind, "kind", string(rabbit.Installed), "which RabbitMQ: installed or docker; where AMQP_URL names one, that is used")
	flag.StringVar(&o.output, "o", "", "write the report as JSON to this file")
	flag.StringVar(&o.write, "write", "", "write the page to this file, and its plots to a folder beside it")
	flag.StringVar(&o.from, "from", "", "measure nothing, take this report of an earlier run")
	flag.StringVar(&o.sdk, "sdk", "", "a report of `warrener bench --raw -o json`, for the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "run:", err)
	if errors.Is(err, errUsage) {
		os.Exit(badUsage)
	}
	os.Exit(failed)
}

func run(ctx context.Context, o options) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, flag.Arg(0))
	}
	r, failed, err := o.report(ctx)
	if err != nil {
		return err
	}
	err = r.Text(os.Stdout)
	if o.output != "" {
		err = errors.Join(err, r.Write(o.output))
	}
	if o.write != "" {
		err = errors.Join(err, r.Page(o.write, o.sdk))
	}
	return errors.Join(failed, err)
}

// report is read, or measured. Failed says what could not be measured of it; with err there is none.
func (o options) report(ctx context.Context) (r report.Report, failed, err error) {
	if o.from != "" {
		r, err = report.Read(o.from)
		return r, nil, err
	}
	scale, err := o.scaled()
	if err != nil {
		return r, nil, err
	}
	chosen, err := o.chosen()
	if err != nil {
		return r, nil, err
	}
	kind, err := o.broker(os.Getenv("AMQP_URL"))
	if err != nil {
		return r, nil, err
	}
	h, err := prepare(ctx, scale, kind, chosen)
	if err != nil {
		return r, nil, err
	}
	failed = h.rounds(ctx)
	closed := h.close(ctx)
	if ctx.Err() != nil {
		return r, nil, errors.Join(ctx.Err(), closed) // a part of a round compares nothing
	}
	h.report.Command = o.command()
	return h.report, errors.Join(failed, closed), nil
}

// command is what was measured, without the files of one machine.
func (o options) command() string {
	command := "go run -C bench ./run -scale " + o.scale
	if o.rounds > 0 {
		command += " -rounds " + strconv.Itoa(o.rounds)
	}
	if o.only != "" {
		command += " -only " + o.only
	}
	return command
}

// broker is the kind of RabbitMQ to measure on: where one is named, that.
func (o options) broker(named string) (rabbit.Kind, error) {
	kind := rabbit.Kind(o.kind)
	switch {
	case kind != rabbit.Installed && kind != rabbit.Docker:
		return "", fmt.Errorf("%w: -kind is %s or %s", errUsage, rabbit.Installed, rabbit.Docker)
	case named != "":
		return rabbit.URL, nil
	default:
		return kind, nil
	}
}

func (o options) scaled() (measure.Scale, error) {
	scales := map[string]measure.Scale{"brief": measure.Brief(), "full": measure.Full(), "trial": measure.Trial()}
	scale, ok := scales[o.scale]
	if !ok || o.rounds < 0 {
		return measure.Scale{}, fmt.Errorf("%w: -scale is brief, full or trial, and -rounds above zero", errUsage)
	}
	if o.rounds > 0 {
		scale.Rounds = o.rounds
	}
	return scale, nil
}

func (o options) chosen() ([]systems.System, error) {
	if o.only == "" {
		return all(), nil
	}
	var chosen []systems.System
	for name := range strings.SplitSeq(o.only, ",") {
		s, err := find(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("%w: -only: %w", errUsage, err)
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}
