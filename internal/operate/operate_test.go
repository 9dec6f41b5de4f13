package operate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	neturl "net/url"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

// soon is longer than the management API takes to count.
const soon = time.Minute

func open(t testing.TB, url, management string) *operate.Broker {
	t.Helper()
	b, err := operate.Open(t.Context(), operate.Config{
		Address: url, Management: management, ConnectTimeout: 5 * time.Second, Name: t.Name(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// both is a broker with and without the management API.
func both(t *testing.T, test func(t *testing.T, url string, b *operate.Broker, api bool)) {
	t.Parallel()
	for _, api := range []bool{false, true} {
		t.Run(fmt.Sprintf("api=%t", api), func(t *testing.T) {
			t.Parallel()
			url, address := rabbittest.Vhost(t), ""
			if api {
				address = rabbittest.Shared(t).ManagementURL
			}
			test(t, url, open(t, url, address), api)
		})
	}
}

func apply(t testing.TB, b *operate.Broker, want topology.Objects) []operate.Difference {
	t.Helper()
	made, conflicts, err := b.Apply(t.Context(), want)
	if err != nil || len(conflicts) > 0 {
		t.Fatalf("apply: %v, %v", conflicts, err)
	}
	return made
}

func work(name, kind string) topology.Objects {
	return topology.Work(topology.WorkQueue{Name: name, Type: kind})
}

// channel is one of a client that is not ours.
func channel(t testing.TB, url string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func publish(t testing.TB, url string, r topology.Route, n int) {
	t.Helper()
	o, err := queue.Operate(t.Context(), queue.Config{URLs: func() ([]string, error) { return []string{url}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for i := range n {
		if err := o.Publish(r, &tasks.Message{ID: fmt.Sprint(i), Type: "t", Timestamp: time.Now().Add(-time.Hour), Body: []byte("1")}); err != nil {
			t.Fatal(err)
		}
	}
}

func eventually(t *testing.T, cond func() (bool, string)) {
	t.Helper()
	rabbittest.Eventually(t, soon, cond)
}

// is says whether a count is known, and what it should be.
func is(count *int, want int) bool { return count != nil && *count == want }

func TestShow(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, api bool) {
		for _, kind := range []string{topology.Quorum, topology.Classic} {
			apply(t, b, topology.Join(work(kind, kind), topology.DelayLevels(3)))
			publish(t, url, topology.ToQueue(kind), 3)
			publish(t, url, topology.ToDead(kind), 2)
			ch := channel(t, url)
			if err := ch.Qos(1, 0, false); err != nil {
				t.Fatal(err)
			}
			if _, err := ch.Consume(kind, "", false, false, false, false, nil); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() (bool, string) {
				s, differences, err := b.Show(t.Context(), topology.WorkQueue{Name: kind})
				if err != nil || len(differences) > 0 {
					return false, fmt.Sprint(differences, err)
				}
				unknown := strings.Join(b.Unknown(s), "; ")
				ok := s.Type == kind && s.Ready == 2 && is(s.Dead, 2) && is(s.Delayed, 0) && s.Paused == nil
				if api {
					ok = ok && is(s.Unacked, 1) && is(s.Consumers, 1)
				} else {
					ok = ok && s.Unacked == nil && strings.Contains(unknown, "unacked: AMQP does not tell") && s.Oldest == nil
				}
				if api && kind == topology.Classic {
					ok = ok && s.Oldest != nil && s.Oldest.Seconds > 3500 && s.Oldest.Seconds < 3700
				} else {
					ok = ok && s.Oldest == nil && strings.Contains(unknown, "oldest: ")
				}
				return ok, fmt.Sprintf("%s: %+v, not known: %s", kind, s, unknown)
			})
		}
	})
}

func TestShowSaysWhatDiffers(t *testing.T) {
	both(t, func(t *testing.T, _ string, b *operate.Broker, _ bool) {
		apply(t, b, work("q", topology.Quorum))
		_, differences, err := b.Show(t.Context(), topology.WorkQueue{Name: "q", DeliveryLimit: 7})
		if want := `queue "q" has x-delivery-limit 20, not 7`; err != nil || len(differences) != 1 || differences[0].String() != want {
			t.Errorf("got %v, %v, want %s", differences, err, want)
		}
		_, _, err = b.Show(t.Context(), topology.WorkQueue{Name: "none"})
		if missing, ok := errors.AsType[*queue.MissingError](err); !ok || missing.Name != "none" {
			t.Errorf("a queue that is not there: %v", err)
		}
	})
}

func TestList(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, api bool) {
		apply(t, b, topology.Join(work("b", topology.Quorum), work("a", topology.Classic)))
		publish(t, url, topology.ToQueue("a"), 1)
		if _, err := b.Pause("b", operate.Pause{By: "ann"}); err != nil {
			t.Fatal(err)
		}
		names := []string{"a", "b"}
		if api {
			names = nil
		} else if _, err := b.List(t.Context(), nil); !errors.Is(err, operate.ErrNeedsManagement) {
			t.Errorf("AMQP lists queues: %v", err)
		}
		states, err := b.List(t.Context(), names)
		if err != nil || len(states) != 2 || states[0].Queue != "a" || states[1].Queue != "b" {
			t.Fatalf("got %+v, %v", states, err)
		}
		if states[0].Ready != 1 || states[0].Paused != nil || states[1].Paused == nil || states[1].Paused.By != "ann" {
			t.Errorf("got %+v", states)
		}
	})
}

func TestPauseIsShownAndResumed(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, _ bool) {
		for _, kind := range []string{topology.Quorum, topology.Classic} {
			apply(t, b, work(kind, kind))
			// As in an older deployment, which has no queue for pauses, and no exchange either.
			ch := channel(t, url)
			if _, err := ch.QueueDelete(topology.PauseQueue(kind), false, false, false); err != nil {
				t.Fatal(err)
			}
			if kind == topology.Classic {
				if err := ch.ExchangeDelete(topology.PauseExchange, false, false); err != nil {
					t.Fatal(err)
				}
			}
			p := operate.Pause{By: "ann", At: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), Reason: "first"}
			if was, err := b.Pause(kind, p); was != nil || err != nil {
				t.Fatalf("%v, %v", was, err)
			}
			again := operate.Pause{By: "bob", At: p.At.Add(time.Hour), Reason: "second"}
			if was, err := b.Pause(kind, again); err != nil || was == nil || *was != p {
				t.Fatalf("was %v, %v, want %v", was, err, p)
			}
			if s, differences, err := b.Show(t.Context(), topology.WorkQueue{Name: kind}); err != nil || s.Paused == nil || *s.Paused != again || len(differences) > 0 {
				t.Errorf("shown as %v with %v, %v", s.Paused, differences, err)
			}
			if was, err := b.Resume(t.Context(), kind); err != nil || was == nil || *was != again {
				t.Errorf("resumed from %v, %v", was, err)
			}
			if was, err := b.Resume(t.Context(), kind); err != nil || was != nil {
				t.Errorf("resumed again from %v, %v", was, err)
			}
		}
		if _, err := b.Pause("none", operate.Pause{}); !strings.Contains(fmt.Sprint(err), `queue "none" does not exist`) {
			t.Errorf("pause of nothing: %v", err)
		}
		if _, err := b.Pause("quorum", operate.Pause{Reason: strings.Repeat("x", 2000)}); !errors.Is(err, tasks.ErrInvalid) {
			t.Errorf("a long reason: %v", err)
		}
	})
}

