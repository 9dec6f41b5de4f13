package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// patient is a broker with queue "emails" and all that belongs to it, and somebody's permissions on it.
type patient struct {
	t     *testing.T
	url   string // of an administrator
	vhost string
	api   string // of the management API
	users int    // made so far
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{t: t, url: rabbittest.Vhost(t), api: rabbittest.Shared(t).ManagementURL}
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	p.vhost = strings.TrimPrefix(u.Path, "/")
	dial(t, p.url, "emails")
	return p
}

// call uses the management API; in a path {vhost} stands for the patient's.
func (p *patient) call(call string, in, out any) {
	p.t.Helper()
	call = strings.ReplaceAll(call, "{vhost}", url.PathEscape(p.vhost))
	if err := rabbittest.Shared(p.t).API(p.t.Context(), call, in, out); err != nil {
		p.t.Fatal(err)
	}
}

// as returns the address for a user with these permissions.
func (p *patient) as(configure, write, read string) string {
	p.t.Helper()
	p.users++
	name := fmt.Sprintf("%s-%d", p.vhost, p.users)
	p.call("PUT /api/users/"+name, map[string]string{"password": "secret", "tags": ""}, nil)
	p.t.Cleanup(func() {
		if err := rabbittest.Shared(p.t).API(context.WithoutCancel(p.t.Context()), "DELETE /api/users/"+name, nil, nil); err != nil {
			p.t.Error(err)
		}
	})
	p.call("PUT /api/permissions/{vhost}/"+name, map[string]string{"configure": configure, "write": write, "read": read}, nil)
	u, err := url.Parse(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	u.User = url.UserPassword(name, "secret")
	return u.String()
}

// finding is one of warrener doctor -o jsonl.
type finding struct{ Check, Object, Severity, Found, Fix string }

func (f finding) String() string {
	return fmt.Sprintf("%s %s %s: %s (%s)", f.Severity, f.Check, f.Object, f.Found, f.Fix)
}

// doctor runs the command and returns its exit code and what it found.
func (p *patient) doctor(address string, args ...string) (int, []finding) {
	p.t.Helper()
	run := call{
		program: built(p.t, "warrener"), args: append([]string{"doctor", "-q", "emails", "-o", "jsonl"}, args...),
		env: []string{"WARRENER_URL=" + address},
	}.run(p.t)
	var findings []finding
	for line := range strings.Lines(run.stdout.String()) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		findings = append(findings, f)
	}
	return run.code(), findings
}

// worse are the findings of some severities.
func worse(findings []finding, severities ...string) []finding {
	var list []finding
	for _, f := range findings {
		for _, s := range severities {
			if f.Severity == s {
				list = append(list, f)
			}
		}
	}
	return list
}

// finds waits until doctor with the management API ends with a code and the findings that are not ok are those, each by its
// check, its object and a part of its text. The API counts every five seconds.
func (p *patient) finds(code int, want []finding, args ...string) {
	p.t.Helper()
	rabbittest.Eventually(p.t, 30*time.Second, func() (bool, string) {
		got, findings := p.doctor(p.url, append(args, "--management-url", p.api)...)
		bad := worse(findings, "unchecked", "warning", "mismatch")
		if got != code || len(bad) != len(want) {
			return false, fmt.Sprintf("exit code %d, %v", got, bad)
		}
		for i, f := range bad {
			w := want[i]
			if f.Check != w.Check || f.Severity != w.Severity || f.Object != w.Object ||
				!strings.Contains(f.Found, w.Found) || f.Fix == "" {
				return false, fmt.Sprintf("found %s, not %s", f, w)
			}
		}
		return true, ""
	})
}

