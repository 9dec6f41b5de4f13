package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	tea "charm.land/bubbletea/v2"
)

// Screen draws on a terminal what watch shows, until a key, ctx or watch itself ends that. Without keys in is nil.
func Screen(ctx context.Context, in io.Reader, out io.Writer, m Model, watch func(context.Context, func(Update))) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	var watching sync.WaitGroup
	watching.Go(func() {
		watch(ctx, func(u Update) { p.Send(u) })
		p.Quit()
	})
	_, err := p.Run()
	cancel()
	watching.Wait()
	if err != nil && !errors.Is(err, tea.ErrInterrupted) {
		return fmt.Errorf("draw on the terminal: %w", err)
	}
	return nil
}
