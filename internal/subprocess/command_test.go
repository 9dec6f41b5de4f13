package subprocess

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCommandIsSplitWithoutAShell(t *testing.T) {
	t.Parallel()

	tests := []struct {
		line string
		want []string
	}{
		{`gofmt -l {}`, []string{"gofmt", "-l", "{}"}},
		{`  convert   'a b' "c d" e\ f  `, []string{"convert", "a b", "c d", "e f"}},
		{`echo $HOME "$(id)" '*' ~`, []string{"echo", "$HOME", "$(id)", "*", "~"}},
		{"echo `id`", []string{"echo", "`id`"}},
		{`sh -c 'a; b | c > d' sh ""`, []string{"sh", "-c", "a; b | c > d", "sh", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			got, err := split(tt.line)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("split(%s) = %q, %v, want %q", tt.line, got, err, tt.want)
			}
		})
	}
}

func TestParseCommandRefuses(t *testing.T) {
	t.Parallel()

	tests := []struct{ line, want string }{
		{``, "empty"},
		{`   `, "empty"},
		{`"" x`, "empty"},
		{`echo 'a`, "not closed"},
		{`echo (a)`, "parenthesis"},
		{`echo a; rm b`, "without a shell"},
		{`echo a | wc`, "without a shell"},
		{`echo a > b`, "without a shell"},
		{`{} --version`, "cannot name the program"},
		{`./{}`, "cannot name the program"},
		{`sh -c 'gofmt -l {}'`, "as code"},
		{`/bin/bash -ec {}`, "as code"},
		{`no-such-program-here {}`, "executable file not found"},
		{`/no/such/program`, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			if _, err := parseCommand(tt.line); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parseCommand(%s): %v, want something about %q", tt.line, err, tt.want)
			}
		})
	}
}

func TestParseCommandAllows(t *testing.T) {
	t.Parallel()

	for _, line := range []string{`sh`, `sh -c`, `sh -c 'gofmt -l "$1"' sh {}`, `sh {}`, `sh -e -- {}`, `cat -c {}`} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			if _, err := parseCommand(line); err != nil {
				t.Errorf("parseCommand(%s): %v", line, err)
			}
		})
	}
}

// The program is found once: another working directory or PATH does not change it later.
func TestProgramIsFoundAsAnAbsolutePath(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "greet")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)

	c, err := parseCommand("./greet {}")
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.EvalSymlinks(c.path); err != nil || got != want || !filepath.IsAbs(c.path) {
		t.Errorf("path %q, %v, want %q", c.path, err, want)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name, payload string
		args, want    []string
		stdin, err    string
	}{
		{name: "no placeholder", args: []string{"-l"}, payload: `{"a":1}`, want: []string{"-l"}, stdin: `{"a":1}`},
		{name: "no placeholder, a string", args: []string{"-l"}, payload: `"a"`, want: []string{"-l"}, stdin: `"a"`},
		{name: "one argument", args: []string{"-l", "{}"}, payload: `"a b\n'c' $(d) é"`, want: []string{"-l", "a b\n'c' $(d) é"}},
		{name: "empty", args: []string{"{}"}, payload: `""`, want: []string{""}},
		{name: "within and twice", args: []string{"--in={}", "{}.gz"}, payload: ` "x" `, want: []string{"--in=x", "x.gz"}},
		{name: "not filled twice", args: []string{"{}"}, payload: `"{}"`, want: []string{"{}"}},
		{name: "hyphen within", args: []string{"--in={}"}, payload: `"-x"`, want: []string{"--in=-x"}},
		{name: "hyphen after --", args: []string{"-l", "--", "{}"}, payload: `"-x"`, want: []string{"-l", "--", "-x"}},
		{name: "hyphen", args: []string{"-l", "{}"}, payload: `"-w"`, err: "hyphen"},
		{name: "hyphen with a suffix", args: []string{"{}.go"}, payload: `"-"`, err: "hyphen"},
		{name: "hyphen before --", args: []string{"{}", "--"}, payload: `"-w"`, err: "hyphen"},
		{name: "the payload is no --", args: []string{"x{}", "{}"}, payload: `"--"`, err: "hyphen"},
		{name: "an object", args: []string{"{}"}, payload: `{"a":1}`, err: "not a JSON string"},
		{name: "a number", args: []string{"{}"}, payload: `5`, err: "not a JSON string"},
		{name: "null", args: []string{"{}"}, payload: `null`, err: "not a JSON string"},
		{name: "no JSON", args: []string{"{}"}, payload: `a.go`, err: "not a JSON string"},
		{name: "two strings", args: []string{"{}"}, payload: `"a" "b"`, err: "not a JSON string"},
		{name: "nothing", args: []string{"{}"}, payload: ``, err: "not a JSON string"},
		{name: "NUL", args: []string{"{}"}, payload: `"a\u0000b"`, err: "NUL"},
		{name: "not UTF-8", args: []string{"{}"}, payload: "\"a\xffb\"", err: "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := command{args: tt.args, inArgs: slices.ContainsFunc(tt.args, holdsPlaceholder)}
			got, stdin, err := c.fill([]byte(tt.payload))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want something about %q", err, tt.err)
				}
				return
			}
			if err != nil || !slices.Equal(got, tt.want) || string(stdin) != tt.stdin {
				t.Errorf("args %q, stdin %q, error %v, want %q and %q", got, stdin, err, tt.want, tt.stdin)
			}
		})
	}
}

// Whatever the payload: as many arguments as the operator wrote, and no option that is not theirs.
func FuzzFill(f *testing.F) {
	for _, payload := range []string{`"a"`, `"-x"`, `"--"`, `"{}"`, `"\u002dx"`, `"a\u0000"`, "\"\xff\"", `null`, `[]`} {
		f.Add([]byte(payload))
	}
	c := command{args: []string{"{}", "a{}", "{}{}", "--", "{}"}, inArgs: true}
	f.Fuzz(func(t *testing.T, payload []byte) {
		args, stdin, err := c.fill(payload)
		if err != nil {
			return
		}
		if len(args) != len(c.args) || stdin != nil {
			t.Errorf("%d arguments, stdin %q", len(args), stdin)
		}
		for _, arg := range args[:3] {
			if strings.HasPrefix(arg, "-") || strings.ContainsRune(arg, 0) {
				t.Errorf("argument %q", arg)
			}
		}
	})
}