// docs/protocol.md says which permissions it takes.
func TestPauseTakesFewPermissions(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	apply(t, open(t, url, ""), work("q", topology.Quorum))
	b := open(t, limited(t, url, `^q(\.paused)?$`, `^warrener\.paused$`, `^q\.paused$`), "")
	p := operate.Pause{By: "ann", At: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)}
	if was, err := b.Pause("q", p); was != nil || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	if was, err := b.Resume(t.Context(), "q"); err != nil || was == nil || *was != p {
		t.Errorf("resumed from %v, %v", was, err)
	}
}

// limited is the URL for a user of the same virtual host with these permissions.
func limited(t testing.TB, address, configure, write, read string) string {
	t.Helper()
	u, err := neturl.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	vhost, broker := strings.TrimPrefix(u.Path, "/"), rabbittest.Shared(t)
	name := vhost + "-user"
	if err := broker.API(t.Context(), "PUT /api/users/"+name, map[string]string{"password": "secret", "tags": ""}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.API(context.WithoutCancel(t.Context()), "DELETE /api/users/"+name, nil, nil); err != nil {
			t.Error(err)
		}
	})
	permissions := map[string]string{"configure": configure, "write": write, "read": read}
	if err := broker.API(t.Context(), "PUT /api/permissions/"+vhost+"/"+name, permissions, nil); err != nil {
		t.Fatal(err)
	}
	u.User = neturl.UserPassword(name, "secret")
	return u.String()
}

