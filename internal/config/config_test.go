package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/warrener/warrener/internal/config"
)

// command has the flags of a program called worker.
type command struct {
	shared   config.Shared
	broker   config.Broker
	prefetch int
	queues   []string
	exec     []string
	passive  bool
	flags    *pflag.FlagSet
}

func newCommand() *command {
	c := &command{flags: pflag.NewFlagSet("run", pflag.ContinueOnError)}
	c.shared.Flags(c.flags, slog.LevelInfo)
	c.broker.Flags(c.flags, 5*time.Second)
	c.flags.IntVar(&c.prefetch, "prefetch", 7, "")
	c.flags.StringSliceVar(&c.queues, "queue", []string{"default"}, "")
	c.flags.StringArrayVar(&c.exec, "exec", nil, "")
	c.flags.BoolVar(&c.passive, "passive", false, "")
	return c
}

// apply parses the arguments, with the file in a configuration file when there is one.
func (c *command) apply(t *testing.T, args []string, env map[string]string, file string) error {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "warrener.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(slices.Clone(args), "--config", path)
	}
	if err := c.flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	source := config.Source{Program: "worker", Getenv: func(name string) string { return env[name] }}
	c.flags.VisitAll(func(f *pflag.Flag) { source.Known = append(source.Known, f) })
	return source.Apply(c.flags)
}

type env = map[string]string

func TestFlagsWinThenEnvironmentThenFileThenDefaults(t *testing.T) {
	t.Parallel()

	const file = "worker: {prefetch: 1}"
	for _, tt := range []struct {
		name string
		args []string
		env  env
		file string
		want int
	}{
		{name: "flag", args: []string{"--prefetch=3"}, env: env{"WARRENER_WORKER_PREFETCH": "2"}, file: file, want: 3},
		{name: "flag with the default's value", args: []string{"--prefetch=7"}, env: env{"WARRENER_WORKER_PREFETCH": "2"}, file: file, want: 7},
		{name: "environment", env: env{"WARRENER_WORKER_PREFETCH": "2"}, file: file, want: 2},
		{name: "empty variable", env: env{"WARRENER_WORKER_PREFETCH": ""}, file: file, want: 1},
		{name: "variable of another program", env: env{"WARRENER_PRODUCER_PREFETCH": "2", "WARRENER_PREFETCH": "4"}, want: 7},
		{name: "file", file: file, want: 1},
		{name: "file with nothing", file: "worker: {prefetch: }", want: 7},
		{name: "empty file", file: "# nothing yet", want: 7},
		{name: "default", want: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			if err := c.apply(t, tt.args, tt.env, tt.file); err != nil || c.prefetch != tt.want {
				t.Errorf("prefetch %d, %v, want %d", c.prefetch, err, tt.want)
			}
		})
	}
}

