package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/moby/moby/api/pkg/stdcopy"
	containerapi "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

const (
	defaultImage = "rabbitmq:4-management"

	engineWithin = 10 * time.Second // a Docker engine that is there answers sooner
	pullWithin   = time.Minute
)

// container is an engine. It uses testcontainers to reach Docker wherever it is and to have containers
// removed by its reaper, and Docker's own client for what testcontainers cannot do: kill, pause.
type container struct {
	name    string
	image   string
	host    string
	ports   ports
	client  *testcontainers.DockerClient
	created *testcontainers.DockerContainer // nil before the first start
	guard   *guard                          // nil without a docker command
}

func startDocker(ctx context.Context, progress io.Writer) (*Broker, error) {
	docker, err := dockerClient(ctx)
	if err != nil {
		return nil, err
	}
	image := env(envImage)
	if image == "" {
		image = defaultImage
	}
	if err := ensureImage(ctx, docker, image, progress); err != nil {
		return nil, err
	}
	host, err := dockerHost(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "starting %s in Docker\n", image)
	return run(ctx, Docker, host, func(p ports) (engine, error) {
		c := &container{name: "warrener-rabbit-" + uuid.NewString(), image: image, host: host, ports: p, client: docker}
		var err error
		c.guard, err = guardContainer(ctx, docker.DaemonHost(), c.name)
		return c, err
	})
}

func dockerClient(ctx context.Context) (*testcontainers.DockerClient, error) {
	ctx, cancel := context.WithTimeout(ctx, engineWithin)
	defer cancel()
	log.SetDefault(log.NewNoopLogger()) // it would print a page about the engine
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker engine answers: %w", err)
	}
	return docker, nil
}

// ensureImage pulls the image if it is missing, once and not for long: testcontainers would try
// for as long as there is time.
func ensureImage(ctx context.Context, docker *testcontainers.DockerClient, image string, progress io.Writer) error {
	_, err := docker.ImageInspect(ctx, image)
	if err == nil || !errdefs.IsNotFound(err) {
		return err
	}
	fmt.Fprintf(progress, "pulling %s (for %s at most)\n", image, pullWithin)
	ctx, cancel := context.WithTimeout(ctx, pullWithin)
	defer cancel()
	pull, err := docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err == nil {
		err = pull.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("pull %s (%s names another image): %w", image, envImage, err)
	}
	return nil
}

// dockerHost returns where the ports of containers are.
func dockerHost(ctx context.Context) (string, error) {
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", fmt.Errorf("find the address of Docker's ports: %w", err)
	}
	defer func() { _ = provider.Close() }()
	host, err := provider.DaemonHost(ctx)
	if err != nil {
		return "", fmt.Errorf("find the address of Docker's ports: %w", err)
	}
	if host == "localhost" {
		return "127.0.0.1", nil // we publish the ports on IPv4 only
	}
	return host, nil
}

// guardContainer removes the container if we do not: testcontainers' reaper may be switched off, and it
// is slow. The container may come to be a moment after us, hence the second attempt.
func guardContainer(ctx context.Context, dockerHost, name string) (*guard, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, nil
	}
	return startGuard(ctx, append(os.Environ(), "DOCKER_HOST="+dockerHost),
		`docker rm -fv "$1"; sleep 2; docker rm -fv "$1"`, name)
}

func (c *container) start(ctx context.Context) error {
	if c.created != nil {
		_, err := c.client.ContainerStart(ctx, c.name, client.ContainerStartOptions{})
		return err
	}
	created, err := testcontainers.Run(ctx, c.image,
		testcontainers.WithName(c.name),
		testcontainers.WithEnv(map[string]string{
			"RABBITMQ_DEFAULT_USER":        user,
			"RABBITMQ_DEFAULT_PASS":        password,
			"RABBITMQ_SCHEDULER_BIND_TYPE": unbound,
		}),
		testcontainers.WithExposedPorts("5672/tcp", "15672/tcp", "15692/tcp"),
		testcontainers.WithHostConfigModifier(func(h *containerapi.HostConfig) { h.PortBindings = c.bindings() }),
	)
	c.created = created // may be there in spite of an error
	return err
}

