package rabbit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// unbound keeps Erlang from binding its schedulers to processors: several brokers on one machine
// would all bind to the same ones.
const unbound = "u"

// node is an engine: a private node of an installed rabbitmq-server, with its own epmd (Erlang's
// register of names). Both are in one process group, so that one signal reaches them.
type node struct {
	sbin     string // has rabbitmq-server and rabbitmqctl
	epmdPath string
	dir      string // has all that the node writes
	env      []string
	guard    *guard

	group  int           // epmd's process, which leads the group; 0 while the node does not run
	epmd   *exec.Cmd     // nil while the node does not run
	server *exec.Cmd     // likewise
	exited chan struct{} // closed by the goroutine that waits for server
}

// control is what another process needs to run rabbitmqctl.
type control struct {
	Sbin string   `json:"sbin"`
	Env  []string `json:"env"`
}

// The files in a node's directory.
const (
	groupFile   = "group" // the process group, while the node runs: for the guard
	controlFile = "control.json"
	logFile     = "log"
	configFile  = "rabbitmq.conf"
	pluginsFile = "enabled_plugins"
)

func newNode(ctx context.Context, sbin string, p ports) (*node, error) {
	epmd, err := lookIn(widePath(), "epmd")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "warrener-rabbit-")
	if err != nil {
		return nil, err
	}
	n := &node{sbin: sbin, epmdPath: epmd, dir: dir, env: nodeEnv(dir, widePath(), p)}
	n.guard, err = startGuard(ctx, n.env, `
read -r group <"$1/`+groupFile+`" && kill -s KILL -- "-$group"
rm -rf "$1" || { sleep 1; rm -rf "$1"; }`, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := n.writeFiles(p); err != nil {
		return nil, errors.Join(err, n.remove(ctx))
	}
	return n, nil
}

// nodeEnv is the whole environment of a node: nothing of the machine's own RabbitMQ shines through.
func nodeEnv(dir, path string, p ports) []string {
	in := func(name string) string { return filepath.Join(dir, name) }
	absent := in("absent") // else files below /etc/rabbitmq are read
	return []string{
		"PATH=" + path,
		"HOME=" + dir, // has the Erlang cookie
		"LANG=C.UTF-8",
		"ERL_EPMD_PORT=" + strconv.Itoa(p.Epmd),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"ERL_FLAGS=-start_epmd false", // else whatever finds none, rabbitmqctl too, starts one that stays
		"ERL_CRASH_DUMP_SECONDS=0",
		"RABBITMQ_NODENAME=rabbit-" + strconv.Itoa(p.AMQP) + "@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		"RABBITMQ_NODE_PORT=" + strconv.Itoa(p.AMQP),
		"RABBITMQ_DIST_PORT=" + strconv.Itoa(p.Dist),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_SCHEDULER_BIND_TYPE=" + unbound,
		"RABBITMQ_MNESIA_BASE=" + in("data"),
		"RABBITMQ_LOG_BASE=" + in("logs"),
		"RABBITMQ_LOGS=-",
		"RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in(pluginsFile),
		"RABBITMQ_CONFIG_FILE=" + in(configFile),
		"RABBITMQ_CONFIG_FILES=" + absent,
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + absent,
		"RABBITMQ_CONF_ENV_FILE=" + absent,
		"RUNNING_UNDER_SYSTEMD=true", // the script becomes the server instead of minding it
	}
}

func nodeConfig(p ports) string {
	return fmt.Sprintf(`management.tcp.ip = 127.0.0.1
management.tcp.port = %d
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = %d
`, p.Management, p.Prometheus)
}

func (n *node) writeFiles(p ports) error {
	control, err := json.Marshal(control{n.sbin, n.env})
	if err != nil {
		return err
	}
	for name, content := range map[string]string{
		".erlang.cookie": uuid.NewString(),
		pluginsFile:      "[rabbitmq_management,rabbitmq_prometheus].\n",
		configFile:       nodeConfig(p),
		controlFile:      string(control),
	} {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o400); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) start(ctx context.Context) error {
	if n.group != 0 && n.ended(ctx) == nil {
		return errors.New("the node runs already")
	}
	if err := n.kill(ctx); err != nil { // what a server that ended by itself left
		return err
	}
	log, err := os.OpenFile(filepath.Join(n.dir, logFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	epmd := n.command(ctx, log, n.epmdPath)
	if err := epmd.Start(); err != nil {
		return err
	}
	n.epmd, n.group = epmd, epmd.Process.Pid
	group := strconv.Itoa(n.group) + "\n"
	if err := os.WriteFile(filepath.Join(n.dir, groupFile), []byte(group), 0o600); err != nil {
		return err
	}
	server := n.command(ctx, log, filepath.Join(n.sbin, "rabbitmq-server"))
	if err := server.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { // ends with the server, which kill waits for
		defer close(exited)
		_ = server.Wait() // ended tells from the log why it exited
	}()
	n.server, n.exited = server, exited
	return nil
}

// command runs in the node's process group, for longer than ctx.
func (n *node) command(ctx context.Context, log *os.File, program string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program)
	cmd.Dir, cmd.Env = n.dir, n.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: n.group} // 0: a new group
	return cmd
}

