package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	clusterSize     = 3
	clusterUser     = "faults"
	clusterPassword = "faults" // on loopback, for minutes
	clusterImage    = "rabbitmq:4-management"
	formWithin      = 2 * time.Minute
)

// Cluster is three nodes in containers. They talk to each other by one network and to clients by another, so that taking a node
// off the first is a partition: its clients still reach it.
type Cluster struct {
	name    string
	nodes   []string // containers
	ports   []int
	version string
}

// ErrNone is why no scenario can be run on a kind of broker: there is none to be had.
var ErrNone = errors.New("no such broker to be had")

// StartCluster starts one, with Docker's command line; ErrNone where that does not work. dir is for a moment's files.
func StartCluster(ctx context.Context, dir string) (*Cluster, error) {
	if _, err := docker(ctx, "version"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	c := &Cluster{name: "warrener-faults-" + uuid.NewString()[:8]}
	for i := range clusterSize {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		c.ports = append(c.ports, port)
		c.nodes = append(c.nodes, fmt.Sprintf("%s-%d", c.name, i+1))
	}
	if err := c.create(ctx, dir); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.formed(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	version, err := c.ctl(ctx, 0, "version")
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.version = strings.TrimSpace(version) + " ×3"
	return c, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	address, _ := l.Addr().(*net.TCPAddr)
	return address.Port, nil
}

// host is a node's name on the nodes' network, and there alone: Docker knows hostnames on each network, so it is none.
func host(node int) string { return fmt.Sprintf("n%d", node+1) }

func (c *Cluster) edge() string { return c.name + "-clients" }
func (c *Cluster) mesh() string { return c.name + "-nodes" }

func (c *Cluster) create(ctx context.Context, dir string) error {
	conf := []string{"cluster_formation.peer_discovery_backend = classic_config", "default_user = " + clusterUser, "default_pass = " + clusterPassword}
	for i := range clusterSize {
		conf = append(conf, fmt.Sprintf("cluster_formation.classic_config.nodes.%d = rabbit@%s", i+1, host(i)))
	}
	file := filepath.Join(dir, "20-cluster.conf")
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o644); err != nil { //nolint:gosec // the container's user reads it
		return err
	}
	for _, network := range []string{c.edge(), c.mesh()} {
		if _, err := docker(ctx, "network", "create", network); err != nil {
			return err
		}
	}
	cookie := uuid.NewString()
	for i, node := range c.nodes {
		host := host(i)
		calls := [][]string{
			{
				"create", "--name", node, "--add-host", host + ":127.0.0.1", "--network", c.edge(), "-p", fmt.Sprintf("127.0.0.1:%d:5672", c.ports[i]),
				"-e", "RABBITMQ_ERLANG_COOKIE=" + cookie, "-e", "RABBITMQ_NODENAME=rabbit@" + host,
				"-e", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel net_ticktime 10 +S 2:2", clusterImage,
			},
			{"network", "connect", "--alias", host, c.mesh(), node},
			{"cp", file, node + ":/etc/rabbitmq/conf.d/20-cluster.conf"},
		}
		for _, call := range calls {
			if _, err := docker(ctx, call...); err != nil {
				return err
			}
		}
	}
	_, err := docker(ctx, append([]string{"start"}, c.nodes...)...)
	return err
}

// formed waits until all nodes run in one cluster and answer clients.
func (c *Cluster) formed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, formWithin)
	defer cancel()
	for {
		all, err := c.running(ctx)
		if err == nil && all == clusterSize && c.answering(ctx) {
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d nodes run: %w", all, clusterSize, errors.Join(err, ctx.Err()))
		}
	}
}

func (c *Cluster) answering(ctx context.Context) bool {
	for _, host := range hosts(c.URL()) {
		if _, err := awaitGreeting(ctx, host, 100*time.Millisecond); err != nil {
			return false
		}
	}
	return true
}

// running counts the nodes that the first one sees.
func (c *Cluster) running(ctx context.Context) (int, error) {
	return c.seen(ctx, 0)
}

