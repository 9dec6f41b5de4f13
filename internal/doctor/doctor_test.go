package doctor_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/doctor"
	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/topology"
)

// expected is what the facts below are held against.
func expected() doctor.Want {
	return doctor.Want{
		Role: doctor.Worker, Queues: []topology.WorkQueue{{Name: "emails"}},
		TaskTimeout: 10 * time.Minute, MaxDelay: 10 * time.Second, // levels 0 to 6
	}
}

// healthy is a broker where all is well, as the topology has it and the API shows it.
func healthy() *doctor.Facts {
	f := &doctor.Facts{
		Host:    queue.Host{Addr: "rabbit.example:5671", User: "ann", Vhost: "/", TLS: true},
		Version: "4.3.6", Tried: 7, API: true,
		Exchanges: map[string]doctor.Exchange{}, Queues: map[string]doctor.Queue{},
	}
	for _, o := range []topology.Objects{topology.Work(topology.WorkQueue{Name: "emails"}), topology.DelayLevels(6)} {
		for _, x := range o.Exchanges {
			f.Exchanges[x.Name] = doctor.Exchange{Kind: x.Kind}
		}
		for _, b := range o.Bindings {
			x := f.Exchanges[b.Exchange]
			have := management.Binding{Source: b.Exchange, Target: b.Queue, Kind: "queue", Key: b.Key}
			if b.ToExchange != "" {
				have.Target, have.Kind = b.ToExchange, "exchange"
			}
			x.Bindings = append(x.Bindings, have)
			f.Exchanges[b.Exchange] = x
		}
		for _, q := range o.Queues {
			arguments := map[string]any{}
			for name, value := range q.Args {
				if n, ok := value.(int64); ok {
					value = float64(n) // as JSON has it
				}
				arguments[name] = value
			}
			f.Queues[q.Name] = doctor.Queue{API: &management.Queue{
				Name: q.Name, Type: "quorum", Arguments: arguments, Definition: map[string]any{},
				Members: []string{"a", "b", "c"}, Online: []string{"a", "b", "c"}, DeadLettering: new(int),
			}}
		}
	}
	return f
}

func TestHealthyBrokerHasNothingToMend(t *testing.T) {
	t.Parallel()
	for _, f := range doctor.Examine(expected(), healthy()) {
		if f.Severity != doctor.OK || f.Fix != "" || f.Found == "" {
			t.Errorf("%+v", f)
		}
	}
}

// breaks is a change of the facts, or of what is wanted, and the one finding that it leads to.
type breaks struct {
	name   string
	change func(*doctor.Want, *doctor.Facts)
	finds  doctor.Finding // its texts are parts of the ones found
}

func found(check string, severity doctor.Severity, object, what, fix string) doctor.Finding {
	return doctor.Finding{Check: check, Severity: severity, Object: object, Found: what, Fix: fix}
}

// with changes one queue.
func with(name string, change func(*doctor.Queue)) func(*doctor.Want, *doctor.Facts) {
	return func(_ *doctor.Want, f *doctor.Facts) {
		q := f.Queues[name]
		change(&q)
		f.Queues[name] = q
	}
}

// policy gives one queue a policy.
func policy(name, key string, value any) func(*doctor.Want, *doctor.Facts) {
	return with(name, func(q *doctor.Queue) { q.API.Policy, q.API.Definition[key] = "p", value })
}

func exchange(name string, change func(*doctor.Exchange)) func(*doctor.Want, *doctor.Facts) {
	return func(_ *doctor.Want, f *doctor.Facts) {
		x := f.Exchanges[name]
		change(&x)
		f.Exchanges[name] = x
	}
}