func (n *node) signal(ctx context.Context, sig syscall.Signal) error {
	if n.group == 0 {
		return errors.New("the node does not run")
	}
	switch sig {
	case syscall.SIGTERM: // for the server alone: it says goodbye to epmd
		return errors.Join(n.server.Process.Signal(sig), n.awaitEnd(ctx))
	case syscall.SIGKILL:
		return n.kill(ctx)
	case syscall.SIGSTOP:
		return errors.Join(syscall.Kill(-n.group, sig), awaitStopped(ctx, n.group))
	default:
		return syscall.Kill(-n.group, sig)
	}
}

// awaitEnd waits for the server to end by itself, then ends epmd.
func (n *node) awaitEnd(ctx context.Context) error {
	select {
	case <-n.exited:
		return n.kill(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the whole group, however much of it is left, and waits for it: epmd's port must be free for
// the next start.
func (n *node) kill(ctx context.Context) error {
	if n.group == 0 {
		return nil
	}
	if err := syscall.Kill(-n.group, syscall.SIGKILL); err != nil {
		return err
	}
	if n.server != nil {
		select {
		case <-n.exited:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_ = n.epmd.Wait() // it was killed
	awaitEmpty(ctx, n.group)
	n.epmd, n.server, n.group = nil, nil, 0
	// its number may soon be another group's, which the guard must not kill
	return os.Remove(filepath.Join(n.dir, groupFile))
}

// endStrayEpmd ends an epmd that is not ours: rabbitmqctl of RabbitMQ 4.3 starts one that stays when it finds none, as it
// does while the node is down. The port is ours alone, so nobody else's is ended.
func (n *node) endStrayEpmd(ctx context.Context) {
	cmd := exec.CommandContext(ctx, n.epmdPath, "-kill")
	cmd.Env = append(slices.Clone(n.env), "ERL_EPMD_RELAXED_COMMAND_CHECK=1")
	_ = cmd.Run() // most often there is none
}

// awaitEmpty waits for the processes of a group that are not our children: some versions of the server's script do not turn
// into the Erlang VM, they start it. Those that nobody reaps do not matter after a while, for they hold no port.
func awaitEmpty(ctx context.Context, group int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for syscall.Kill(-group, 0) == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (n *node) ended(context.Context) error {
	select {
	case <-n.exited:
		log, err := os.ReadFile(filepath.Join(n.dir, logFile))
		return errors.Join(fmt.Errorf("%s; of its log: %s", n.server.ProcessState, digest(string(log))), err)
	default:
		return nil
	}
}

// digest returns the last lines of a log, and from before them those that name a taken port: they are
// the reason of all that follows.
func digest(log string) string {
	const last = 20
	lines := strings.Split(strings.TrimSpace(log), "\n")
	end := max(0, len(lines)-last)
	reasons := slices.DeleteFunc(lines[:end:end], func(line string) bool { return !portTaken(errors.New(line)) })
	return strings.Join(slices.Concat(reasons, lines[end:]), "\n")
}

func (n *node) remove(ctx context.Context) error {
	defer n.endStrayEpmd(ctx)
	return errors.Join(n.kill(ctx), os.RemoveAll(n.dir), n.guard.release())
}

// attachedNode is the node of another process, by its directory.
type attachedNode string

func (dir attachedNode) ctl(ctx context.Context, args ...string) (string, error) {
	content, err := os.ReadFile(filepath.Join(string(dir), controlFile))
	if err != nil {
		return "", fmt.Errorf("run rabbitmqctl: %w", err)
	}
	var control control
	if err := json.Unmarshal(content, &control); err != nil {
		return "", fmt.Errorf("run rabbitmqctl: %s: %w", controlFile, err)
	}
	return (&node{sbin: control.Sbin, dir: string(dir), env: control.Env}).ctl(ctx, args...)
}

func (n *node) ctl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(n.sbin, "rabbitmqctl"), args...)
	cmd.Dir, cmd.Env = n.dir, n.env
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return string(out), ctlError(err, errOut.String())
	}
	return string(out), nil
}

// ctlError leaves out most of rabbitmqctl's help, which it prints for all kinds of mistakes.
func ctlError(err error, errOut string) error {
	lines := strings.SplitN(strings.TrimSpace(errOut), "\n", 6)
	return fmt.Errorf("run rabbitmqctl: %w: %s", err, strings.Join(lines[:min(len(lines), 5)], "\n"))
}
