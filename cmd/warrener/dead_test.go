package main

import (
	"strings"
	"testing"
)

func TestDeadMistakes(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dead"}, 2, "no command given; see warrener dead --help"},
		{[]string{"dead", "lst"}, 2, `unknown command "lst"`},
		{[]string{"dead", "list", "-o", "xml"}, 2, `--output "xml"`},
		{[]string{"dead", "list", "-q", "amq.x"}, 2, "--queue"},
		{[]string{"dead", "list", "--older-than", "-1h"}, 2, "cannot be negative"},
		{[]string{"dead", "show"}, 2, "ID is missing"},
		{[]string{"dead", "redrive"}, 2, "say which"},
		{[]string{"dead", "redrive", "x", "--all"}, 2, "--all leaves nothing to choose"},
		{[]string{"dead", "redrive", "--all", "--payload", "1"}, 2, "--payload is for one"},
		{[]string{"dead", "redrive", "x", "--payload", "{"}, 2, "not JSON"},
		{[]string{"dead", "redrive", "x", "--payload", "@/nowhere"}, 2, "/nowhere"},
		{[]string{"dead", "redrive", "x", "--rate", "-1"}, 2, "--rate"},
		{[]string{"dead", "redrive", "x", "--window", "0"}, 2, "--window"},
		{[]string{"dead", "redrive", "x", "--to", "a.#"}, 2, "wildcard"},
		{[]string{"dead", "discard"}, 2, "say which"},
		{[]string{"dead", "edit"}, 2, "ID is missing"},
		{[]string{"dead", "list", "--url", "amqp://127.0.0.1:1/"}, 69, "Is RabbitMQ running?"},
	} {
		if out, code := runCommand(t, tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}

func TestWhatATerminalWouldObeyIsNotPrinted(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{"": "-", "a\x1b[2Jb": "a·[2Jb", "ünï": "ünï", "a\nb\xff\u202e": "a·b··"} {
		if got := cell(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
	if got := short(strings.Repeat("x ", 100)); len([]rune(got)) != 80 || !strings.HasSuffix(got, "…") {
		t.Errorf("%q", got)
	}
	for payload, want := range map[string]bool{"a\n\tb": true, "a\x1bb": false, "\xff": false, "": true} {
		if readable([]byte(payload)) != want {
			t.Errorf("%q is readable: %t", payload, !want)
		}
	}
}
