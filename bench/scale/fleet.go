package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/warrener/warrener"
)

const (
	readyWithin = 30 * time.Second
	warmUp      = time.Second
	batch       = 1000 // tasks that are published at a time
)

var errDry = errors.New("the queue ran dry before the time was over")

// measure has so many workers at a full queue of their own, and returns how many tasks a second they ack.
func (o options) measure(ctx context.Context, replicas int) (rate float64, err error) {
	queue := fmt.Sprintf("scale.%d.%d", os.Getpid(), time.Now().UnixNano())
	tasks := int(o.ideal(replicas) * (2*warmUp + o.window).Seconds()) // more than they can run meanwhile
	if err := o.fill(ctx, queue, tasks); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, o.deleteQueue(ctx, queue)) }()
	f, err := o.startFleet(ctx, queue, replicas)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	rate, acked, err := f.rate(ctx, o.window)
	if err == nil && acked+replicas*o.slots >= tasks {
		err = errDry
	}
	return rate, err
}

// fill declares the queue and publishes the tasks.
func (o options) fill(ctx context.Context, queue string, count int) error {
	client, err := warrener.Dial(ctx, warrener.ClientConfig{
		URL: o.url, Name: "scale", Queues: []warrener.Queue{{Name: queue}}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	task := warrener.Task{Name: "warrener.sleep", Payload: []byte(strconv.Quote(o.task.String())), Queue: queue}
	for count > 0 {
		tasks := make([]warrener.Task, min(count, batch))
		for i := range tasks {
			tasks[i] = task
		}
		for _, result := range client.PublishMany(ctx, tasks) {
			if result.Err != nil {
				return result.Err
			}
		}
		count -= len(tasks)
	}
	return nil
}

// deleteQueue also takes what is left in it, and goes on when the measurement was interrupted.
func (o options) deleteQueue(ctx context.Context, queue string) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(o.bin, "warrener"), "queue", "delete", queue, "--yes", "--dead", "--force")
	cmd.Env = append(os.Environ(), "WARRENER_URL="+o.url)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// worker is a process of the command worker.
type worker struct {
	cmd  *exec.Cmd
	log  bytes.Buffer // to be read once the process has ended
	addr string
}

type fleet []*worker

// startFleet returns once each worker is subscribed.
func (o options) startFleet(ctx context.Context, queue string, replicas int) (fleet, error) {
	var f fleet
	for range replicas {
		w, err := o.start(queue)
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f = append(f, w)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, w := range f {
		if err := w.ready(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("a worker is not ready: %w", err), f.stop())
		}
	}
	return f, nil
}

func (o options) start(queue string) (*worker, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	w := &worker{addr: addr}
	w.cmd = exec.Command(filepath.Join(o.bin, "worker"), "run", "--queue", queue, "--concurrency", strconv.Itoa(o.slots), //nolint:noctx // stop ends it, by SIGTERM
		"--builtin", "--log-level", "warn", "--metrics-addr", addr)
	w.cmd.Env = append(os.Environ(), "WARRENER_URL="+o.url)
	w.cmd.Stdout, w.cmd.Stderr = &w.log, &w.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the measurement is passed on in order, by stop
	return w, w.cmd.Start()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (w *worker) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.addr+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(request)
}

func (w *worker) ready(ctx context.Context) error {
	for {
		response, err := w.get(ctx, "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// look is how many tasks the worker has acked, and at what time it said so.
func (w *worker) look(ctx context.Context) (acked float64, at time.Time, err error) {
	response, err := w.get(ctx, "/metrics")
	if err != nil {
		return 0, at, err
	}
	defer response.Body.Close()
	at = time.Now()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if !strings.HasPrefix(series, "warrener_deliveries_settled_total{") || !strings.Contains(series, `outcome="acked"`) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, at, err
		}
		acked += n
	}
	return acked, at, lines.Err()
}

// rate adds up what the workers ack a second, after a warm-up, and says how many they have acked in all.
func (f fleet) rate(ctx context.Context, window time.Duration) (rate float64, acked int, err error) {
	if err := wait(ctx, warmUp); err != nil {
		return 0, 0, err
	}
	before, began := make([]float64, len(f)), make([]time.Time, len(f))
	for i, w := range f {
		if before[i], began[i], err = w.look(ctx); err != nil {
			return 0, 0, err
		}
	}
	if err := wait(ctx, window); err != nil {
		return 0, 0, err
	}
	for i, w := range f {
		n, at, err := w.look(ctx)
		if err != nil {
			return 0, 0, err
		}
		rate += (n - before[i]) / at.Sub(began[i]).Seconds()
		acked += int(n)
	}
	return rate, acked, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop lets the workers drain.
func (f fleet) stop() error {
	var errs []error
	for _, w := range f {
		errs = append(errs, w.cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, w := range f {
		if err := w.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("a worker: %w\n%s", err, w.log.String()))
		}
	}
	return errors.Join(errs...)
}