// bindings fixes the host's ports: Docker would pick others at each start. They are open to this
// machine alone, unless the engine is on another.
func (c *container) bindings() network.PortMap {
	var ip netip.Addr
	if addr, err := netip.ParseAddr(c.host); err == nil && addr.IsLoopback() {
		ip = addr
	}
	on := func(port int) []network.PortBinding {
		return []network.PortBinding{{HostIP: ip, HostPort: strconv.Itoa(port)}}
	}
	return network.PortMap{
		network.MustParsePort("5672/tcp"):  on(c.ports.AMQP),
		network.MustParsePort("15672/tcp"): on(c.ports.Management),
		network.MustParsePort("15692/tcp"): on(c.ports.Prometheus),
	}
}

func (c *container) signal(ctx context.Context, sig syscall.Signal) error {
	var err error
	switch sig {
	case syscall.SIGSTOP:
		_, err = c.client.ContainerPause(ctx, c.name, client.ContainerPauseOptions{})
	case syscall.SIGCONT:
		_, err = c.client.ContainerUnpause(ctx, c.name, client.ContainerUnpauseOptions{})
	case syscall.SIGTERM:
		patience := int(closeWithin.Seconds()) // Docker's own is ten seconds, then it kills
		_, err = c.client.ContainerStop(ctx, c.name, client.ContainerStopOptions{Timeout: &patience})
	case syscall.SIGKILL:
		_, err = c.client.ContainerKill(ctx, c.name, client.ContainerKillOptions{Signal: "KILL"})
		err = errors.Join(err, c.awaitEnd(ctx))
	}
	return err
}

func (c *container) awaitEnd(ctx context.Context) error {
	wait := c.client.ContainerWait(ctx, c.name, client.ContainerWaitOptions{Condition: containerapi.WaitConditionNotRunning})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return err
	}
}

func (c *container) ended(ctx context.Context) error {
	found, err := c.client.ContainerInspect(ctx, c.name, client.ContainerInspectOptions{})
	if err != nil || found.Container.State.Running {
		return nil // an engine that does not answer for once has not ended the container
	}
	return fmt.Errorf("container %s exited with %d; its log ends: %s", c.name, found.Container.State.ExitCode, c.logTail(ctx))
}

func (c *container) logTail(ctx context.Context) string {
	logs, err := c.client.ContainerLogs(ctx, c.name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "20"})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, logs); err != nil {
		return err.Error()
	}
	return out.String()
}

func (c *container) remove(ctx context.Context) error {
	var err error
	if c.created != nil {
		_ = c.signal(ctx, syscall.SIGCONT) // a paused container could not be stopped; most are not
		err = c.created.Terminate(ctx, testcontainers.StopTimeout(0))
	}
	return errors.Join(err, c.guard.release(), c.client.Close())
}

// attachedContainer is the container of another process, by its name.
type attachedContainer string

func (name attachedContainer) ctl(ctx context.Context, args ...string) (string, error) {
	docker, err := dockerClient(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = docker.Close() }()
	return (&container{name: string(name), client: docker}).ctl(ctx, args...)
}

// ctl runs as the user of the server: as root it might create the Erlang cookie, unreadable for the server.
func (c *container) ctl(ctx context.Context, args ...string) (string, error) {
	ctl, err := c.client.ExecCreate(ctx, c.name, client.ExecCreateOptions{
		User: "rabbitmq", Cmd: append([]string{"rabbitmqctl"}, args...), AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return "", fmt.Errorf("run rabbitmqctl: %w", err)
	}
	stream, err := c.client.ExecAttach(ctx, ctl.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", fmt.Errorf("run rabbitmqctl: %w", err)
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, stream.Close)() // reading knows of no context
	var out, errOut bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errOut, stream.Reader); err != nil {
		return "", fmt.Errorf("read from rabbitmqctl: %w", err)
	}
	ended, err := c.client.ExecInspect(ctx, ctl.ID, client.ExecInspectOptions{})
	if err != nil {
		return "", fmt.Errorf("run rabbitmqctl: %w", err)
	}
	if ended.ExitCode != 0 {
		return out.String(), ctlError(fmt.Errorf("exit status %d", ended.ExitCode), errOut.String())
	}
	return out.String(), nil
}
