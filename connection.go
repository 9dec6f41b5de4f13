package warrener

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// connection is what ClientConfig and WorkerConfig have in common.
type connection struct {
	url            string
	urlFunc        func() (string, error)
	tls            *tls.Config
	dial           func(ctx context.Context, network, addr string) (net.Conn, error)
	name           string
	connectTimeout time.Duration
	passive        bool
	hooks          Hooks
	log            *slog.Logger
}

// config is the connection's configuration for one role. Addresses are checked here, and read again at each dial.
func (c connection) config(role Role) (queue.Config, error) {
	if c.urlFunc == nil {
		c.urlFunc = func() (string, error) { return c.url, nil }
	}
	urls := func() ([]string, error) {
		url, err := c.urlFunc()
		if err != nil {
			return nil, err
		}
		return queue.Addresses(cmp.Or(url, DefaultURL))
	}
	if _, err := urls(); err != nil {
		return queue.Config{}, err
	}
	return queue.Config{
		URLs: urls, TLS: c.tls, Dial: c.dial, Name: c.name, ConnectTimeout: c.connectTimeout, Passive: c.passive,
		Log: c.log, Events: c.hooks.events(role),
	}, nil
}

// events tells the hooks of one connection.
func (h Hooks) events(role Role) queue.Events {
	events := queue.Events{
		Subscribed: h.Subscribed, Unsubscribed: h.Unsubscribed, Cancelled: h.ConsumerCancelled, Paused: h.Paused, Resumed: h.Resumed,
	}
	if h.ConnectionUp != nil {
		events.Up = func() { h.ConnectionUp(role) }
	}
	if h.ConnectionDown != nil {
		events.Down = func(err error) { h.ConnectionDown(role, err) }
	}
	if h.Blocked != nil {
		events.Blocked = func(reason string) { h.Blocked(role, reason) }
	}
	return events
}

// defaultName tells this process from others in the broker's management UI: program@host#pid.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s@%s#%d", filepath.Base(os.Args[0]), host, os.Getpid())
}

// workQueues checks queues and fills in their defaults.
func workQueues(queues []Queue) ([]topology.WorkQueue, error) {
	seen := map[string]bool{}
	var checked []topology.WorkQueue
	for _, q := range queues {
		w, err := q.workQueue()
		if err != nil {
			return nil, err
		}
		if seen[q.Name] {
			return nil, fmt.Errorf("%w: queue %q is named twice", ErrInvalid, q.Name)
		}
		seen[q.Name] = true
		checked = append(checked, w)
	}
	return checked, nil
}

func queueNames(queues []Queue) []string {
	names := make([]string, len(queues))
	for i, q := range queues {
		names[i] = q.Name
	}
	return names
}