func TestBrokerAddressIsTheFirstThatIsThere(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := write("secret", " amqp://file\n")
	all := env{"WARRENER_URL": "amqp://1", "RABBITMQ_URL": "amqp://2", "AMQP_URL": "amqp://3", "CLOUDAMQP_URL": "amqp://4"}
	without := func(names ...string) env {
		left := env{}
		for name, value := range all {
			if !slices.Contains(names, name) {
				left[name] = value
			}
		}
		return left
	}
	for _, tt := range []struct {
		name string
		args []string
		env  env
		file string
		want string
	}{
		{name: "flag", args: []string{"--url=amqp://0"}, env: all, want: "amqp://0"},
		{name: "WARRENER_URL", env: all, file: "url: amqp://5", want: "amqp://1"},
		{name: "RABBITMQ_URL", env: without("WARRENER_URL"), want: "amqp://2"},
		{name: "AMQP_URL", env: without("WARRENER_URL", "RABBITMQ_URL"), want: "amqp://3"},
		{name: "CLOUDAMQP_URL", env: env{"CLOUDAMQP_URL": "amqp://4"}, file: "url: amqp://5", want: "amqp://4"},
		{name: "WARRENER_URL_FILE", env: env{"WARRENER_URL_FILE": secret, "AMQP_URL": "amqp://3"}, want: "amqp://file"},
		{name: "AMQP_URL_FILE", env: env{"AMQP_URL_FILE": secret, "CLOUDAMQP_URL": "amqp://4"}, want: "amqp://file"},
		{name: "file", file: "url: amqp://5", want: "amqp://5"},
		{name: "section of the file", file: "url: amqp://5\nworker: {url: amqp://6}", want: "amqp://6"},
		{name: "default", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			if err := c.apply(t, tt.args, tt.env, tt.file); err != nil {
				t.Fatal(err)
			}
			if got, err := c.broker.Address(); err != nil || got != tt.want {
				t.Errorf("address %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestSecretFileIsReadAtEachDial(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "url")
	c := newCommand()
	for i, content := range []string{"amqp://old", "amqp://new\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := c.apply(t, nil, env{"WARRENER_URL_FILE": path}, ""); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.broker.Address(); err != nil || got != strings.TrimSpace(content) {
			t.Errorf("address %q, %v, want %q", got, err, content)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := c.broker.Address(); err == nil {
		t.Errorf("address %q of a file that is gone, want an error", got)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name         string
		args         []string
		env          env
		file         string
		queues, exec []string
	}{
		{
			name: "flags replace all others", args: []string{"--queue=a,b", "--queue=c", "--exec=x y, z"},
			env: env{"WARRENER_WORKER_QUEUE": "d", "WARRENER_WORKER_EXEC": "e"}, file: "worker: {queue: [f]}",
			queues: []string{"a", "b", "c"}, exec: []string{"x y, z"},
		},
		{
			name:   "variables",
			env:    env{"WARRENER_WORKER_QUEUE": "a=3, b", "WARRENER_WORKER_EXEC": "n=x --list 1,2\n\n  y\n"},
			queues: []string{"a=3", "b"}, exec: []string{"n=x --list 1,2", "y"},
		},
		{
			name:   "file",
			file:   "worker:\n  queue: [a=3, b]\n  exec:\n  - n=x --list 1,2\n",
			queues: []string{"a=3", "b"}, exec: []string{"n=x --list 1,2"},
		},
		{name: "one value in the file", file: "worker: {queue: a, exec: x}", queues: []string{"a"}, exec: []string{"x"}},
		{
			name:   "alias in the file",
			file:   "worker:\n  exec: [&x run]\n  queue: [*x]\n",
			queues: []string{"run"}, exec: []string{"run"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			if err := c.apply(t, tt.args, tt.env, tt.file); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(c.queues, tt.queues) || !slices.Equal(c.exec, tt.exec) {
				t.Errorf("queues %q and exec %q, want %q and %q", c.queues, c.exec, tt.queues, tt.exec)
			}
		})
	}
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name string
		env  env
		file string
		want string
	}{
		{name: "variable", env: env{"WARRENER_WORKER_PREFETCH": "many"}, want: `variable WARRENER_WORKER_PREFETCH: "many"`},
		{name: "variable and its file", env: env{"AMQP_URL": "a", "AMQP_URL_FILE": "b"}, want: "AMQP_URL and AMQP_URL_FILE are both set"},
		{name: "file of a secret", env: env{"AMQP_URL_FILE": "/nowhere"}, want: "open /nowhere"},
		{name: "no such file", env: env{"WARRENER_CONFIG": "/nowhere.yaml"}, want: "open /nowhere.yaml"},
		{name: "value", file: "log-level: info\nworker:\n  prefetch: many", want: `warrener.yaml:3: prefetch: "many"`},
		{name: "list for a value", file: "worker: {prefetch: [1, 2]}", want: "warrener.yaml:1: prefetch: want one value, not 2"},
		{name: "mapping for a value", file: "worker: {prefetch: {a: b}}", want: "warrener.yaml:1: prefetch wants a value or a list"},
		{name: "unknown key on top", file: "# a\nlog-lvl: info", want: `warrener.yaml:2: unknown key "log-lvl"`},
		{name: "unknown key in the section", file: "worker:\n  prefetsch: 1", want: `warrener.yaml:2: unknown key "prefetsch"`},
		{name: "key of a program on top", file: "prefetch: 1", want: "warrener.yaml:1: prefetch belongs into the section worker"},
		{name: "config within", file: "config: other.yaml", want: `warrener.yaml:1: unknown key "config"`},
		{name: "section with a value", file: "worker: 1", want: "warrener.yaml:1: worker is a section"},
		{name: "no mapping", file: "- a", want: "warrener.yaml:1: want a mapping"},
		{name: "no YAML", file: "a: [", want: "warrener.yaml: yaml: line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newCommand().apply(t, nil, tt.env, tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestSectionsOfOtherProgramsAreTheirs(t *testing.T) {
	t.Parallel()

	if err := newCommand().apply(t, nil, nil, "producer: {anything: 1}\nwarrener: {else: 2}\nworker:\n"); err != nil {
		t.Error(err)
	}
}

func TestHelpNamesVariablesAndNoPassword(t *testing.T) {
	t.Parallel()

	c := newCommand()
	config.Describe(c.flags, "worker")
	help := strings.Join(strings.Fields(c.flags.FlagUsages()), " ")
	for _, want := range []string{
		"[$WARRENER_URL, $RABBITMQ_URL, $AMQP_URL, $CLOUDAMQP_URL; with _FILE",
		"[$WARRENER_LOG_LEVEL]", "[$NO_COLOR]", "[$WARRENER_CONFIG]", "[$WARRENER_WORKER_PREFETCH] (default 7)", "[$WARRENER_WORKER_QUEUE]",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("help lacks %q:\n%s", want, help)
		}
	}
	if strings.Contains(help, "guest:guest") {
		t.Errorf("help shows the default password:\n%s", help)
	}
}

func TestPasswordOnTheCommandLineWarns(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name string
		args []string
		env  env
		file string
		want bool
	}{
		{name: "flag", args: []string{"--url=amqp://ann:CANARY@h/"}, want: true},
		{name: "flag that nobody can parse", args: []string{"--url=amqp://ann:CANARY%zz@h/"}, want: true},
		{name: "flag of several hosts", args: []string{"--url=amqp://h/,amqp://ann:CANARY@i/"}, want: true},
		{name: "flag without a password", args: []string{"--url=amqp://ann@h:5672/"}},
		{name: "variable", env: env{"AMQP_URL": "amqp://ann:CANARY@h/"}},
		{name: "file", file: "url: amqp://ann:CANARY@h/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			if err := c.apply(t, tt.args, tt.env, tt.file); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			c.broker.Warn(c.shared.Logger(&out, false))
			if got := out.Len() > 0; got != tt.want {
				t.Errorf("warned: %t, want %t: %s", got, tt.want, out.String())
			}
			shown := out.String() + fmt.Sprint(c.flags.Lookup("url").Value) + c.flags.FlagUsages()
			if strings.Contains(shown, "CANARY") {
				t.Errorf("the password is shown: %s", shown)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()

	const red = "level=\x1b[31mERROR\x1b[0m msg=\"a level=WARN b\""
	for _, tt := range []struct {
		name     string
		args     []string
		env      env
		terminal bool
		want     string
	}{
		{name: "text", want: `level=ERROR msg="a level=WARN b"`},
		{name: "text on a terminal", terminal: true, want: red},
		{name: "no colour by flag", args: []string{"--no-color"}, terminal: true, want: `level=ERROR msg=`},
		{name: "no colour by variable", env: env{"NO_COLOR": "yes"}, terminal: true, want: `level=ERROR msg=`},
		{name: "json", args: []string{"--log-format=json"}, terminal: true, want: `"level":"ERROR"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCommand()
			if err := c.apply(t, tt.args, tt.env, ""); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			log := c.shared.Logger(&out, tt.terminal)
			log.Debug("not to be seen")
			log.Error("a level=WARN b")
			if !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "not to be seen") {
				t.Errorf("log %q, want %q in it", out.String(), tt.want)
			}
		})
	}
}
