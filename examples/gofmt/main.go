// Command gofmt is Warrener at work on real input: it checks the formatting of every .go file of Go's own source. A producer
// publishes one task for each file, and three worker processes run `gofmt -l FILE` for them. Files that gofmt cannot parse,
// of which the compiler's tests have some, fail, are tried again, and end in the dead-letter queue.
//
// It needs a RabbitMQ at AMQP_URL; `make demo` finds or starts one. Everything it runs is the commands as users have them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	workers     int
	concurrency int
	limit       int
	queue       string
}

func main() {
	var opts options
	flag.IntVar(&opts.workers, "workers", 3, "worker processes")
	flag.IntVar(&opts.concurrency, "concurrency", 4, "tasks that each worker runs at once")
	flag.IntVar(&opts.limit, "limit", 0, "check this many files only; 0 checks all")
	flag.Parse()
	opts.queue = fmt.Sprintf("gofmt-%d", os.Getpid())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "gofmt demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, opts options) error {
	if os.Getenv("AMQP_URL") == "" {
		return errors.New("AMQP_URL is not set; run it by `make demo`, which finds or starts a RabbitMQ")
	}
	dir, err := os.MkdirTemp("", "warrener-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the system's temporary folder
	goroot, err := build(ctx, dir)
	if err != nil {
		return err
	}
	files, err := sources(filepath.Join(goroot, "src"), opts.limit)
	if err != nil {
		return err
	}

	start := time.Now()
	fleet, err := startFleet(ctx, dir, filepath.Join(goroot, "bin", "gofmt"), opts)
	if err != nil {
		return err
	}
	confirmed, err := feed(ctx, dir, opts.queue, files)
	if err == nil {
		err = fleet.await(ctx, confirmed)
	}
	counts := fleet.counts()
	if stopped := fleet.stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return err
	}
	return summarize(len(files), confirmed, counts, time.Since(start))
}

// build makes the two commands, and says where Go is.
func build(ctx context.Context, dir string) (goroot string, err error) {
	fmt.Fprintln(os.Stdout, "building producer and worker ...")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "./cmd/producer", "./cmd/worker")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	return strings.TrimSpace(string(out)), err
}

// sources lists the .go files below a folder.
func sources(root string, limit int) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if limit > 0 && len(files) == limit {
			return filepath.SkipAll
		}
		if entry.Type().IsRegular() && strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no .go files below %s", root)
	}
	return files, err
}

// summarize prints what became of every file, and fails when the figures do not add up.
func summarize(files, confirmed int, counts []count, took time.Duration) error {
	var total count
	for _, c := range counts {
		total.done += c.done
		total.dead += c.dead
		total.retried += c.retried
	}
	fmt.Fprintf(os.Stdout, "\nfiles in          %6d\ntasks confirmed   %6d\n", files, confirmed)
	for i, c := range counts {
		fmt.Fprintf(os.Stdout, "run by worker %-3d %6d  (and %d retries, %d given up)\n", i+1, c.done, c.retried, c.dead)
	}
	fmt.Fprintf(os.Stdout, "run by all        %6d\ndead              %6d  (files that gofmt cannot parse)\n", total.done, total.dead)
	fmt.Fprintf(os.Stdout, "in %.1f s, %.0f files a second\n", took.Seconds(), float64(files)/took.Seconds())
	if confirmed != files || total.done+total.dead != confirmed {
		return fmt.Errorf("it does not add up: %d files, %d confirmed, %d run + %d dead", files, confirmed, total.done, total.dead)
	}
	fmt.Fprintf(os.Stdout, "it adds up: %d = %d run + %d dead\n", files, total.done, total.dead)
	return nil
}
