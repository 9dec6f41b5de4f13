// Command with runs a command that finds a RabbitMQ in its environment:
//
//	go run ./internal/rabbit/with -- go test ./...
//	go run ./internal/rabbit/with -kind docker -- go run ./cmd/worker run -q email
//	go run ./internal/rabbit/with -all -- go test ./test/...
//
// The broker is that of AMQP_URL where that is set, else one in Docker or of an installed
// rabbitmq-server, for the time of the command. With -all the command runs once with each kind that can be had.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/warrener/warrener/internal/rabbit"
)

func main() {
	kind := flag.String("kind", "", "only this kind of broker: docker or installed")
	all := flag.Bool("all", false, "run the command with each kind of broker that can be had")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: with [-kind docker|installed] [-all] -- command [argument]...")
		os.Exit(2)
	}
	w := with{command: flag.Args(), signals: make(chan os.Signal, 16)}
	signal.Notify(w.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(w.run(ctx, kinds(rabbit.Kind(*kind), *all, os.Getenv("AMQP_URL") != "")))
}

// kinds returns with what to run the command; "" is whatever can be had.
func kinds(kind rabbit.Kind, all, given bool) []rabbit.Kind {
	if all && !given {
		return []rabbit.Kind{rabbit.Docker, rabbit.Installed}
	}
	return []rabbit.Kind{kind}
}

type with struct {
	command []string
	signals chan os.Signal
}

// run returns the first exit code that is not 0, and 1 where there was no broker at all.
func (w with) run(ctx context.Context, kinds []rabbit.Kind) int {
	code, ran := 0, 0
	for _, kind := range kinds {
		broker, err := rabbit.Find(ctx, rabbit.Options{Kind: kind, Log: os.Stderr})
		if ctx.Err() != nil {
			return exitOf(<-w.signals)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "with:", err)
			continue
		}
		ran++
		fmt.Fprintln(os.Stderr, "broker:", broker)
		code = firstFailure(code, w.runWith(ctx, broker))
		if ctx.Err() != nil {
			return code
		}
	}
	if ran == 0 {
		return 1
	}
	return code
}

func firstFailure(code, next int) int {
	if code != 0 {
		return code
	}
	return next
}

// runWith closes the broker when the command has ended.
func (w with) runWith(ctx context.Context, broker *rabbit.Broker) (code int) {
	defer func() {
		if err := broker.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "with:", err)
			code = firstFailure(code, 1)
		}
	}()
	code, err := w.child(ctx, broker.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
	}
	return code
}

// child runs the command in a process group of its own, so that a signal reaches what it started as
// well (go run passes none on), and nothing of it outlives it.
func (w with) child(ctx context.Context, environ []string) (int, error) {
	// signals end the command, not ctx: it may want to clean up
	cmd := exec.CommandContext(context.WithoutCancel(ctx), w.command[0], w.command[1:]...)
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, stdin // it may read keys; Ctrl-C is for it
	}
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for {
		select {
		case sig := <-w.signals:
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) // it may have ended just now
		case err := <-exited:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
			return exitCode(err)
		}
	}
}

// exitOf is what a shell makes of a program that ended by a signal.
func exitOf(sig os.Signal) int { return 128 + int(sig.(syscall.Signal)) }

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil {
			return 1, err
		}
		return 0, nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitOf(status.Signal()), fmt.Errorf("the command was ended by %s", status.Signal())
	}
	return exit.ExitCode(), nil
}
