package check

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/warrener/warrener/internal/topology"
)

var update = flag.Bool("update", false, "write the topology in RabbitMQ's definitions anew")

const definitionsFile = "../rabbitmq/definitions.json"

// definitions is what RabbitMQ imports when it starts. Users and permissions are written by hand, the rest is generated.
type definitions struct {
	Users       []user            `json:"users"`
	Vhosts      []json.RawMessage `json:"vhosts"`
	Permissions []permission      `json:"permissions"`
	Exchanges   []exchange        `json:"exchanges"`
	Queues      []queue           `json:"queues"`
	Bindings    []binding         `json:"bindings"`
}

type user struct {
	Name         string   `json:"name"`
	PasswordHash string   `json:"password_hash"`
	Algorithm    string   `json:"hashing_algorithm"`
	Tags         []string `json:"tags"`
}

type permission struct {
	User      string `json:"user"`
	Vhost     string `json:"vhost"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

type exchange struct {
	Name       string         `json:"name"`
	Vhost      string         `json:"vhost"`
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
}

type queue struct {
	Name       string         `json:"name"`
	Vhost      string         `json:"vhost"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Arguments  map[string]any `json:"arguments"`
}

type binding struct {
	Source          string         `json:"source"`
	Vhost           string         `json:"vhost"`
	Destination     string         `json:"destination"`
	DestinationType string         `json:"destination_type"`
	RoutingKey      string         `json:"routing_key"`
	Arguments       map[string]any `json:"arguments"`
}

// The workers of deploy/ declare nothing, so everything that they and producers may need has to be there, every delay level too.
//
//nolint:paralleltest // the others read what it may write
func TestDefinitionsHaveTheWholeTopology(t *testing.T) {
	got := readDefinitions(t)
	want := got.with(topology.Work(topology.WorkQueue{Name: "default"}), topology.DelayLevels(topology.Levels-1))
	text := want.String()
	if *update {
		if err := os.WriteFile(definitionsFile, []byte(text), 0o644); err != nil { //nolint:gosec // a file for everybody
			t.Fatal(err)
		}
		return
	}
	if content := read(t, definitionsFile); content != text {
		t.Errorf("%s is not what the topology asks for; run `go test . -update`", definitionsFile)
	}
}

// allowed says what a user may do, in RabbitMQ's words: it may or may not configure, write and read a resource of that name.
type allowed struct {
	user, resource         string
	configure, write, read bool
}

