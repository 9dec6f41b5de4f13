package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/procfs"

	"github.com/warrener/warrener/internal/management"
)

func TestChooseTheNodesProcess(t *testing.T) {
	t.Parallel()

	now := time.Now()
	running := func(pid, inside int, age time.Duration) beam {
		return beam{proc: procfs.Proc{PID: pid}, inside: inside, started: now.Add(-age)}
	}
	node := management.Node{Name: "rabbit@here", PID: 20, Uptime: time.Hour}
	for name, tt := range map[string]struct {
		node       management.Node
		candidates []beam
		pid        int
		want       string
	}{
		"in a container":        {node, []beam{running(500, 20, time.Hour), running(20, 20, time.Minute)}, 500, ""},
		"said seconds ago":      {node, []beam{running(500, 20, time.Hour+6*time.Second)}, 500, ""},
		"another number":        {node, []beam{running(20, 30, time.Hour)}, 0, "no process of this machine is node rabbit@here"},
		"another broker's":      {node, []beam{running(20, 20, time.Minute)}, 0, "no process of this machine"},
		"two of the same start": {node, []beam{running(1, 20, time.Hour), running(2, 20, time.Hour)}, 0, "2 processes of this machine could be"},
		"not counted yet":       {management.Node{Name: "rabbit@here"}, nil, 0, "does not know the process of node"},
	} {
		p, err := choose(tt.node, tt.candidates, now)
		if p.PID != tt.pid || tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %d, %v", name, p.PID, err)
		}
	}
}

// A node that has just started does not know its process yet.
func TestCountedAsksAgain(t *testing.T) {
	t.Parallel()

	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		known time.Duration // after so long
		err   error
		pid   int
		took  time.Duration
	}{
		"known":      {0, nil, 20, 0},
		"soon known": {3 * time.Second, nil, 20, 3 * time.Second},
		"never":      {time.Hour, nil, 0, countedWithin},
		"refused":    {time.Hour, refused, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				nodes, err := counted(t.Context(), func(context.Context) ([]management.Node, error) {
					if time.Since(start) < tt.known {
						return []management.Node{{}}, tt.err
					}
					return []management.Node{{PID: 20}}, tt.err
				})
				if !errors.Is(err, tt.err) || nodes[0].PID != tt.pid || time.Since(start) != tt.took {
					t.Errorf("%v, %v after %s", nodes, err, time.Since(start))
				}
			})
		})
	}
}
