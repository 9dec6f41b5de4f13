package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/warrener/warrener/internal/cli"
)

// account keeps what became of every line, and tells the user.
type account struct {
	stderr io.Writer
	start  time.Time
	bar    *progressbar.ProgressBar // nil unless somebody watches
	bytes  bool                     // the bar counts bytes, for the size of the file is known

	mu         sync.Mutex // guards what follows
	again      *rejectedFile
	confirmed  int
	rejected   int
	complaints int
	gaveUp     error // why publishing ended before the lines did
	failed     error // of writing to again
}

// maxComplaints bounds what a wholly wrong file prints.
const maxComplaints = 20

func newAccount(stderr io.Writer, size int64, again *rejectedFile) *account {
	a := &account{stderr: stderr, start: time.Now(), again: again}
	if !cli.IsTerminal(stderr) {
		return a
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(stderr), progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("publishing"),
	}
	if size > 0 {
		a.bytes = true
		a.bar = progressbar.NewOptions64(size, append(options, progressbar.OptionShowBytes(true))...)
		return a
	}
	a.bar = progressbar.NewOptions64(-1, append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("tasks"))...)
	return a
}

func (a *account) confirm(batch []item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range batch {
		a.confirmed++
		a.advance(i.size)
	}
}

func (a *account) reject(err error, batch ...item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range batch {
		a.count(i.line, i.size, fmt.Errorf("task %s: %w", i.entry.ID, err))
		a.keep(marshal(i.entry))
	}
}

func (a *account) bad(l badLine) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count(l.line, l.size, l.err)
	if l.raw != nil {
		a.keep(l.raw, nil)
	}
}

func (a *account) count(line, size int, err error) {
	a.rejected++
	a.advance(size)
	switch {
	case errors.Is(err, errNotSent): // the reason is given once, at the end
		return
	case a.complaints < maxComplaints:
		a.print("line %d: %s\n", line, strings.ReplaceAll(err.Error(), "\n", ": ")) // errors.Join makes lines
	case a.complaints == maxComplaints:
		a.print("further lines are only counted\n")
	}
	a.complaints++
}

func (a *account) keep(line []byte, err error) {
	if err == nil {
		err = a.again.write(line)
	}
	if a.failed == nil {
		a.failed = err
	}
}

func (a *account) advance(size int) {
	if a.bar == nil {
		return
	}
	if !a.bytes {
		size = 1
	}
	_ = a.bar.Add(size) // a bar that cannot be drawn is no reason to stop
}

func (a *account) print(format string, args ...any) {
	if a.bar != nil {
		_ = a.bar.Clear() // likewise
	}
	fmt.Fprintf(a.stderr, format, args...)
}

// giveUp says why nothing more is published.
func (a *account) giveUp(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gaveUp == nil {
		a.gaveUp = err
	}
}

// conclude prints the summary and returns what the program ends with. failed is an error of reading the lines.
func (a *account) conclude(ctx context.Context, failed error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bar != nil {
		_ = a.bar.Finish() // likewise
	}
	took := time.Since(a.start).Seconds()
	read := a.confirmed + a.rejected
	fmt.Fprintf(a.stderr, "read %d, confirmed %d, rejected %d in %.2f s (%.0f/s)\n",
		read, a.confirmed, a.rejected, took, float64(a.confirmed)/max(took, 1e-3))

	if err := errors.Join(failed, a.failed); err != nil {
		return err
	}
	if a.rejected == 0 {
		return context.Cause(ctx)
	}
	err := fmt.Errorf("%d of %d tasks were not accepted%s", a.rejected, read, a.again.advice())
	var timeout *cli.TimeoutError
	switch {
	case errors.As(context.Cause(ctx), &timeout):
		return fmt.Errorf("%w: %w", timeout, err)
	case ctx.Err() != nil:
		return cli.Partly(fmt.Errorf("%w: %w", context.Cause(ctx), err))
	case a.gaveUp != nil && a.confirmed == 0: // the reason says more than that some were not accepted
		return fmt.Errorf("gave up: %w; %w", a.gaveUp, err)
	case a.gaveUp != nil:
		return cli.Partly(fmt.Errorf("gave up: %w; %w", a.gaveUp, err))
	}
	return cli.Partly(err)
}