func TestDoctorFindsNothingOnABrokerThatIsWell(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for _, role := range []string{"producer", "worker", "operator"} {
		p.finds(0, nil, "--role", role)
	}
	table := call{program: built(t, "warrener"), args: []string{"doctor", "-q", "emails"}, env: []string{
		"WARRENER_URL=" + p.url, "RABBITMQ_MANAGEMENT_URL=" + p.api,
	}}.run(t)
	ends(t, table, 0, "^$")
	if out := table.stdout.String(); !strings.HasPrefix(out, "ok  version") || strings.Contains(out, "not checked") {
		t.Errorf("the table: %s", out)
	}
	for _, format := range []string{"json", "jsonl"} {
		list := call{program: built(t, "warrener"), args: []string{"doctor", "-o", format, "-q", "emails"},
			env: []string{"WARRENER_URL=" + p.url}}.run(t)
		if !json.Valid([]byte(strings.Split(list.stdout.String(), "\n{")[0])) || list.code() != 0 {
			t.Errorf("%s: %s", format, list.stdout.String())
		}
	}
}

// Whatever doctor tries, nothing comes of it.
func TestDoctorChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	ch := channel(t, p.url)
	send(t, ch, "emails", amqp.Publishing{MessageId: "1"})
	definitions := func() string {
		var all map[string]any
		p.call("GET /api/definitions/{vhost}", nil, &all)
		text, err := json.Marshal([]any{all["queues"], all["exchanges"], all["bindings"]})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := definitions()
	for _, role := range []string{"producer", "worker", "operator"} {
		// images and most delay levels do not exist
		p.doctor(p.url, "--role", role, "-q", "images", "--max-delay", "100000h", "--management-url", p.api)
	}
	if after := definitions(); after != before {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	if d := take(t, ch, "emails", 1)[0]; d.MessageId != "1" || d.Redelivered {
		t.Errorf("the task was touched: %+v", d)
	}
}

func TestDoctorFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	ch := channel(t, p.url)
	if _, err := ch.QueueDelete("emails.dead", false, false, false); err != nil {
		t.Fatal(err)
	}
	gone := []finding{
		{"queue", "queue emails.dead", "mismatch", "does not exist", ""},
		{"binding", "exchange warrener.dead", "mismatch", "does not lead to queue emails.dead", ""},
		{"dead-letter-route", "queue emails", "mismatch", `routing key "emails", which leads to no queue`, ""},
	}
	p.finds(78, gone)

	// without the API it still sees that the queue is gone
	code, findings := p.doctor(p.url)
	if bad := worse(findings, "mismatch"); code != 78 || len(bad) != 1 || bad[0].Object != "queue emails.dead" {
		t.Errorf("exit code %d: %v", code, bad)
	}
	if unchecked := worse(findings, "unchecked"); len(unchecked) != 8 {
		t.Errorf("8 checks need the API, and say so: %v", unchecked)
	}
	run := call{program: built(t, "warrener"), args: []string{"doctor", "-q", "emails"},
		env: []string{"WARRENER_URL=" + p.url}}.run(t)
	if out := run.stdout.String(); run.code() != 78 || !strings.Contains(out, "queue emails.dead: does not exist\n") ||
		!strings.Contains(run.stderr.String(), "1 findings are mismatches") {
		t.Errorf("exit code %d: %s%s", run.code(), out, run.stderr.String())
	}

	dial(t, p.url, "emails") // mends it
	p.finds(0, nil)
	if err := ch.QueueUnbind("emails", "emails", "warrener.work", nil); err != nil {
		t.Fatal(err)
	}
	p.finds(78, []finding{{"binding", "exchange warrener.work", "mismatch", "does not lead to queue emails", ""}})
}

