package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// agent is a producer or a worker process that is started again whenever it has ended, until it is told to end.
type agent struct {
	name string // of its ledgers, without the number of the start
	path string
	args []string
	url  string
	dir  string

	mu      sync.Mutex
	cmd     *exec.Cmd
	starts  int
	ending  bool
	deaths  int // unwanted ones too
	exited  chan struct{}
	badExit error // after it was told to end
}

// start starts the process and whatever follows it.
func (a *agent) start(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.exited = make(chan struct{})
	if err := a.spawn(ctx); err != nil {
		return err
	}
	go a.mind(ctx)
	return nil
}

// ledger is the name of the present process's ledger.
func (a *agent) ledger() string { return fmt.Sprintf("%s.%d", a.name, a.starts) }

func (a *agent) spawn(ctx context.Context) error {
	a.starts++
	log, err := os.OpenFile(filepath.Join(a.dir, a.name+".log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := append(append([]string{}, a.args...), "-ledger", filepath.Join(a.dir, a.ledger()+".ledger"))
	a.cmd = exec.CommandContext(context.WithoutCancel(ctx), a.path, args...)
	a.cmd.Env = append(os.Environ(), "AMQP_URL="+a.url)
	a.cmd.Stdout, a.cmd.Stderr = log, log
	return a.cmd.Start()
}

// mind waits for the process, and for each that follows it.
func (a *agent) mind(ctx context.Context) {
	defer close(a.exited)
	for {
		err := a.cmd.Wait()
		a.mu.Lock()
		if a.ending {
			a.badExit = err
			a.mu.Unlock()
			return
		}
		a.deaths++
		err = a.spawn(ctx)
		a.mu.Unlock()
		if err != nil {
			a.badExit = err
			return
		}
	}
}

// current is the name of the present process's ledger.
func (a *agent) current() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger()
}

// signal returns the ledger of the process that got it, and when.
func (a *agent) signal(sig syscall.Signal) (ledger string, at time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = time.Now()
	if err := a.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return "", at, fmt.Errorf("%s: %w", a.name, err)
	}
	return a.ledger(), at, nil
}

// end asks the process to end, and kills it when it does not within a time.
func (a *agent) end(within time.Duration) error {
	a.mu.Lock()
	a.ending = true
	process := a.cmd.Process
	a.mu.Unlock()
	_ = process.Signal(syscall.SIGCONT) // in case a fault was cut short
	_ = process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-a.exited:
	case <-time.After(within):
		_ = process.Kill()
		<-a.exited
		return fmt.Errorf("%s does not end within %s", a.name, within)
	}
	if unready(a.badExit) {
		return nil
	}
	if a.badExit != nil {
		return fmt.Errorf("%s ended badly: %w", a.name, a.badExit)
	}
	return nil
}

// unready says that a process was ended before it could say what to do then: it had only been started, after a fault.
func unready(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGTERM
}

// abandon kills what still runs.
func (a *agent) abandon() {
	a.mu.Lock()
	a.ending = true
	_ = a.cmd.Process.Kill() // most have ended
	a.mu.Unlock()
	<-a.exited
}
