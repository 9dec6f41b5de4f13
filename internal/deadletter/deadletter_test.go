package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
)

//nolint:gochecknoglobals // a date, which Go has no constants of
var died = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// dead makes a dead letter.
func dead(id, task, reason string, at time.Time, body string) *queue.Held {
	return &queue.Held{Message: tasks.Message{ID: id, Type: task, Body: []byte(body), Headers: map[string]any{
		"warrener-queue": "emails", "warrener-reason": reason, "warrener-error": "Error of " + id, "warrener-worker": "w",
		"warrener-died-at": at.Format(time.RFC3339), "warrener-attempt": int64(3),
	}}}
}

func fixture() []*queue.Held {
	return []*queue.Held{
		dead("a", "email.send", "exhausted", died, `"Ann"`),
		dead("b", "email.send", "permanent", died.Add(time.Hour), `"Bob"`),
		dead("c", "report", "exhausted", died.Add(2*time.Hour), `"annual"`),
		{Message: tasks.Message{Body: []byte{0xff, 0}, Headers: map[string]any{"x-death": []any{
			map[string]any{"queue": "foreign", "reason": "rejected", "count": int64(1), "time": died},
		}}}},
	}
}

// fakePass goes through messages, and is as strict as a real one about what is acked.
type fakePass struct {
	left  []*queue.Held
	given []*queue.Held
	acked []string
	lost  error // what Ack says
	after func(n int)
}

func (p *fakePass) Next(ctx context.Context) (*queue.Held, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(p.left) == 0 {
		return nil, io.EOF
	}
	h := p.left[0]
	p.left = p.left[1:]
	p.given = append(p.given, h)
	return h, nil
}

func (p *fakePass) Ack(held ...*queue.Held) error {
	if p.lost != nil {
		return p.lost
	}
	for _, h := range held {
		i := slices.Index(p.given, h)
		if i < 0 {
			panic("acked twice, or never given")
		}
		p.given = slices.Delete(p.given, i, i+1)
		p.acked = append(p.acked, h.Message.ID)
	}
	if p.after != nil {
		p.after(len(p.acked))
	}
	return nil
}

// fakePublisher says of each publication what answer does.
type fakePublisher struct {
	answer func(p queue.Publication) error
	sent   []string // exchange, key and id
	bodies []string
	at     []time.Time
}

func (f *fakePublisher) PublishMany(_ context.Context, pubs []queue.Publication) []error {
	errs := make([]error, len(pubs))
	for i, p := range pubs {
		f.sent = append(f.sent, fmt.Sprintf("%s/%s/%s", p.Route.Exchange, p.Route.Key, p.Message.ID))
		f.bodies = append(f.bodies, string(p.Message.Body))
		f.at = append(f.at, time.Now())
		if f.answer != nil {
			errs[i] = f.answer(p)
		}
	}
	return errs
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"everything", Filter{}, "a b c content-f8c90ef9293eaa53"},
		{"ids", Filter{IDs: []string{"c", "a"}}, "a c"},
		{"task", Filter{Tasks: []string{"email.send"}}, "a b"},
		{"reason", Filter{Reasons: []string{"permanent", "rejected"}}, "b content-f8c90ef9293eaa53"},
		{"text in the payload", Filter{Text: "ANN"}, "a c"},
		{"text in the error", Filter{Text: "error of B"}, "b"},
		{"before", Filter{Before: died.Add(time.Minute)}, "a content-f8c90ef9293eaa53"},
		{"after", Filter{After: died}, "b c"},
		{"both", Filter{After: died, Tasks: []string{"report"}}, "c"},
	} {
		var got []string
		seen, err := Look(t.Context(), &fakePass{left: fixture()}, "emails", &tt.filter, func(l *Letter, _ *tasks.Message) error {
			got = append(got, l.ID)
			return nil
		})
		if strings.Join(got, " ") != tt.want || seen != 4 || err != nil {
			t.Errorf("%s: %q of %d, %v, want %q", tt.name, got, seen, err, tt.want)
		}
		if tt.filter.Everything() != (tt.name == "everything") {
			t.Errorf("%s: Everything is %t", tt.name, tt.filter.Everything())
		}
	}
}