func TestDoctorFindsOtherArguments(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.finds(78, []finding{
		{"queue", "queue emails", "mismatch", "x-queue-type quorum, not classic", ""},
		{"queue", "queue emails.paused", "mismatch", "x-queue-type quorum, not classic", ""},
	}, "--queue-type", "classic")

	ch := channel(t, p.url)
	if _, err := ch.QueueDelete("emails", false, false, false); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("emails", true, false, false, false,
		amqp.Table{"x-queue-type": "classic", "x-max-length": 5}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct{ key, exchange string }{{"emails", "warrener.work"}, {strings.Repeat("*.", 32) + "emails", "warrener.delay.delivery"}} {
		if err := ch.QueueBind("emails", b.key, b.exchange, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	p.finds(78, []finding{
		{"queue", "queue emails", "mismatch", "x-max-length 5, not none; x-overflow none, not reject-publish; x-queue-type classic, not quorum", ""},
		{"delivery-limit", "queue emails", "warning", "knows no delivery limit", ""},
		{"dead-letter-route", "queue emails", "mismatch", "has no dead-letter exchange", ""},
	})
}

func TestDoctorFindsPoliciesThatLoseMessages(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.call("PUT /api/policies/{vhost}/short", map[string]any{
		"pattern": `\.dead$`, "apply-to": "queues", "definition": map[string]any{"message-ttl": 60_000, "expires": 120_000},
	}, nil)
	p.finds(78, []finding{
		{"policy", "queue emails.dead", "mismatch", "policy short (expires)", ""},
		{"policy", "queue emails.dead", "mismatch", "policy short (message-ttl)", ""},
	})
}

func TestDoctorFindsWhatIsParked(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	ch := channel(t, p.url)
	send(t, ch, "emails.dead", amqp.Publishing{})
	send(t, ch, "warrener.unrouted", amqp.Publishing{})
	p.finds(0, []finding{
		{"parked", "queue warrener.unrouted", "warning", "1 delayed tasks found their queue gone", ""},
		{"parked", "queue emails.dead", "warning", "1 dead letters wait", ""},
	})
}

// Dead letters whose exchange is gone are kept by the queue, and no count of messages shows them.
func TestDoctorFindsRetainedDeadLetters(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	ch := channel(t, p.url)
	if err := ch.QueueUnbind("emails.dead", "emails", "warrener.dead", nil); err != nil {
		t.Fatal(err)
	}
	send(t, ch, "emails", amqp.Publishing{})
	d, ok, err := ch.Get("emails", false)
	if err == nil && ok {
		err = d.Reject(false)
	}
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	p.finds(78, []finding{
		{"binding", "exchange warrener.dead", "mismatch", "does not lead to queue emails.dead", ""},
		{"dead-letter-route", "queue emails", "mismatch", "leads to no queue", ""},
		{"retained", "queue emails", "warning", "1 dead letters are retained", ""},
	})
}

// Each role has what it needs and no more, and doctor says how to give it.
func TestDoctorKnowsThePermissionsOfEachRole(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	const ours = `warrener\..*`
	for _, tt := range []struct {
		args                   []string
		configure, write, read string
	}{
		{[]string{"--role", "producer"}, "^(" + ours + ")$", "^(emails|" + ours + ")$", "^(" + ours + ")$"},
		{[]string{"--role", "worker"}, `^(emails|emails\.dead|emails\.paused|` + ours + `)$`, `^(emails|emails\.dead|emails\.paused|` + ours + `)$`,
			`^(emails|emails\.dead|emails\.paused|` + ours + `)$`},
		{[]string{"--role", "producer", "--passive"}, "^$", `^warrener\.(work|delay\.[0-9]+)$`, "^$"},
		{[]string{"--role", "worker", "--passive"}, "^$", `^(warrener\.(work|dead|delay\.[0-9]+)|emails\.paused)$`, "^(emails)$"},
		{[]string{"--role", "operator", "--passive"}, "^$", `^warrener\.(work|paused)$`, `^(emails|emails\.dead|emails\.paused|warrener\.unrouted)$`},
	} {
		_, findings := p.doctor(p.as("^$", "^$", "^$"), append(tt.args, "--max-delay", "0")...)
		refused := worse(findings, "mismatch")
		if len(refused) == 0 {
			t.Fatalf("%v: nothing is refused", tt.args)
		}
		grant := fmt.Sprintf("'%s' '%s' '%s'", tt.configure, tt.write, tt.read)
		for _, f := range refused {
			if f.Check != "permission" || !strings.Contains(f.Fix, grant) {
				t.Errorf("%v: %s; want %s", tt.args, f, grant)
			}
		}
		code, findings := p.doctor(p.as(tt.configure, tt.write, tt.read), append(tt.args, "--max-delay", "0")...)
		if bad := worse(findings, "mismatch"); code != 0 || len(bad) > 0 {
			t.Errorf("%v: with these permissions: exit code %d, %v", tt.args, code, bad)
		}
		if unchecked := fmt.Sprint(worse(findings, "unchecked")); strings.Contains(unchecked, "emails.dead: messages not counted") !=
			(tt.configure == "^$" && tt.args[1] != "operator" && since(t, 4, 3)) && tt.args[1] != "producer" {
			t.Errorf("%v: what cannot be counted: %s", tt.args, unchecked)
		}
		// any one of the three taken away is missed, where the role has it
		for i := range 3 {
			granted := []string{tt.configure, tt.write, tt.read}
			if granted[i] == "^$" {
				continue
			}
			granted[i] = "^$"
			code, findings := p.doctor(p.as(granted[0], granted[1], granted[2]), append(tt.args, "--max-delay", "0")...)
			if code != 78 || len(worse(findings, "mismatch")) == 0 {
				t.Errorf("%v with %q: exit code %d", tt.args, granted, code)
			}
		}
	}
}

// A worker that may not ask for a pause does not notice one. Before RabbitMQ 4.3 everybody may.
func TestDoctorMissesThePermissionToSeeAPause(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	address := p.as("^$", `^warrener\.(work|dead|delay\.[0-9]+)$`, "^emails$")
	code, findings := p.doctor(address, "--role", "worker", "--passive", "--max-delay", "0")
	refused := worse(findings, "mismatch")
	if !since(t, 4, 3) {
		if code != 0 || len(refused) != 0 {
			t.Errorf("exit code %d, %v", code, refused)
		}
		return
	}
	if code != 78 || len(refused) != 1 || !strings.Contains(refused[0].Found, "ask whether queue emails is paused") {
		t.Errorf("exit code %d, %v", code, refused)
	}
}

func TestDoctorWithoutABroker(t *testing.T) {
	t.Parallel()
	run := func(env ...string) *process {
		return call{program: built(t, "warrener"), args: []string{"doctor", "--connect-timeout", "300ms"}, env: env}.run(t)
	}
	ends(t, run("WARRENER_URL="+nobody), 69, "connection refused.*Is RabbitMQ running")
	p := newPatient(t)
	ends(t, run("WARRENER_URL="+p.url+"nonesuch"), 77, "access refused.*Check user, password and virtual host")
	for sentence, args := range map[string][]string{
		`--role "boss"`:      {"--role", "boss"},
		`--output "xml"`:     {"-o", "xml"},
		`--queue: .*amq\.`:   {"-q", "amq.x"},
		`--task-timeout`:     {"--task-timeout", "-1s"},
		`--max-delay`:        {"--max-delay", "-1s"},
		`quorum or classic`:  {"--queue-type", "stream"},
		`--management-url: `: {"--management-url", "localhost:15672"},
	} {
		ends(t, call{program: built(t, "warrener"), args: append([]string{"doctor"}, args...),
			env: []string{"WARRENER_URL=" + nobody}}.run(t), 2, sentence)
	}
	// an API that does not answer is no reason not to look
	code, findings := p.doctor(p.url, "--management-url", "http://127.0.0.1:1")
	if unchecked := worse(findings, "unchecked"); code != 0 || len(unchecked) != 8 ||
		!strings.Contains(unchecked[0].Found, "connection refused") {
		t.Errorf("exit code %d: %v", code, unchecked)
	}
}

func TestDoctorUnderAnAlarm(t *testing.T) {
	t.Parallel()
	broker := rabbittest.Private(t)
	dial(t, broker.URL, "emails")
	watermark(t, broker, "absolute", "1MB")
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		run := call{program: built(t, "warrener"), args: []string{"doctor", "-q", "emails"},
			env: []string{"WARRENER_URL=" + broker.URL}}.run(t)
		out := run.stdout.String()
		return run.code() == 0 && strings.Contains(out, "takes nothing from publishers") && strings.Contains(out, "permission to publish not checked"),
			fmt.Sprintf("exit code %d: %s%s", run.code(), out, run.stderr.String())
	})
}