// Somebody who looks at the message holds it, and a purge takes what nobody holds.
func TestResumeWhileSomebodyLooks(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	b := open(t, url, "")
	apply(t, b, work("q", topology.Quorum))
	if _, err := b.Pause("q", operate.Pause{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	ch := channel(t, url)
	held, err := ch.Consume(topology.PauseQueue("q"), "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-held
	let := time.AfterFunc(3*time.Second, func() { _ = ch.Close() })
	defer let.Stop()
	if _, err := b.Resume(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (bool, string) {
		s, _, err := b.Show(t.Context(), topology.WorkQueue{Name: "q"})
		return err == nil && s.Paused == nil, fmt.Sprint(s.Paused, err)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := b.AwaitRest(ctx, "q"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestApplyMakesDiffEmpty(t *testing.T) {
	both(t, func(t *testing.T, _ string, b *operate.Broker, api bool) {
		want := topology.Join(work("q", topology.Quorum), work("c", topology.Classic), topology.DelayLevels(2))
		made := apply(t, b, want)
		missing := len(want.Exchanges) + len(want.Queues)
		if api {
			missing += len(want.Bindings)
		}
		if len(made) != missing || !made[0].Missing() {
			t.Errorf("made %d of %d: %v", len(made), missing, made)
		}
		if differences, err := b.Diff(t.Context(), want); err != nil || len(differences) > 0 {
			t.Errorf("after apply: %v, %v", differences, err)
		}
		if made := apply(t, b, want); len(made) > 0 {
			t.Errorf("made again: %v", made)
		}
	})
}

func TestDiffAndApplyOfWhatIsOtherwise(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, api bool) {
		ch := channel(t, url)
		if err := ch.ExchangeDeclare(topology.DeadExchange, "fanout", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-queue-type": "classic"}); err != nil {
			t.Fatal(err)
		}
		want := work("q", topology.Quorum)
		made, conflicts, err := b.Apply(t.Context(), want)
		if err != nil || len(made) > 0 {
			t.Fatalf("made %v, %v", made, err)
		}
		var texts []string
		for _, d := range conflicts {
			texts = append(texts, d.String())
		}
		if !slices.Contains(texts, `exchange "warrener.dead" has type fanout, not direct`) {
			t.Errorf("conflicts: %q", texts)
		}
		if api != slices.Contains(texts, `queue "q" has x-overflow none, not reject-publish`) || !slices.ContainsFunc(texts, func(s string) bool {
			return strings.HasPrefix(s, `queue "q" has x-`)
		}) {
			t.Errorf("conflicts: %q", texts)
		}
		differences, err := b.Diff(t.Context(), topology.Base())
		if err != nil || !slices.Contains(differences, operate.Difference{Kind: "exchange", Name: topology.WorkExchange}) {
			t.Errorf("something was declared in spite of the conflict: %v, %v", differences, err)
		}
	})
}

func TestPurgeAndDelete(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, _ bool) {
		apply(t, b, work("q", topology.Classic)) // whose consumers every version counts
		publish(t, url, topology.ToQueue("q"), 3)
		publish(t, url, topology.ToDead("q"), 2)
		if n, err := b.Purge("q", false); n != 3 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
		if _, err := b.Purge("none", false); !strings.Contains(fmt.Sprint(err), "does not exist") {
			t.Errorf("purge of nothing: %v", err)
		}
		ch := channel(t, url)
		if _, err := ch.Consume("q", "", false, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Delete(t.Context(), "q", false, false); !strings.Contains(fmt.Sprint(err), "has consumers (1)") {
			t.Errorf("delete of a queue in use: %v", err)
		}
		done, err := b.Delete(t.Context(), "q", false, true)
		if err != nil || !slices.Equal(done.Queues, []string{"q", "q.paused"}) || done.DeadLeft != 2 {
			t.Errorf("deleted %v, %v", done, err)
		}
		if n, err := b.Purge("q", true); n != 2 || err != nil {
			t.Errorf("purged %d dead letters, %v", n, err)
		}
		apply(t, b, work("q", topology.Classic))
		if done, err = b.Delete(t.Context(), "q", false, false); err != nil || len(done.Queues) != 3 {
			t.Errorf("deleted %v, %v", done, err)
		}
	})
}

// Whoever goes through the dead letters has them all in hand, and the queue looks empty.
func TestDeleteKeepsDeadLettersThatSomebodyHolds(t *testing.T) {
	both(t, func(t *testing.T, url string, b *operate.Broker, _ bool) {
		for _, kind := range []string{topology.Quorum, topology.Classic} {
			apply(t, b, work(kind, kind))
			publish(t, url, topology.ToDead(kind), 2)
			ch := channel(t, url)
			held, err := ch.Consume(topology.DeadQueue(kind), "", false, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				<-held
			}
			done, err := b.Delete(t.Context(), kind, false, false)
			if err != nil || slices.Contains(done.Queues, topology.DeadQueue(kind)) || done.DeadLeft == 0 {
				t.Errorf("%s: deleted %+v, %v", kind, done, err)
			}
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	for _, tt := range []struct {
		address, management string
		want                string
	}{
		{"amqp://guest:CANARY%zz@h/", "", "broker address 1 of 1 is not valid"},
		{url, "ftp://h", "--management-url"},
		{"amqp://guest:guest@127.0.0.1:1/", "", "broker unavailable"},
		{withPassword(t, url, "CANARY"), "", "access refused"},
	} {
		_, err := operate.Open(t.Context(), operate.Config{Address: tt.address, Management: tt.management, ConnectTimeout: time.Second})
		if !strings.Contains(fmt.Sprint(err), tt.want) || strings.Contains(fmt.Sprint(err), "CANARY") {
			t.Errorf("%s: got %v, want %q", tt.want, err, tt.want)
		}
	}
}

func withPassword(t testing.TB, address, password string) string {
	t.Helper()
	u, err := neturl.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = neturl.UserPassword(u.User.Username(), password)
	return u.String()
}