func TestReadTellsWhatIsNoTask(t *testing.T) {
	t.Parallel()
	foreign := fixture()[3]
	l := Read(&foreign.Message, "emails")
	if l.Queue != "foreign" || l.Reason != "rejected" || l.Died != died || l.Attempt != 0 || l.Problem == "" {
		t.Errorf("foreign: %+v", l)
	}
	malformed := dead("m", "email.send", "malformed", died, "")
	malformed.Message.Headers["warrener-attempt"] = "3"
	if l := Read(&malformed.Message, "emails"); !strings.Contains(l.Problem, "warrener-attempt") || l.Attempt != 0 || l.Queue != "emails" {
		t.Errorf("malformed: %+v", l)
	}
	if l := Read(&tasks.Message{ID: "x"}, "home"); l.Queue != "home" || l.Reason != Unknown {
		t.Errorf("nothing known: %+v", l)
	}
}

func TestTimelineIsInOrder(t *testing.T) {
	t.Parallel()
	m := dead("a", "email.send", "exhausted", died, "").Message
	m.Timestamp = died.Add(-time.Hour)
	m.Headers["warrener-published-at"] = died.Add(-time.Minute).Format(time.RFC3339)
	m.Headers["x-death"] = []any{map[string]any{"queue": "warrener.delay.00", "reason": "expired", "count": int64(2), "time": died.Add(-2 * time.Minute)}}
	want := []Event{
		{died.Add(-time.Hour), "made by its publisher"},
		{died.Add(-2 * time.Minute), "dead-lettered by the broker from queue warrener.delay.00: expired, 2 times"},
		{died.Add(-time.Minute), "attempt 3 published"},
		{died, "given up by worker w: exhausted"},
	}
	if got := Timeline(&m); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	var g Groups
	for _, h := range append(fixture(), dead("d", "email.send", "exhausted", died.Add(-time.Hour), "")) {
		l := Read(&h.Message, "emails")
		g.Add(&l)
	}
	list := g.List()
	want := Group{Task: "email.send", Reason: "exhausted", Count: 2, Oldest: died.Add(-time.Hour), Newest: died, ID: "a", Error: "Error of a"}
	if g.Total != 5 || len(list) != 4 || list[0] != want {
		t.Errorf("%d in %+v", g.Total, list)
	}
	for i := range 3 * maxGroups {
		g.Add(&Letter{Task: fmt.Sprint(i), Reason: "exhausted"})
	}
	if list := g.List(); len(list) > maxGroups+10 || list[0].Task != Others || g.Total != 5+3*maxGroups {
		t.Errorf("%d groups of %d, the first %+v", len(list), g.Total, list[0])
	}
}

func TestMoveSendsEachToWhereItCameFrom(t *testing.T) {
	t.Parallel()
	pass := &fakePass{left: fixture()}
	publisher := &fakePublisher{answer: func(p queue.Publication) error {
		if p.Route.Key == "foreign" && p.Route.Exchange != "" {
			return queue.ErrUnroutable
		}
		return nil
	}}
	report, err := (&Move{Pass: pass, Publisher: publisher, Home: "emails", Filter: &Filter{}}).Run(t.Context())
	want := "warrener.work/emails/a warrener.work/emails/b warrener.work/emails/c warrener.work/foreign/ /foreign/"
	if got := strings.Join(publisher.sent, " "); got != want || report.Moved != 4 || err != nil || len(pass.given) != 0 {
		t.Errorf("sent %s, want %s; %+v, %v", got, want, report, err)
	}
}

