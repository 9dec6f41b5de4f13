package conformance

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// patience is how long something that has to happen may take, moment how long something that must not is waited for.
const (
	patience = 30 * time.Second
	moment   = 150 * time.Millisecond
)

// behaviour is one thing that a broker does.
type behaviour struct {
	name    string
	check   func(r *rig)
	differs string // what RabbitMQ before 4.3 does instead; check asks rig.old
}

// target is a broker to look at: a virtual host of its own for each behaviour.
type target struct {
	url  string
	dial func(network, addr string) (net.Conn, error) // nil: TCP
}

// rig is what a check works with. Whatever goes wrong outside of what it checks ends it.
type rig struct {
	*testing.T
	target
	old  bool // RabbitMQ before 4.3
	conn *amqp.Connection
	ch   *amqp.Channel // in confirm mode
}

func newRig(t *testing.T, at target) *rig {
	r := &rig{T: t, target: at}
	r.conn = r.connect()
	r.ch = r.open()
	if err := r.ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	version, _ := r.conn.Properties["version"].(string)
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	r.old = major < 4 || major == 4 && minor < 3
	return r
}

func (r *rig) config() amqp.Config {
	return amqp.Config{Heartbeat: 10 * time.Second, Locale: "en_US", Dial: r.dial}
}

func (r *rig) connect() *amqp.Connection {
	r.Helper()
	conn, err := amqp.DialConfig(r.url, r.config())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }) // the check may have ended it
	return conn
}

