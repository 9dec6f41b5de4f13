package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/procfs"

	"github.com/warrener/warrener/internal/management"
)

// erlang is the name of the process that RabbitMQ runs in.
const erlang = "beam.smp"

// brokerProcesses are the processes of a cluster's nodes, all on this machine.
type brokerProcesses []procfs.Proc

// findBroker finds the nodes' processes, or says why it cannot be known which they are.
func findBroker(ctx context.Context, cfg Config) (brokerProcesses, error) {
	if cfg.Management == "" {
		return nil, errors.New("it takes --management-url to find its process")
	}
	api, err := management.New(cfg.Management, cfg.URL)
	if err != nil {
		return nil, err
	}
	nodes, err := counted(ctx, api.Nodes)
	if err != nil {
		return nil, err
	}
	candidates, err := erlangs(procfs.DefaultMountPoint)
	if err != nil {
		return nil, fmt.Errorf("this system's /proc does not tell: %w", err)
	}
	var found brokerProcesses
	for _, n := range nodes {
		p, err := choose(n, candidates, time.Now())
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}

// countedWithin is how long after its start a node may not know its own process yet: the API counts each 5 s.
const countedWithin = 8 * time.Second

// counted asks again until all nodes know their process, or have had their time.
func counted(ctx context.Context, ask func(context.Context) ([]management.Node, error)) ([]management.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, countedWithin)
	defer cancel()
	for {
		nodes, err := ask(ctx)
		unknown := slices.ContainsFunc(nodes, func(n management.Node) bool { return n.PID == 0 })
		if err != nil || !unknown {
			return nodes, err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nodes, nil
		}
	}
}

// beam is a process that may be a node.
type beam struct {
	proc    procfs.Proc
	inside  int // its number where it sees itself
	started time.Time
}

// erlangs are the processes in which Erlang runs, in whatever container.
func erlangs(mount string) ([]beam, error) {
	fs, err := procfs.NewFS(mount)
	if err != nil {
		return nil, err
	}
	all, err := fs.AllProcs()
	if err != nil {
		return nil, err
	}
	var list []beam
	for _, p := range all {
		if name, err := p.Comm(); err != nil || name != erlang {
			continue // of another program, or just ended
		}
		b := beam{proc: p, inside: p.PID}
		if status, err := p.NewStatus(); err == nil && len(status.NSpids) > 0 {
			b.inside = int(status.NSpids[len(status.NSpids)-1]) //nolint:gosec // a process id is small
		}
		if stat, err := p.Stat(); err == nil {
			if seconds, err := stat.StartTime(); err == nil {
				b.started = time.UnixMilli(int64(1000 * seconds))
			}
		}
		list = append(list, b)
	}
	return list, nil
}

// choose finds a node among the processes. Nodes in several containers may well have the same number there, but hardly began in
// the same seconds; what the API says of the time is up to five seconds old.
func choose(n management.Node, candidates []beam, now time.Time) (procfs.Proc, error) {
	const late, early = 10 * time.Second, -3 * time.Second
	if n.PID == 0 {
		return procfs.Proc{}, fmt.Errorf("the management API does not know the process of node %s", n.Name)
	}
	fits := slices.DeleteFunc(slices.Clone(candidates), func(b beam) bool {
		off := now.Add(-n.Uptime).Sub(b.started)
		return b.inside != n.PID || off < early || off > late
	})
	switch len(fits) {
	case 1:
		return fits[0].proc, nil
	case 0:
		return procfs.Proc{}, fmt.Errorf("no process of this machine is node %s", n.Name)
	}
	return procfs.Proc{}, fmt.Errorf("%d processes of this machine could be node %s", len(fits), n.Name)
}

// cpu is the CPU time that the nodes have taken so far.
func (ps brokerProcesses) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, p := range ps {
		stat, err := p.Stat()
		if err != nil {
			return 0, fmt.Errorf("the broker's process: %w", err)
		}
		sum += time.Duration(stat.CPUTime() * float64(time.Second))
	}
	return sum, nil
}