func onBroker() []breaks {
	return []breaks{
		{"an old broker", func(_ *doctor.Want, f *doctor.Facts) { f.Version = "3.9.29" },
			found("version", doctor.Mismatch, "", "too old", "upgrade")},
		{"no version", func(_ *doctor.Want, f *doctor.Facts) { f.Version = "" },
			found("version", doctor.Unchecked, "", "is it RabbitMQ", "")},
		{"not encrypted", func(_ *doctor.Want, f *doctor.Facts) { f.Host.TLS = false },
			found("security", doctor.Warning, "", "not encrypted", "amqps")},
		{"guest", func(_ *doctor.Want, f *doctor.Facts) { f.Host.User = "guest" },
			found("security", doctor.Warning, "user guest", "everybody", "delete_user guest")},
		{"no permission", func(_ *doctor.Want, f *doctor.Facts) {
			f.Refused = []doctor.Refusal{{Doing: "consume from queue emails", Reason: "access refused"}}
		}, found("permission", doctor.Mismatch, "user ann", "a worker has to consume from queue emails",
			`set_permissions -p '/' 'ann' '^(emails|emails\.dead|emails\.paused|warrener\..*)$'`)},
		{"an alarm", func(_ *doctor.Want, f *doctor.Facts) { f.Blocked = "low on memory" },
			found("alarm", doctor.Warning, "", "low on memory", "alarms")},
		{"a clock ahead", func(_ *doctor.Want, f *doctor.Facts) { f.Skew = time.Minute },
			found("clock", doctor.Warning, "", "1m0s ahead of", "NTP")},
		{"a clock behind", func(_ *doctor.Want, f *doctor.Facts) { f.Skew = -6 * time.Second },
			found("clock", doctor.Warning, "", "6s behind", "NTP")},
	}
}

func onTopology() []breaks {
	missing := func(q *doctor.Queue) { q.Missing, q.API = true, nil }
	return []breaks{
		{"no dead-letter queue", with("emails.dead", missing),
			found("queue", doctor.Mismatch, "queue emails.dead", "does not exist", "start a worker")},
		{"other arguments", with("emails", func(q *doctor.Queue) {
			q.Differs = []*queue.MismatchError{{Kind: "queue", Name: "emails", Argument: "x-queue-type", Want: "quorum", Have: "classic"}}
		}), found("queue", doctor.Mismatch, "queue emails", "x-queue-type classic, not quorum", "--queue-type classic")},
		{"other arguments, for a passive worker", func(w *doctor.Want, f *doctor.Facts) {
			w.Passive = true
			with("emails", func(q *doctor.Queue) {
				q.Differs = []*queue.MismatchError{{Kind: "queue", Argument: "x-max-length", Want: "none", Have: "5"}}
			})(w, f)
		}, found("queue", doctor.Warning, "queue emails", "x-max-length 5, not none", "")},
		{"not compared", with("emails", func(q *doctor.Queue) { q.Uncompared = "may not" }),
			found("queue", doctor.Unchecked, "queue emails", "not compared: may not", "--management-url")},
		{"no exchange", exchange(topology.Unrouted, func(x *doctor.Exchange) { x.Missing = true }),
			found("exchange", doctor.Mismatch, "exchange warrener.unrouted", "does not exist", "")},
		{"no binding", exchange(topology.WorkExchange, func(x *doctor.Exchange) { x.Bindings = nil }),
			found("binding", doctor.Mismatch, "exchange warrener.work", `does not lead to queue emails (routing key "emails")`, "")},
		{"a level missing within", with("warrener.delay.03", missing),
			found("delay-level", doctor.Mismatch, "queue warrener.delay.03", "does not exist", "")},
		{"no delivery limit before 4.0", func(w *doctor.Want, f *doctor.Facts) {
			f.Version = "3.13.1"
			delete(f.Queues["emails"].API.Arguments, "x-delivery-limit")
		}, found("delivery-limit", doctor.Warning, "queue emails", "no delivery limit", "20")},
		{"a delivery limit that is low", policy("emails", "delivery-limit", 1.0),
			found("delivery-limit", doctor.Warning, "queue emails", "is 1 by policy p", "raise")},
		{"a delivery limit for dead letters", policy("emails.dead", "delivery-limit", 20.0),
			found("delivery-limit", doctor.Mismatch, "queue emails.dead", "is 20 by policy p", "take delivery-limit out")},
		{"a classic queue", with("emails", func(q *doctor.Queue) { q.API.Type = "classic" }),
			found("delivery-limit", doctor.Warning, "queue emails", "knows no delivery limit", "")},
	}
}

