package management_test

import (
	"slices"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/management"
)

func TestNodes(t *testing.T) {
	t.Parallel()

	c := listing(t, map[string]string{"/api/nodes": `[{"name":"rabbit@a","os_pid":"20","uptime":61500,"running":true},
		{"name":"rabbit@b","running":false}]`})
	nodes, err := c.Nodes(t.Context())
	want := []management.Node{{Name: "rabbit@a", PID: 20, Uptime: 61500 * time.Millisecond}, {Name: "rabbit@b"}}
	if err != nil || !slices.Equal(nodes, want) {
		t.Errorf("%+v, %v", nodes, err)
	}
	if _, err := listing(t, nil).Nodes(t.Context()); err == nil {
		t.Error("no error without an answer")
	}
}
