package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	readyWithin = 30 * time.Second
	stalled     = 60 * time.Second // without progress for this long something is wrong
)

// count is what one worker says of its deliveries, on its /metrics.
type count struct{ done, dead, retried int }

// workerProcess is one `worker run`.
type workerProcess struct {
	cmd  *exec.Cmd
	log  *os.File
	addr string
	last count // of the last look
}

type fleet []*workerProcess

// startFleet starts the workers and waits until each is subscribed.
func startFleet(ctx context.Context, dir, gofmt string, opts options) (fleet, error) {
	fmt.Fprintf(os.Stdout, "starting %d workers, %d tasks at once each ...\n", opts.workers, opts.concurrency)
	var f fleet
	for i := range opts.workers {
		w, err := startWorker(dir, gofmt, i, opts)
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f = append(f, w)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for i, w := range f {
		if err := w.ready(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("worker %d is not ready: %w\n%s", i+1, err, w.tail()), f.stop())
		}
	}
	return f, nil
}

func startWorker(dir, gofmt string, i int, opts options) (*workerProcess, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, fmt.Sprintf("worker-%d.log", i+1)))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(dir, "worker"), "run", "--queue", opts.queue, "--concurrency", strconv.Itoa(opts.concurrency), //nolint:noctx // stop ends it, by SIGTERM
		"--exec", gofmt+" -l {}", "--max-attempts", "2", "--backoff", "200ms..1s", "--metrics-addr", addr)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the demo is passed on in order, by stop
	return &workerProcess{cmd: cmd, log: log, addr: addr}, cmd.Start()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (w *workerProcess) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.addr+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

func (w *workerProcess) ready(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		resp, err := w.get(ctx, "/readyz")
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		return resp.StatusCode == http.StatusOK, resp.Body.Close()
	})
}

// look reads the worker's counters.
func (w *workerProcess) look(ctx context.Context) error {
	resp, err := w.get(ctx, "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return err
	}
	settled := families["warrener_deliveries_settled_total"]
	w.last = count{done: sum(settled, "acked"), dead: sum(settled, "dead_lettered"), retried: sum(settled, "retried")}
	return nil
}

func sum(family *dto.MetricFamily, outcome string) (n int) {
	for _, m := range family.GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "outcome" && label.GetValue() == outcome {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

// tail is the end of the worker's log.
func (w *workerProcess) tail() []byte {
	log, _ := os.ReadFile(w.log.Name()) // it is read for an error message; without it that is shorter
	return log[max(0, len(log)-2000):]
}

func (f fleet) counts() []count {
	counts := make([]count, len(f))
	for i, w := range f {
		counts[i] = w.last
	}
	return counts
}

// await shows progress until every task has ended.
func (f fleet) await(ctx context.Context, tasks int) error {
	ended, progress := -1, time.Now()
	return poll(ctx, func() (bool, error) {
		n := 0
		for i, w := range f {
			if err := w.look(ctx); err != nil {
				return false, fmt.Errorf("worker %d: %w\n%s", i+1, err, w.tail())
			}
			n += w.last.done + w.last.dead
		}
		if n != ended {
			ended, progress = n, time.Now()
			show(n, tasks)
		}
		if time.Since(progress) > stalled {
			return false, fmt.Errorf("no progress for %s at %d of %d files\n%s", stalled, n, tasks, f[0].tail())
		}
		return n >= tasks, nil
	})
}

// show writes the progress over itself on a terminal; a log gets none but the end.
func show(n, tasks int) {
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	switch {
	case n >= tasks && terminal:
		fmt.Fprintf(os.Stdout, "\r%d of %d files\n", n, tasks)
	case n >= tasks:
		fmt.Fprintf(os.Stdout, "%d of %d files\n", n, tasks)
	case terminal:
		fmt.Fprintf(os.Stdout, "\r%d of %d files", n, tasks)
	}
}

// stop lets the workers drain.
func (f fleet) stop() error {
	var errs []error
	for _, w := range f {
		errs = append(errs, w.cmd.Process.Signal(syscall.SIGTERM))
	}
	for i, w := range f {
		if err := w.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("worker %d: %w\n%s", i+1, err, w.tail()))
		}
		errs = append(errs, w.log.Close())
	}
	return errors.Join(errs...)
}

// poll calls done until it says so.
func poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