func (r *rig) open() *amqp.Channel {
	r.Helper()
	ch, err := r.conn.Channel()
	if err != nil {
		r.Fatal(err)
	}
	return ch
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// queue declares a durable queue.
func (r *rig) queue(name string, args amqp.Table) {
	r.Helper()
	_, err := r.ch.QueueDeclare(name, true, false, false, false, args)
	r.must(err)
}

func (r *rig) exchange(name, kind string, args amqp.Table) {
	r.Helper()
	r.must(r.ch.ExchangeDeclare(name, kind, true, false, false, false, args))
}

func (r *rig) bind(queue, key, exchange string) {
	r.Helper()
	r.must(r.ch.QueueBind(queue, key, exchange, false, nil))
}

// publish sends a message to a queue and says whether the broker has acked it.
func (r *rig) publish(queue, body string, change ...func(*amqp.Publishing)) bool {
	r.Helper()
	return r.publishTo("", queue, body, change...)
}

func (r *rig) publishTo(exchange, key, body string, change ...func(*amqp.Publishing)) bool {
	r.Helper()
	m := amqp.Publishing{Body: []byte(body), DeliveryMode: amqp.Persistent}
	for _, f := range change {
		f(&m)
	}
	confirm, err := r.ch.PublishWithDeferredConfirm(exchange, key, false, false, m)
	r.must(err)
	select {
	case <-confirm.Done():
	case <-time.After(patience):
		r.Fatal("no confirm")
	}
	return confirm.Acked()
}

func expiration(ms string) func(*amqp.Publishing) {
	return func(m *amqp.Publishing) { m.Expiration = ms }
}

func headers(h amqp.Table) func(*amqp.Publishing) {
	return func(m *amqp.Publishing) { m.Headers = h }
}

func priority(p uint8) func(*amqp.Publishing) {
	return func(m *amqp.Publishing) { m.Priority = p }
}

// get waits for a message at the head of a queue.
func (r *rig) get(queue string) amqp.Delivery {
	r.Helper()
	var d amqp.Delivery
	rabbittest.Eventually(r, patience, func() (bool, string) {
		var ok bool
		var err error
		d, ok, err = r.ch.Get(queue, false)
		r.must(err)
		return ok, "queue " + queue + " is empty"
	})
	return d
}

// holds waits until a queue holds as many messages as there are words, and takes them out: those have to be the words.
func (r *rig) holds(queue, words string) {
	r.Helper()
	want := strings.Fields(words)
	rabbittest.Eventually(r, patience, func() (bool, string) {
		q, err := r.ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		r.must(err)
		return q.Messages == len(want), fmt.Sprintf("%d messages in %s, want %q", q.Messages, queue, words)
	})
	var got []string
	for range want {
		d := r.get(queue)
		r.must(d.Ack(false))
		got = append(got, string(d.Body))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.Errorf("queue %s: %q, want %q", queue, strings.Join(got, " "), words)
	}
}

// empty looks for a while and finds nothing.
func (r *rig) empty(queue string) {
	r.Helper()
	for deadline := time.Now().Add(moment); time.Now().Before(deadline); {
		d, ok, err := r.ch.Get(queue, true)
		r.must(err)
		if ok {
			r.Fatalf("queue %s: %q, want nothing", queue, d.Body)
		}
	}
}

// subscribe consumes on a channel of its own.
func (r *rig) subscribe(queue string, prefetch int, args amqp.Table) (*amqp.Channel, <-chan amqp.Delivery) {
	r.Helper()
	ch := r.open()
	r.must(ch.Qos(prefetch, 0, false))
	deliveries, err := ch.Consume(queue, "", false, false, false, false, args)
	r.must(err)
	return ch, deliveries
}

func (r *rig) next(deliveries <-chan amqp.Delivery) amqp.Delivery {
	r.Helper()
	select {
	case d, ok := <-deliveries:
		if !ok {
			r.Fatal("the deliveries have ended")
		}
		return d
	case <-time.After(patience):
		r.Fatal("no delivery")
	}
	return amqp.Delivery{}
}

// nextBodies takes so many deliveries.
func (r *rig) nextBodies(deliveries <-chan amqp.Delivery, n int) string {
	r.Helper()
	var bodies []string
	for range n {
		bodies = append(bodies, string(r.next(deliveries).Body))
	}
	return strings.Join(bodies, " ")
}

func (r *rig) none(deliveries <-chan amqp.Delivery) {
	r.Helper()
	select {
	case d, ok := <-deliveries:
		r.Fatalf("delivery %q (%v), want none", d.Body, ok)
	case <-time.After(moment):
	}
}

// fails runs something on a channel of its own, which has to be refused with a code and a text, in which V stands for the virtual host
// and U for the user.
func (r *rig) fails(code int, text string, f func(ch *amqp.Channel) error) {
	r.Helper()
	ch := r.open()
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	var e *amqp.Error
	if err := f(ch); !errors.As(err, &e) || errors.Is(err, amqp.ErrClosed) {
		if e = r.closed(closed); e == nil {
			return
		}
	}
	r.refusal(e, code, text)
}

func (r *rig) address() *url.URL {
	r.Helper()
	u, err := url.Parse(r.url)
	r.must(err)
	return u
}

func (r *rig) user() string { return r.address().User.Username() }

func (r *rig) refusal(e *amqp.Error, code int, text string) {
	r.Helper()
	vhost := strings.TrimPrefix(r.address().Path, "/")
	if vhost == "" {
		vhost = "/"
	}
	reason := strings.ReplaceAll(strings.ReplaceAll(e.Reason, "vhost '"+vhost+"'", "vhost 'V'"), "'"+r.user()+"'", "'U'")
	start, cut := strings.CutSuffix(reason, "...") // at 255 bytes
	same := reason == text || cut && strings.HasPrefix(text, start)
	if e.Code != code || !same {
		r.Errorf("refused with %d %q\n want          %d %q", e.Code, reason, code, text)
	}
}

// closed waits for the end of a channel or a connection.
func (r *rig) closed(ended <-chan *amqp.Error) *amqp.Error {
	r.Helper()
	select {
	case e := <-ended:
		if e == nil {
			r.Error("closed without a reason")
		}
		return e
	case <-time.After(patience):
		r.Error("not refused")
		return nil
	}
}

func (r *rig) same(what string, got, want any) {
	r.Helper()
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
		r.Errorf("%s: %s, want %s", what, g, w)
	}
}

// either chooses by the broker's version.
func either[T any](r *rig, before, since43 T) T {
	if r.old {
		return before
	}
	return since43
}