func TestUsersMayDoWhatTheyHaveToAndNoMore(t *testing.T) {
	t.Parallel()
	d := readDefinitions(t)
	for _, want := range []allowed{
		{"producer", "warrener.work", false, true, false},
		{"producer", "warrener.delay.07", false, true, false},
		{"producer", "warrener.delay.delivery", false, false, false},
		{"producer", "warrener.dead", false, false, false},
		{"producer", "default", false, false, false},
		{"producer", "warrener.paused", false, false, false},
		{"producer", "amq.default", false, false, false},

		{"worker", "default", false, false, true},
		{"worker", "emails", false, false, true},
		{"worker", "default.dead", false, true, false},   // to ask for its length; to publish there it would have to be an exchange
		{"worker", "default.paused", false, true, false}, // likewise, to ask whether it holds a pause, and neither make nor end one
		{"worker", "warrener.paused", false, false, false},
		{"worker", "warrener.dead", false, true, false},
		{"worker", "warrener.work", false, true, false},
		{"worker", "warrener.delay.31", false, true, false},
		{"worker", "warrener.delay.delivery", false, false, false},
		{"worker", "warrener.unrouted", false, true, false},
		{"worker", "amq.default", false, false, false},

		{"operator", "default.dead", true, true, true},
		{"operator", "warrener.paused", true, true, true},
		{"operator", "default.paused", true, true, true},
		{"monitoring", "default", false, false, false},
		{"monitoring", "warrener.work", false, false, false},
	} {
		p := d.permission(t, want.user)
		got := allowed{want.user, want.resource, matches(t, p.Configure, want.resource), matches(t, p.Write, want.resource), matches(t, p.Read, want.resource)}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

func TestNoUserHasAKnownPassword(t *testing.T) {
	t.Parallel()
	d := readDefinitions(t)
	for _, u := range d.Users {
		if want := "@" + u.Name + "@"; u.PasswordHash != want {
			t.Errorf("user %s has the password hash %q, want the place for one, %q", u.Name, u.PasswordHash, want)
		}
		if u.Name == "guest" {
			t.Error("there is a user guest")
		}
		for _, tag := range u.Tags {
			if tag == "administrator" {
				t.Errorf("user %s is an administrator", u.Name)
			}
		}
	}
}

func readDefinitions(t *testing.T) definitions {
	t.Helper()
	var d definitions
	decoder := json.NewDecoder(strings.NewReader(read(t, definitionsFile)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatalf("%s: %v", definitionsFile, err)
	}
	return d
}

func (d definitions) permission(t *testing.T, user string) permission {
	t.Helper()
	for _, p := range d.Permissions {
		if p.User == user {
			return p
		}
	}
	t.Fatalf("no permissions for user %s", user)
	return permission{}
}

// matches is RabbitMQ's reading of a permission. Go knows no lookahead: what a pattern excludes so is tried by itself.
func matches(t *testing.T, pattern, name string) bool {
	t.Helper()
	if rest, ok := strings.CutPrefix(pattern, "^(?!"); ok {
		excluded, rest, found := strings.Cut(rest, ")")
		if !found {
			t.Fatalf("pattern %q: its lookahead holds no group", pattern)
		}
		if matches(t, "^(?:"+excluded+")", name) {
			return false
		}
		pattern = "^" + rest
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return compiled.MatchString(name)
}

// with has these objects and no others.
func (d definitions) with(parts ...topology.Objects) definitions {
	const vhost = "/"
	d.Exchanges, d.Queues, d.Bindings = nil, nil, nil
	for _, part := range parts {
		for _, x := range part.Exchanges {
			d.Exchanges = append(d.Exchanges, exchange{Name: x.Name, Vhost: vhost, Type: x.Kind, Durable: true, Arguments: arguments(x.Args)})
		}
		for _, q := range part.Queues {
			d.Queues = append(d.Queues, queue{Name: q.Name, Vhost: vhost, Durable: true, Arguments: arguments(q.Args)})
		}
		for _, b := range part.Bindings {
			to := binding{Source: b.Exchange, Vhost: vhost, Destination: b.Queue, DestinationType: "queue", RoutingKey: b.Key, Arguments: arguments(nil)}
			if b.ToExchange != "" {
				to.Destination, to.DestinationType = b.ToExchange, "exchange"
			}
			d.Bindings = append(d.Bindings, to)
		}
	}
	return d
}

func arguments(args map[string]any) map[string]any {
	if args == nil {
		return map[string]any{}
	}
	return args
}

// String is the file: a line for each object.
func (d definitions) String() string {
	var b strings.Builder
	b.WriteString("{\n")
	list(&b, "users", d.Users)
	list(&b, "vhosts", d.Vhosts)
	list(&b, "permissions", d.Permissions)
	list(&b, "exchanges", d.Exchanges)
	list(&b, "queues", d.Queues)
	list(&b, "bindings", d.Bindings)
	return strings.TrimSuffix(b.String(), ",\n") + "\n}\n"
}

func list[T any](b *strings.Builder, name string, objects []T) {
	fmt.Fprintf(b, "  %q: [\n", name)
	for i, o := range objects {
		separator := ","
		if i == len(objects)-1 {
			separator = ""
		}
		fmt.Fprintf(b, "    %s%s\n", compact(o), separator)
	}
	b.WriteString("  ],\n")
}

func compact(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // of our own types
	}
	return strings.TrimSpace(b.String())
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
