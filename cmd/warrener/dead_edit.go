package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
	"github.com/warrener/warrener/internal/tasks"
)

const maxWindow = 1000 // what a publisher has on a channel at most

func redriveFlags(flags *pflag.FlagSet, opts *deadRedriveOptions) {
	const window = 500
	flags.StringVar(&opts.to, "to", "", "publish them to this `queue` instead of the one they came from")
	flags.Float64Var(&opts.rate, "rate", 0, "at most this many a second (default: as fast as the broker takes them)")
	flags.IntVar(&opts.window, "window", window, "how many may be on their way at a time")
}

func newDeadEditCommand(shared *config.Shared) *cobra.Command {
	opts := &deadRedriveOptions{deadOptions: deadOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Edit a dead letter's payload and run it again",
		Long: `Open the payload of a dead letter in $VISUAL, $EDITOR or vi, and redrive it with what was saved. The dead letter
stays where it is meanwhile; when nothing was changed, or the editor ends with an error, nothing is done.`,
		Example: `  EDITOR=nano warrener dead edit -q emails order-7`,
		Args:    cli.OneArg("ID"),
		RunE:    opts.command(func(ctx context.Context, args []string) error { return runDeadEdit(ctx, opts, args[0]) }),
	}
	opts.flags(cmd.Flags())
	redriveFlags(cmd.Flags(), opts)
	return cmd
}

func runDeadEdit(ctx context.Context, opts *deadRedriveOptions, id string) error {
	if err := opts.check(); err != nil {
		return err
	}
	filter := &deadletter.Filter{IDs: []string{id}}
	var old []byte
	found := 0
	_, err := opts.look(ctx, filter, func(_ *deadletter.Letter, m *tasks.Message) error {
		old = m.Body
		found++
		return nil
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return opts.noSuch(id)
	case found > 1:
		return fmt.Errorf("%d dead letters have the id %s: give them a payload with redrive --payload", found, cell(id))
	}
	payload, err := edit(ctx, opts, old)
	if err != nil {
		return err
	}
	if bytes.Equal(payload, old) {
		_, err := fmt.Fprintln(opts.out, "not changed: nothing was done")
		return err
	}
	if json.Valid(old) && !json.Valid(payload) {
		return errors.New("the payload was JSON and is not any more: nothing was done")
	}
	return opts.redrive(ctx, filter, func(m *tasks.Message) { m.Body = payload })
}

// edit lets the user change a payload in a file.
func edit(ctx context.Context, opts *deadRedriveOptions, payload []byte) ([]byte, error) {
	file, err := os.CreateTemp("", "warrener-*.json") // its mode is 0600: a payload may be nobody else's business
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	defer os.Remove(file.Name()) //nolint:errcheck // in a folder that is cleaned
	_, err = file.Write(payload)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	words := strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi"))
	command := exec.CommandContext(ctx, words[0], append(words[1:], file.Name())...) //nolint:gosec // the user's own editor
	command.Stdin, command.Stdout, command.Stderr = opts.in, opts.err, opts.err
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("the editor %s: %w: nothing was done", words[0], err)
	}
	saved, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	if !bytes.HasSuffix(payload, []byte("\n")) {
		saved = bytes.TrimSuffix(saved, []byte("\n")) // which editors add
	}
	return saved, nil
}

// readPayload is a payload as it was given: itself, @FILE or - for stdin. It has to be JSON.
func readPayload(stdin io.Reader, given string) ([]byte, error) {
	const limit = 16 << 20
	body, from := []byte(given), "--payload"
	if path, isFile := strings.CutPrefix(given, "@"); isFile || given == "-" {
		from = "stdin"
		if isFile {
			file, err := os.Open(path)
			if err != nil {
				return nil, fmt.Errorf("read the payload: %w", err)
			}
			defer file.Close() //nolint:errcheck // only read
			stdin, from = file, path
		}
		var err error
		if body, err = io.ReadAll(io.LimitReader(stdin, limit+1)); err != nil {
			return nil, fmt.Errorf("read the payload: %w", err)
		}
	}
	switch {
	case len(body) > limit:
		return nil, fmt.Errorf("%s: more than %d bytes", from, limit)
	case !json.Valid(body):
		return nil, fmt.Errorf("%s: not JSON", from)
	}
	return bytes.TrimSpace(body), nil
}
