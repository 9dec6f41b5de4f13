package deadletter

import (
	"context"
	"errors"
	"io"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
)

// Pass goes through a dead-letter queue; *queue.Pass is one.
type Pass interface {
	Next(ctx context.Context) (*queue.Held, error) // io.EOF at the end
	Ack(held ...*queue.Held) error
}

// Look shows every dead letter that is chosen to show, in their order, and returns how many it has gone through. The message is
// show's only until it returns.
func Look(ctx context.Context, pass Pass, home string, filter *Filter, show func(*Letter, *tasks.Message) error) (seen int, err error) {
	for {
		held, err := pass.Next(ctx)
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		if err != nil {
			return seen, err
		}
		seen++
		letter := Read(&held.Message, home)
		if !filter.Match(&letter, &held.Message) {
			continue
		}
		if err := show(&letter, &held.Message); err != nil {
			return seen, err
		}
	}
}