// Apart says whether the others have lost a node. It is they who are asked: a node alone does not even answer rabbitmqctl.
func (c *Cluster) Apart(ctx context.Context, node int) (bool, error) {
	n, err := c.seen(ctx, (node+1)%clusterSize)
	return n == clusterSize-1, err
}

// seen counts the nodes that one of them sees, with itself.
func (c *Cluster) seen(ctx context.Context, node int) (int, error) {
	out, err := c.ctl(ctx, node, "eval", "length(nodes()) + 1.")
	if err != nil {
		return 0, err
	}
	var n int
	_, err = fmt.Sscan(out, &n)
	return n, err
}

// URL names all nodes.
func (c *Cluster) URL() string {
	all := make([]string, 0, clusterSize)
	for _, port := range c.ports {
		all = append(all, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return fmt.Sprintf("amqp://%s:%s@%s/", clusterUser, clusterPassword, strings.Join(all, ","))
}

// Version of RabbitMQ.
func (c *Cluster) Version() string { return c.version }

// CloseConnections makes the nodes close all connections.
func (c *Cluster) CloseConnections(ctx context.Context) error {
	_, err := c.ctl(ctx, 0, "close_all_connections", "fault")
	return err
}

// Leader is the number of the node that leads a queue.
func (c *Cluster) Leader(ctx context.Context, queue string) (int, error) {
	for i := range clusterSize {
		out, err := c.ctl(ctx, i, "list_queues", "--quiet", "--no-table-headers", "name", "leader")
		if err != nil {
			continue // it may be the one that is down
		}
		for line := range strings.Lines(out) {
			fields := strings.Fields(line)
			if len(fields) == 2 && fields[0] == queue {
				var n int
				_, err := fmt.Sscanf(fields[1], "rabbit@n%d", &n)
				return n - 1, err
			}
		}
	}
	return 0, fmt.Errorf("no node knows who leads queue %q", queue)
}

// Kill ends a node as an out-of-memory killer would.
func (c *Cluster) Kill(ctx context.Context, node int) error {
	_, err := docker(ctx, "kill", c.nodes[node])
	return err
}

// Stop ends a node in good order.
func (c *Cluster) Stop(ctx context.Context, node int) error {
	_, err := docker(ctx, "stop", "-t", "60", c.nodes[node])
	return err
}

// Start starts a node that has ended, and waits until the cluster is whole.
func (c *Cluster) Start(ctx context.Context, node int) error {
	if _, err := docker(ctx, "start", c.nodes[node]); err != nil {
		return err
	}
	return c.formed(ctx)
}

// Isolate takes a node off the nodes' network.
func (c *Cluster) Isolate(ctx context.Context, node int) error {
	_, err := docker(ctx, "network", "disconnect", c.mesh(), c.nodes[node])
	return err
}

// Heal brings it back, and waits until the cluster is whole.
func (c *Cluster) Heal(ctx context.Context, node int) error {
	if _, err := docker(ctx, "network", "connect", "--alias", host(node), c.mesh(), c.nodes[node]); err != nil {
		return err
	}
	return c.formed(ctx)
}

// Close removes all.
func (c *Cluster) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) //nolint:forbidigo // who closes often does so because their context is done
	defer cancel()
	_, err := docker(ctx, append([]string{"rm", "-f", "-v"}, c.nodes...)...)
	for _, network := range []string{c.edge(), c.mesh()} {
		_, rmErr := docker(ctx, "network", "rm", network)
		err = errors.Join(err, rmErr)
	}
	return err
}

func (c *Cluster) ctl(ctx context.Context, node int, args ...string) (string, error) {
	return docker(ctx, append([]string{"exec", c.nodes[node], "rabbitmqctl"}, args...)...)
}

// docker runs the command line, and returns what it printed.
func docker(ctx context.Context, args ...string) (string, error) {
	var errOut strings.Builder
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("docker %s: %w: %.500s", args[0], err, strings.TrimSpace(errOut.String()))
	}
	return string(out), nil
}
