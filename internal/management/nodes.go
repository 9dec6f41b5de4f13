package management

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Node is one node of the cluster. PID is 0, and Uptime too, where the node does not run or has not been asked yet.
type Node struct {
	Name   string
	PID    int           // as the node itself sees it: in a container that is another number than outside
	Uptime time.Duration // a few seconds old
}

// Nodes asks for all nodes of the cluster. The user needs the tag monitoring.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var answer []struct {
		Name   string      `json:"name"`
		PID    json.Number `json:"os_pid"` // a number in quotes
		Uptime int64       `json:"uptime"` // ms
	}
	if err := c.get(ctx, &answer, "nodes"); err != nil {
		return nil, fmt.Errorf("ask the management API for the nodes: %w", err)
	}
	list := make([]Node, len(answer))
	for i, a := range answer {
		pid, _ := a.PID.Int64() // 0 when it is none
		list[i] = Node{Name: a.Name, PID: int(pid), Uptime: time.Duration(a.Uptime) * time.Millisecond}
	}
	return list, nil
}
