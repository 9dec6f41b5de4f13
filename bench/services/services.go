// Package services starts what task systems keep their tasks in, for the time of a measurement: a private process each, on
// a free port, with its data in a folder that goes away. A service that the environment names is used instead.
package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/internal/rabbit"
)

const (
	readyWithin = time.Minute
	stopWithin  = 20 * time.Second
)

// ErrNotInstalled says that a service is not on this machine, and could not be installed.
var ErrNotInstalled = errors.New("it is not installed")

// Running is a service that answers.
type Running struct {
	URL     string
	Version string // "RabbitMQ 3.10.8"
	Durable string // what it promises for a task that was published, in a sentence
	Stop    func(ctx context.Context) error
}

// Start starts the service, or says why it cannot be had.
func Start(ctx context.Context, service systems.Service, kind rabbit.Kind, log io.Writer) (Running, error) {
	switch service {
	case systems.Redis:
		return startRedis(ctx, log)
	case systems.PostgreSQL:
		return startPostgres(ctx, log)
	default:
		return startRabbit(ctx, kind, log)
	}
}

// process is a service of ours.
type process struct {
	cmd    *exec.Cmd
	dir    string
	exited chan struct{} // closed when ended is known
	ended  error
}

// launch starts the program with its output in a file of dir, as the owner of dir where that is another.
func launch(ctx context.Context, dir string, owner *syscall.Credential, program string, args ...string) (*process, error) {
	output, err := os.Create(dir + "/output") //nolint:gosec // a folder of ours
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	cmd.SysProcAttr = systems.Child(owner)
	if err := errors.Join(cmd.Start(), output.Close()); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, dir: dir, exited: make(chan struct{})}
	go func() { // stop waits for it
		p.ended = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// await asks again and again until the service answers.
func (p *process) await(ctx context.Context, answers func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return errors.Join(fmt.Errorf("%s ended while it started:\n%s", p.cmd.Path, p.output()), p.ended)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", p.cmd.Path, err, p.output())
		}
	}
}

func (p *process) output() []byte {
	content, err := os.ReadFile(p.dir + "/output")
	if err != nil {
		return []byte(err.Error())
	}
	return content
}

// stop ends the process by the signal with which it stops at once and in order.
func (p *process) stop(sig syscall.Signal) error {
	err := p.cmd.Process.Signal(sig)
	select {
	case <-p.exited:
	case <-time.After(stopWithin):
		err = errors.Join(fmt.Errorf("%s does not stop", p.cmd.Path), p.cmd.Process.Kill())
		<-p.exited
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l.Close()
}

// had returns the program, after installing its package where that can be done.
func had(ctx context.Context, pkg string, find func() (string, error), log io.Writer) (string, error) {
	program, err := find()
	if err == nil {
		return program, nil
	}
	there := func() bool {
		_, err := find()
		return err == nil
	}
	if installed := rabbit.Install(ctx, pkg, there, log); installed != nil {
		return "", fmt.Errorf("%w (%w), and Debian's package %s could not be installed: %w", ErrNotInstalled, err, pkg, installed)
	}
	return find()
}