func TestMoveAcksOnlyWhatIsConfirmed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		err     error
		report  Report
		general bool
		acked   string
	}{
		{"unroutable", queue.ErrUnroutable, Report{Moved: 3, Refused: 1, Last: ""}, false, "a c "},
		{"rejected", queue.ErrRejected, Report{Moved: 3, Refused: 1}, false, "a c "},
		{"unknown", queue.ErrUnknownOutcome, Report{Moved: 1, Unknown: 1, Last: "a"}, true, "a"},
		{"blocked", queue.ErrBlocked, Report{Moved: 1, Refused: 1, Last: "a"}, true, "a"},
	} {
		pass := &fakePass{left: fixture()}
		publisher := &fakePublisher{answer: func(p queue.Publication) error {
			if p.Message.ID == "b" {
				return tt.err
			}
			return nil
		}}
		report, err := (&Move{Pass: pass, Publisher: publisher, Home: "emails", Filter: &Filter{}, Window: 2}).Run(t.Context())
		if errors.Is(err, tt.err) != tt.general || !errors.Is(report.Err, tt.err) || strings.Join(pass.acked, " ") != tt.acked {
			t.Errorf("%s: acked %q, %v, %+v", tt.name, pass.acked, err, report)
		}
		if report.Moved != tt.report.Moved || report.Refused != tt.report.Refused || report.Unknown != tt.report.Unknown {
			t.Errorf("%s: %+v, want %+v", tt.name, report, tt.report)
		}
	}
}

func TestMoveStopsBetweenBatches(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("told to")
	pass := &fakePass{left: fixture(), after: func(int) { stop(why) }}
	publisher := &fakePublisher{}
	report, err := (&Move{Pass: pass, Publisher: publisher, Home: "emails", Filter: &Filter{}, Window: 2}).Run(ctx)
	if !errors.Is(err, why) || report.Moved != 2 || report.Last != "b" || len(publisher.sent) != 2 {
		t.Errorf("sent %q, %+v, %v", publisher.sent, report, err)
	}
}

func TestMoveSaysWhatALostPassLeavesOpen(t *testing.T) {
	t.Parallel()
	pass := &fakePass{left: fixture(), lost: queue.ErrUnavailable}
	report, err := (&Move{Pass: pass, Publisher: &fakePublisher{}, Home: "emails", Filter: &Filter{}, Window: 2}).Run(t.Context())
	if !errors.Is(err, queue.ErrUnavailable) || report.Moved != 0 || report.Unknown != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestMoveGoesNoFurtherThanTold(t *testing.T) {
	t.Parallel()
	pass := &fakePass{left: fixture()}
	report, err := (&Move{Pass: pass, Home: "emails", Filter: &Filter{}, Most: 2}).Run(t.Context()) // without a publisher: a discard
	if report.Moved != 2 || err != nil || len(pass.left) != 2 {
		t.Errorf("%+v, %v, %d left", report, err, len(pass.left))
	}
}

func TestMoveKeepsToTheRateAndChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pass := &fakePass{}
		for i := range 100 {
			pass.left = append(pass.left, dead(fmt.Sprint(i), "t", "exhausted", died, "old"))
		}
		publisher := &fakePublisher{}
		start := time.Now()
		move := Move{
			Pass: pass, Publisher: publisher, Home: "emails", To: "other", Filter: &Filter{}, Rate: 20,
			Change: func(m *tasks.Message) { m.Body = []byte("new") },
		}
		if report, err := move.Run(t.Context()); report.Moved != 100 || err != nil {
			t.Fatalf("%+v, %v", report, err)
		}
		if took := time.Since(start); took < 4800*time.Millisecond || took > 5*time.Second {
			t.Errorf("100 at 20 a second took %s", took)
		}
		if publisher.bodies[99] != "new" || publisher.sent[99] != "warrener.work/other/99" {
			t.Errorf("sent %q with %q", publisher.sent[99], publisher.bodies[99])
		}
		for i := range 100 {
			if n := int(publisher.at[i].Sub(start).Seconds()*20) + 2; i > n {
				t.Fatalf("number %d was sent after %s", i, publisher.at[i].Sub(start))
			}
		}
	})
}