func onQueues() []breaks {
	return []breaks{
		{"dead letters to nowhere", exchange(topology.DeadExchange, func(x *doctor.Exchange) { x.Bindings = x.Bindings[:0:0] }),
			found("dead-letter-route", doctor.Mismatch, "queue emails",
				`exchange "warrener.dead" with routing key "emails", which leads to no queue`, "")},
		{"no dead-letter exchange", with("emails", func(q *doctor.Queue) { delete(q.API.Arguments, "x-dead-letter-exchange") }),
			found("dead-letter-route", doctor.Mismatch, "queue emails", "no dead-letter exchange", "")},
		{"dead letters to the default exchange", with("emails", func(q *doctor.Queue) {
			q.API.Arguments["x-dead-letter-exchange"], q.API.Arguments["x-dead-letter-routing-key"] = "", "graves"
		}), found("dead-letter-route", doctor.Mismatch, "queue emails", `queue "graves"`, "")},
		{"dead letters expire", policy("emails.dead", "message-ttl", 1000.0),
			found("policy", doctor.Mismatch, "queue emails.dead", "policy p (message-ttl)", "list_policies")},
		{"a queue that goes", policy(topology.Unrouted, "expires", 1000.0),
			found("policy", doctor.Mismatch, "queue warrener.unrouted", "deletes itself", "")},
		{"tasks expire", policy("emails", "message-ttl", 1000.0), found("policy", doctor.Warning, "queue emails", "wait too long", "")},
		{"a shorter delay", policy("warrener.delay.05", "message-ttl", 1000.0),
			found("policy", doctor.Mismatch, "queue warrener.delay.05", "message-ttl", "")},
		{"the oldest are dropped", with("emails", func(q *doctor.Queue) {
			q.API.Arguments["x-overflow"], q.API.Definition["max-length"] = "drop-head", 5.0
		}), found("policy", doctor.Mismatch, "queue emails", "drops its oldest", "reject-publish")},
		{"a replica is offline", with("emails", func(q *doctor.Queue) { q.API.Online = []string{"a", "c"} }),
			found("replicas", doctor.Warning, "queue emails", "offline: b", "")},
		{"no majority", with("emails.dead", func(q *doctor.Queue) { q.API.Online = []string{"a"} }),
			found("replicas", doctor.Mismatch, "queue emails.dead", "1 of 3", "start b, c")},
		{"a short consumer timeout", policy("emails", "consumer-timeout", 600_000.0),
			found("consumer-timeout", doctor.Mismatch, "queue emails",
				"10m0s, and a task may take 10m0s", `'^emails$' '{"consumer-timeout": 1200000}'`)},
		{"tasks without a timeout", func(w *doctor.Want, _ *doctor.Facts) { w.TaskTimeout = 0 },
			found("consumer-timeout", doctor.Warning, "queue emails", "for ever", "--timeout-task")},
		{"retained", with("emails", func(q *doctor.Queue) { *q.API.DeadLettering = 3 }),
			found("retained", doctor.Warning, "queue emails", "3 dead letters are retained", "")},
		{"a level that does not move", with("warrener.delay.02", func(q *doctor.Queue) { *q.API.DeadLettering = 4 }),
			found("retained", doctor.Warning, "queue warrener.delay.02", "4 delayed tasks are past their time", "")},
		{"unrouted", with(topology.Unrouted, func(q *doctor.Queue) { q.Counts.Messages = 2 }),
			found("parked", doctor.Warning, "queue warrener.unrouted", "2 delayed tasks found their queue gone", "warrener-queue")},
		{"not counted", with("emails.dead", func(q *doctor.Queue) { q.Uncounted = "may not" }),
			found("parked", doctor.Unchecked, "queue emails.dead", "not counted: may not", "")},
		{"dead letters", with("emails.dead", func(q *doctor.Queue) { q.Counts.Messages = 2 }),
			found("parked", doctor.Warning, "queue emails.dead", "2 dead letters", "warrener-reason")},
	}
}

// Each thing that is wrong is found, by its check and no other.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range slices.Concat(onBroker(), onTopology(), onQueues()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want, facts := expected(), healthy()
			tt.change(&want, facts)
			hit := false
			for _, f := range doctor.Examine(want, facts) {
				fits := f.Check == tt.finds.Check && f.Severity == tt.finds.Severity && f.Object == tt.finds.Object &&
					strings.Contains(f.Found, tt.finds.Found) && strings.Contains(f.Fix, tt.finds.Fix)
				hit = hit || fits
				if !fits && f.Severity != doctor.OK && !follows(tt.name, f) {
					t.Errorf("also found: %+v", f)
				}
			}
			if !hit {
				t.Errorf("not found: %+v\nin %+v", tt.finds, doctor.Examine(want, facts))
			}
		})
	}
}

