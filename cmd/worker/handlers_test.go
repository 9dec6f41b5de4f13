package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
)

func TestSplitExec(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct{ value, name, command, err string }{
		{value: "./run.sh", command: "./run.sh"},
		{value: "gofmt -l -- {}", command: "gofmt -l -- {}"},
		{value: "gofmt=gofmt -l -- {}", name: "gofmt", command: "gofmt -l -- {}"},
		{value: "email.send=./send --from=a", name: "email.send", command: "./send --from=a"},
		{value: "a/b:c-d=x", name: "a/b:c-d", command: "x"},
		{value: "tool --option=1", command: "tool --option=1"},
		{value: "/bin/tool --option=1", command: "/bin/tool --option=1"},
		{value: `'my tool' a=b`, command: `'my tool' a=b`},
		{value: `my\tool=x`, command: `my\tool=x`},
		{value: "env FOO=bar cmd", command: "env FOO=bar cmd"},
		{value: "FOO=bar cmd", err: `write "env FOO=bar cmd" to set a variable`},
		{value: "FOO= cmd", name: "FOO", command: "cmd"},
		{value: "FOO_1=x", err: `"FOO_1= x"`},
		{value: "Foo=x", name: "Foo", command: "x"},
		{value: "=x", err: "no task's name"},
		{value: "a= ", err: `no command for the task "a"`},
	} {
		t.Run(tt.value, func(t *testing.T) {
			t.Parallel()
			name, command, err := splitExec(tt.value)
			checkSplit(t, err, tt.err)
			if name != tt.name || command != tt.command {
				t.Errorf("got %q and %q, want %q and %q", name, command, tt.name, tt.command)
			}
		})
	}
}

func TestSplitHTTP(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct{ value, name, url, err string }{
		{value: "https://h/", url: "https://h/"},
		{value: "https://h/?a=b", url: "https://h/?a=b"},
		{value: "http://h/?u=http://i/", url: "http://h/?u=http://i/"},
		{value: "email.send=https://h/?a=b", name: "email.send", url: "https://h/?a=b"},
		{value: "=https://h/", err: "no task's name"},
		{value: "h/path", err: "want [NAME=]URL"},
		{value: "a=h/path", err: "want [NAME=]URL"},
		{value: "ftp://h/?u=http://i/", err: "want [NAME=]URL"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			t.Parallel()
			name, url, err := splitHTTP(tt.value)
			checkSplit(t, err, tt.err)
			if name != tt.name || url != tt.url {
				t.Errorf("got %q and %q, want %q and %q", name, url, tt.name, tt.url)
			}
		})
	}
}

func checkSplit(t *testing.T, err error, want string) {
	t.Helper()
	if (err != nil) != (want != "") || (err != nil && !strings.Contains(err.Error(), want)) {
		t.Errorf("error %v, want %q in it", err, want)
	}
}

func TestMuxIsAssembled(t *testing.T) {
	t.Parallel()

	options := handlerOptions{
		exec: []string{"a=true", "b=false", "sh -c 'exit 78'"}, http: []string{"c=http://127.0.0.1:1/"}, builtin: true,
	}
	mux, err := options.mux(silent())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(mux.Names(), " "); got != "a b c warrener.echo warrener.fail warrener.sleep" {
		t.Errorf("names %s", got)
	}
	for name, want := range map[string]string{"a": "", "b": "1", "other": "78", "": "78", "warrener.fail": "as it was asked to"} {
		err := mux.HandleTask(t.Context(), &warrener.Delivery{ID: "1", Name: name, Queue: "q", Attempt: 1, Payload: []byte("{}")})
		if (err != nil) != (want != "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("task %q: %v, want %q in it", name, err, want)
		}
	}
}

func TestMuxRefuses(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name    string
		options handlerOptions
		want    string
	}{
		{"nothing", handlerOptions{}, "nothing to run tasks with"},
		{"two for a name", handlerOptions{exec: []string{"a=true"}, http: []string{"a=http://127.0.0.1:1/"}}, `--exec and --http: two handlers for the task "a"`},
		{"two without", handlerOptions{exec: []string{"true", "false"}}, "--exec and --exec, both without NAME="},
		{"a built-in one", handlerOptions{exec: []string{"warrener.echo=true"}, builtin: true}, `task "warrener.echo"`},
		{"a command that does not split", handlerOptions{exec: []string{"true 'x"}}, `--exec "true 'x"`},
		{"a variable of the broker's", handlerOptions{exec: []string{"true"}, execEnv: []string{"AMQP_URL"}}, "AMQP_URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.options.mux(silent())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// attempt runs a built-in task once.
func attempt(ctx context.Context, name, payload string, n int) error {
	d := &warrener.Delivery{ID: "1", Name: name, Queue: "q", Attempt: n, Payload: []byte(payload)}
	return builtins(silent())[name].HandleTask(ctx, d)
}

func TestSleepSleeps(t *testing.T) {
	t.Parallel()

	for payload, want := range map[string]time.Duration{
		`"1.5s"`: 1500 * time.Millisecond, `1500`: 1500 * time.Millisecond, `{"ms": 1500}`: 1500 * time.Millisecond, `0`: 0, `null`: 0,
	} {
		t.Run(payload, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				if err := attempt(t.Context(), "warrener.sleep", payload, 1); err != nil || time.Since(start) != want {
					t.Errorf("slept %s, %v, want %s", time.Since(start), err, want)
				}
			})
		})
	}
}

func TestSleepObeysItsContext(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		if err := attempt(ctx, "warrener.sleep", `"1h"`, 1); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

func TestBuiltinsRefuseOtherPayloads(t *testing.T) {
	t.Parallel()

	for name, payloads := range map[string][]string{
		"warrener.sleep": {`"soon"`, `""`, `{}`, `{"s": 5}`, `{"ms": null}`, `{"ms": 5, "s": 5}`, `[5]`, `5 s`, ``},
		"warrener.fail":  {`"x"`, `{"times": "2"}`, ``},
	} {
		for _, payload := range payloads {
			err := attempt(t.Context(), name, payload, 1)
			if err == nil || !strings.HasPrefix(err.Error(), warrener.Malformed(errors.New("")).Error()) {
				t.Errorf("%s with %s: got %v, want a malformed payload", name, payload, err)
			}
		}
	}
}

func TestFailFails(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		payload string
		attempt int
		want    string // "" for success
	}{
		{`null`, 100, "failed as it was asked to"},
		{`{"times":2}`, 2, "failed as it was asked to"},
		{`{"times":2}`, 3, ""},
		{`{"message":"why"}`, 1, "why"},
		{`{"permanent":true,"message":"why"}`, 1, warrener.Permanent(errors.New("why")).Error()},
	} {
		t.Run(tt.payload, func(t *testing.T) {
			t.Parallel()
			err := attempt(t.Context(), "warrener.fail", tt.payload, tt.attempt)
			if (err == nil) != (tt.want == "") || (err != nil && err.Error() != tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
