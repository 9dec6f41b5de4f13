package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
	"github.com/warrener/warrener/internal/deadletter"
	"github.com/warrener/warrener/internal/tasks"
)

type deadShowOptions struct {
	deadOptions
	output string
}

func newDeadShowCommand(shared *config.Shared) *cobra.Command {
	opts := &deadShowOptions{deadOptions: deadOptions{shared: shared}}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a dead letter: payload, headers, error, timeline",
		Long: `Show a dead letter: what it is, why it died, its headers, what happened to it and when, and its payload. A payload
that is no text is shown in hexadecimal; --output raw writes its bytes and nothing else.

When several have the id, all are shown; raw takes the first.`,
		Example: `  warrener dead show -q emails 0199c0a0-7d2e-7b58-8f34-5a52b1a3f6d1
  warrener dead show -q emails order-7 -o raw > payload.json`,
		Args: cli.OneArg("ID"),
		RunE: opts.command(func(ctx context.Context, args []string) error { return runDeadShow(ctx, opts, args[0]) }),
	}
	opts.flags(cmd.Flags())
	outputFlag(cmd.Flags(), &opts.output, "table", "json", "jsonl", "raw")
	return cmd
}

func runDeadShow(ctx context.Context, opts *deadShowOptions, id string) error {
	if err := checkOutput(opts.output, "table", "json", "jsonl", "raw"); err != nil {
		return err
	}
	shown := 0
	_, err := opts.look(ctx, &deadletter.Filter{IDs: []string{id}}, func(l *deadletter.Letter, m *tasks.Message) error {
		shown++
		switch {
		case opts.output == "raw" && shown == 1:
			_, err := opts.out.Write(m.Body)
			return err
		case opts.output == "raw":
			return nil
		case opts.output == "table":
			return showLetter(opts.out, l, m)
		case opts.output == "json":
			return encoder(opts.out, "  ").Encode(detailsOf(l, m))
		}
		return encoder(opts.out, "").Encode(detailsOf(l, m))
	})
	if err == nil && shown == 0 {
		return opts.noSuch(id)
	}
	return err
}

// details is a dead letter with everything, as JSON. The payload is what it is if that is JSON, else its bytes.
type details struct {
	deadletter.Letter
	ContentType   string             `json:"content_type,omitempty"`
	CorrelationID string             `json:"correlation_id,omitempty"`
	ReplyTo       string             `json:"reply_to,omitempty"`
	AppID         string             `json:"app_id,omitempty"`
	Priority      uint8              `json:"priority,omitempty"`
	Headers       map[string]any     `json:"headers"`
	Timeline      []deadletter.Event `json:"timeline"`
	Payload       json.RawMessage    `json:"payload,omitempty"`
	PayloadBytes  []byte             `json:"payload_base64,omitempty"`
}

func detailsOf(l *deadletter.Letter, m *tasks.Message) details {
	d := details{
		Letter: *l, ContentType: m.ContentType, CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, AppID: m.AppID, Priority: m.Priority,
		Headers: map[string]any{}, Timeline: deadletter.Timeline(m),
	}
	for name, value := range m.Headers {
		if _, err := json.Marshal(value); err != nil {
			value = fmt.Sprint(value) // NaN and the like
		}
		d.Headers[name] = value
	}
	if json.Valid(m.Body) {
		d.Payload = m.Body
	} else {
		d.PayloadBytes = m.Body
	}
	return d
}

func showLetter(out io.Writer, l *deadletter.Letter, m *tasks.Message) error {
	var b bytes.Buffer
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-14s %s\n", name, printable(value))
		}
	}
	line("id", l.ID)
	line("task", l.Task)
	line("queue", l.Queue)
	line("reason", l.Reason)
	line("error", l.Error)
	if l.Attempt > 0 {
		line("attempts", fmt.Sprint(l.Attempt))
	}
	line("worker", l.Worker)
	line("no task", l.Problem)
	line("content type", m.ContentType)
	line("correlation id", m.CorrelationID)
	line("reply to", m.ReplyTo)
	line("app id", m.AppID)
	if len(m.Headers) > 0 {
		b.WriteString("\nheaders\n")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		fmt.Fprintf(&b, "  %s: %s\n", printable(name), printable(headerText(m.Headers[name])))
	}
	if events := deadletter.Timeline(m); len(events) > 0 {
		b.WriteString("\ntimeline\n")
		for _, e := range events {
			fmt.Fprintf(&b, "  %s  %s\n", e.At.Format(time.RFC3339Nano), printable(e.What))
		}
	}
	fmt.Fprintf(&b, "\npayload, %d bytes\n", len(m.Body))
	b.WriteString(payloadText(m.Body))
	_, err := out.Write(b.Bytes())
	return err
}

func headerText(value any) string {
	if text, err := json.Marshal(value); err == nil {
		return string(text)
	}
	return fmt.Sprint(value)
}

func payloadText(payload []byte) string {
	var indented bytes.Buffer
	switch {
	case !readable(payload):
		return hex.Dump(payload)
	case json.Indent(&indented, payload, "", "  ") == nil:
		payload = indented.Bytes()
	}
	return string(payload) + "\n"
}
