package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/callback"
	"github.com/warrener/warrener/internal/subprocess"
)

// handlerOptions say which handlers there are.
type handlerOptions struct {
	exec       []string
	execEnv    []string
	execCPU    time.Duration
	execMemory uint64 // MiB
	http       []string
	calls      int // at once
	builtin    bool
}

func (o *handlerOptions) flags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.exec, "exec", nil, "run tasks by a program, `[NAME=]COMMAND`; may be given several times, in the variable one a line")
	flags.StringArrayVar(&o.execEnv, "exec-env", nil, "hand a variable of the worker on to programs, `NAME[=VALUE]`; may be given several times,"+
		" in the variable one a line")
	flags.DurationVar(&o.execCPU, "exec-cpu", 0, "processor time that a program may use, on Linux; then it is killed and the task tried again (default: no limit)")
	flags.Uint64Var(&o.execMemory, "exec-memory", 0, "`MiB` of address space that a program may use, on Linux (default: no limit)")
	flags.StringArrayVar(&o.http, "http", nil, "run tasks by an HTTP endpoint, `[NAME=]URL`; may be given several times, in the variable one a line")
	flags.BoolVar(&o.builtin, "builtin", false, "run the tasks warrener.echo, warrener.sleep and warrener.fail")
}

func (o *handlerOptions) limits() subprocess.Limits {
	return subprocess.Limits{CPU: o.execCPU, Memory: o.execMemory << 20}
}

// mux has a handler for each.
func (o *handlerOptions) mux(log *slog.Logger) (*warrener.Mux, error) {
	a := assembly{mux: warrener.NewMux(), taken: map[string]string{}}
	for _, value := range o.exec {
		name, command, err := splitExec(value)
		if err != nil {
			return nil, fmt.Errorf("--exec %q: %w", value, err)
		}
		h, err := subprocess.New(subprocess.Config{Command: command, Env: o.execEnv, Limits: o.limits(), Log: log})
		if err != nil {
			return nil, fmt.Errorf("--exec %q: %w", value, err)
		}
		if err := a.add("--exec", name, h); err != nil {
			return nil, err
		}
	}
	for _, value := range o.http {
		name, address, err := splitHTTP(value)
		if err != nil {
			return nil, fmt.Errorf("--http: %w", err)
		}
		h, err := callback.New(callback.Config{URL: address, Concurrency: o.calls, Log: log})
		if err != nil {
			return nil, fmt.Errorf("--http: %w", err)
		}
		if err := a.add("--http", name, h); err != nil {
			return nil, err
		}
	}
	if o.builtin {
		for name, h := range builtins(log) {
			if err := a.add("--builtin", name, h); err != nil {
				return nil, err
			}
		}
	}
	if len(a.taken) == 0 {
		return nil, errors.New("nothing to run tasks with: give --exec COMMAND, --http URL or --builtin")
	}
	return a.mux, nil
}

// assembly finds the mistakes that a Mux would panic over.
type assembly struct {
	mux   *warrener.Mux
	taken map[string]string // name to flag
}

func (a assembly) add(flag, name string, h warrener.Handler) error {
	if other, ok := a.taken[name]; ok && name == "" {
		return fmt.Errorf("%s and %s, both without NAME=: only one handler can take what no other takes", other, flag)
	} else if ok {
		return fmt.Errorf("%s and %s: two handlers for the task %q", other, flag, name)
	}
	a.taken[name] = flag
	if name == "" {
		a.mux.Default(h)
		return nil
	}
	a.mux.Handle(name, h)
	return nil
}

// splitExec takes NAME= off a command. A name ends at the first "=" and has no space or quote, so that
// "tool --option=1" has none.
func splitExec(value string) (name, command string, err error) {
	name, command, ok := strings.Cut(value, "=")
	if !ok || strings.ContainsAny(name, " \t\n'\"\\") {
		return "", value, nil
	}
	switch {
	case name == "":
		return "", "", errors.New("no task's name before =")
	case strings.TrimSpace(command) == "":
		return "", "", fmt.Errorf("no command for the task %q", name)
	case isVariable(name) && !strings.HasPrefix(command, " "):
		return "", "", fmt.Errorf("write \"env %s\" to set a variable, or, if %s is the name of a task, \"%s= %s\"", value, name, name, command)
	}
	return name, strings.TrimSpace(command), nil
}

// isVariable says whether a shell's user would read name=… as setting a variable.
func isVariable(name string) bool {
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// splitHTTP takes NAME= off a URL, which may have = in it as well. Its errors do not quote the URL, which may hold a
// password.
func splitHTTP(value string) (name, address string, err error) {
	address = value
	if !isHTTP(value) {
		name, address, _ = strings.Cut(value, "=")
		if name == "" {
			return "", "", errors.New("no task's name before =")
		}
	}
	if !isHTTP(address) || strings.Contains(name, "://") {
		return "", "", errors.New("want [NAME=]URL, with a URL that begins with http:// or https://")
	}
	return name, address, nil
}

func isHTTP(address string) bool {
	return strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://")
}