// follows says that one fault leads to another finding, too.
func follows(name string, f doctor.Finding) bool {
	switch name {
	case "dead letters to nowhere":
		return f.Check == "binding"
	case "no exchange":
		return f.Check == "binding"
	}
	return false
}

// A check that cannot be made without the API says so.
func TestNothingIsPassedOverInSilence(t *testing.T) {
	t.Parallel()
	facts := healthy()
	facts.API, facts.NoAPI = false, "asked nobody"
	for name, q := range facts.Queues {
		q.API = nil
		facts.Queues[name] = q
	}
	got := map[string]bool{}
	for _, f := range doctor.Examine(expected(), facts) {
		if f.Severity == doctor.Unchecked && strings.Contains(f.Found, "asked nobody") && strings.Contains(f.Fix, "--management-url") {
			got[f.Check] = true
		}
	}
	for _, check := range []string{"binding", "delivery-limit", "dead-letter-route", "policy",
		"replicas", "consumer-timeout", "retained", "clock"} {
		if !got[check] {
			t.Errorf("%s says nothing", check)
		}
	}
}

// The broker itself tells the argument, when it refuses a worker's declaration for it.
func TestConsumerTimeoutWithoutAPI(t *testing.T) {
	t.Parallel()
	facts := healthy()
	facts.API = false
	facts.Queues["emails"] = doctor.Queue{Object: doctor.Object{Differs: []*queue.MismatchError{
		{Kind: "queue", Name: "emails", Argument: "x-consumer-timeout", Want: "none", Have: "5000"},
	}}}
	if !slices.ContainsFunc(doctor.Examine(expected(), facts), func(f doctor.Finding) bool {
		return f.Check == "consumer-timeout" && f.Severity == doctor.Mismatch && strings.Contains(f.Found, "is 5s")
	}) {
		t.Error("not found")
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	for want, list := range map[doctor.Severity][]doctor.Severity{
		doctor.OK: {doctor.OK}, doctor.Unchecked: {doctor.OK, doctor.Unchecked}, doctor.Warning: {doctor.Warning, doctor.Unchecked},
		doctor.Mismatch: {doctor.OK, doctor.Mismatch, doctor.Warning},
	} {
		var findings []doctor.Finding
		for _, s := range list {
			findings = append(findings, doctor.Finding{Severity: s})
		}
		if got := doctor.Worst(findings); got != want {
			t.Errorf("%v: got %s", list, got)
		}
	}
}

// The page for users has a row for each check.
func TestPageListsEachCheck(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range doctor.Examine(expected(), healthy()) {
		if !strings.Contains(string(page), "`"+f.Check+"` |") && !strings.Contains(string(page), "| `"+f.Check+"`, ") {
			t.Errorf("docs/doctor.md says nothing of %s", f.Check)
		}
	}
}

// Dead letters may go through exchanges of others, of any kind.
func TestRoutesOfOtherExchanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, pattern, key string
		leads              bool
	}{
		{"direct", "a.b", "a.b", true},
		{"direct", "a.*", "a.b", false},
		{"fanout", "x", "a.b", true},
		{"headers", "", "a.b", true},
		{"topic", "a.*", "a.b", true},
		{"topic", "a.*", "a.b.c", false},
		{"topic", "a.*", "a", false},
		{"topic", "#", "a.b.c", true},
		{"topic", "a.#", "a", true},
		{"topic", "#.c", "a.b.c", true},
		{"topic", "a.#.c", "a.b.b.d", false},
	} {
		facts := healthy()
		arguments := facts.Queues["emails"].API.Arguments
		arguments["x-dead-letter-exchange"], arguments["x-dead-letter-routing-key"] = "graves", tt.key
		facts.Exchanges["graves"] = doctor.Exchange{Kind: tt.kind,
			Bindings: []management.Binding{{Target: "q", Kind: "queue", Key: tt.pattern}}}
		if got := doctor.Worst(doctor.Examine(expected(), facts)) == doctor.OK; got != tt.leads {
			t.Errorf("%+v: leads to a queue: %t", tt, got)
		}
	}
}
