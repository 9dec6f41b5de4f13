package queue

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

func TestAdmit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		timeout time.Duration // of a task
		limit   time.Duration // of the queue
		unknown error
		nobody  bool // to ask
		kind    string
		refused bool
		logged  string
	}{
		{name: "fits", timeout: time.Minute, limit: time.Hour},
		{name: "as long", timeout: time.Hour, limit: time.Hour, refused: true},
		{name: "longer", timeout: 2 * time.Hour, limit: time.Hour, refused: true},
		{name: "for ever", limit: time.Hour, refused: true},
		{name: "longer than the default, and the queue's is longer", timeout: time.Hour, limit: 2 * time.Hour},
		{name: "fits the default", timeout: time.Minute},
		{name: "does not fit the default", timeout: 30 * time.Minute, logged: "longer than RabbitMQ waits"},
		{name: "for ever, with the default", logged: "longer than RabbitMQ waits"},
		{name: "classic queues have none", kind: topology.Classic},
		{name: "not known", timeout: time.Minute, unknown: errors.New("no such API"), logged: "no such API"},
		{name: "nobody to ask", timeout: time.Minute, nobody: true},
		{name: "nobody to ask, for ever", nobody: true, logged: "longer than RabbitMQ waits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := Subscription{Queue: topology.WorkQueue{Name: "q", Type: tt.kind}, Timeout: tt.timeout}
			if !tt.nobody {
				s.ConsumerTimeout = func(_ context.Context, queue string) (time.Duration, error) {
					if queue != "q" {
						t.Errorf("asked for queue %q", queue)
					}
					return tt.limit, tt.unknown
				}
			}
			var log bytes.Buffer
			err := s.admit(t.Context(), "4.3.6", slog.New(slog.NewTextHandler(&log, nil)))
			var refused *ConsumerTimeoutError
			if errors.As(err, &refused) != tt.refused || err != nil && !tt.refused || err != nil && !final(err) {
				t.Errorf("got %v", err)
			}
			if tt.logged == "" && log.Len() > 0 || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}
