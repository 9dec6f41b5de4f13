package subprocess

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener"
)

// Defaults of a Config.
const (
	// DefaultOutputLimit leaves room for the exit status in the 2 KiB that a dead letter keeps of an error.
	DefaultOutputLimit = 1536
	// DefaultKillGrace leaves room for the kill in the 2 s that a worker waits for its handlers when its drain is over.
	DefaultKillGrace = time.Second
)

// Config says which program to run, and how.
type Config struct {
	// Command is the program and its arguments.
	Command string

	// Env adds to the program's environment: NAME hands on the worker's own variable, NAME=value sets one. The
	// variables that hold the broker's address cannot be handed on.
	Env []string

	// Dir is the program's working directory; the worker's own by default.
	Dir string

	// OutputLimit is how many bytes are kept of what the program writes: of stderr the last ones, for the error, and of
	// stdout the first ones, for the log. DefaultOutputLimit by default.
	OutputLimit int

	// KillGrace is how long the program may take to end once it was told to; DefaultKillGrace by default. A worker whose
	// drain is over does not wait for much longer than that.
	KillGrace time.Duration

	// Limits bound the program's resources; by default it has the worker's own limits. Only Linux can do it.
	Limits Limits

	// Log gets what programs write to stdout, at level debug; slog.Default() by default.
	Log *slog.Logger
}

// Limits bound what one process may use. A zero field leaves the worker's own limit in place. As soon as one is set, the
// program does not dump core either. A process inherits its limits, but has them for itself: they are not shared.
//
// Setting them takes ptrace, which containers allow by default and hardened machines may not (kernel.yama.ptrace_scope
// above 1); programs then do not start. A program with the setuid bit does not gain its rights.
type Limits struct {
	CPU       time.Duration // time on a processor, rounded up to seconds; then SIGXCPU, a second later SIGKILL
	Memory    uint64        // bytes of address space
	FileSize  uint64        // bytes of a file that it writes
	OpenFiles uint64
}

// Handler runs a program for each task. It is safe for concurrent use.
type Handler struct {
	command command
	env     []string
	dir     string
	output  int
	grace   time.Duration
	limits  Limits
	log     *slog.Logger
}

var _ warrener.Handler = (*Handler)(nil)

// New looks up the program and returns its handler. An error is one of the configuration.
func New(cfg Config) (*Handler, error) {
	command, err := parseCommand(cfg.Command)
	if err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	env, err := environment(os.Environ(), cfg.Env)
	if err != nil {
		return nil, fmt.Errorf("environment: %w", err)
	}
	if err := checkDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("working directory: %w", err)
	}
	if err := checkPlatform(cfg.Limits); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Handler{
		command: command,
		env:     env,
		dir:     cfg.Dir,
		output:  cmp.Or(cfg.OutputLimit, DefaultOutputLimit),
		grace:   cmp.Or(cfg.KillGrace, DefaultKillGrace),
		limits:  cfg.Limits,
		log:     cfg.Log.With("component", "subprocess"),
	}, nil
}

func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", dir)
	}
	return err
}

// HandleTask runs the program once and returns what its end means for the task.
func (h *Handler) HandleTask(ctx context.Context, d *warrener.Delivery) error {
	cmd, err := h.prepare(d)
	if err != nil {
		return warrener.Permanent(err)
	}
	stdout, stderr := &head{limit: h.output}, &tail{limit: h.output}
	cmd.Stderr = stderr
	listening := h.log.Enabled(ctx, slog.LevelDebug)
	if listening {
		cmd.Stdout = stdout
	}
	end := h.run(ctx, cmd)
	if listening && stdout.kept.Len() > 0 {
		h.log.DebugContext(ctx, "program wrote", "task_id", d.ID, "task", d.Name, "queue", d.Queue, "attempt", d.Attempt,
			"stdout", stdout.String())
	}
	return end.verdict(stderr.String())
}

func (h *Handler) prepare(d *warrener.Delivery) (*exec.Cmd, error) {
	args, stdin, err := h.command.fill(d.Payload)
	if err != nil {
		return nil, err
	}
	if strings.ContainsRune(d.ID+d.Name+d.Queue, 0) {
		return nil, errors.New("the task's id or name holds a NUL character, which an environment cannot")
	}
	cmd := exec.Command(h.command.path, args...)
	cmd.Args[0] = h.command.name
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	cmd.Dir = h.dir
	cmd.Env = append(slices.Clip(h.env), // last, so that nothing can pass for a fact
		"WARRENER_TASK_ID="+d.ID,
		"WARRENER_TASK_NAME="+d.Name,
		"WARRENER_QUEUE="+d.Queue,
		"WARRENER_ATTEMPT="+strconv.Itoa(d.Attempt),
	)
	return cmd, nil
}
