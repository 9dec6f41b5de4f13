package simulation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/broker"
)

// fault is something that happens to a world.
type fault struct {
	at    time.Duration
	kind  string
	actor int           // the number of a worker, or of a producer beyond those
	lasts time.Duration // of what has an end
	way   way
	queue string
	frame broker.Fault
	role  string // what the connection that the frame is on is for
}

// span is the time within which faults begin.
const span = 25 * time.Second

// The kinds of fault.
const (
	crash       = "crash"        // a worker's or producer's process is gone, and a new one starts
	freeze      = "freeze"       // nothing moves between it and the broker, in one direction or both, for a while
	drain       = "drain"        // a worker is told to stop, and started again; no fault, really
	cutFrame    = "cut at frame" // the n-th frame of a kind cuts its connection, before or after it has its effect
	lateConfirm = "late confirm" // or delivery
	falseNack   = "false nack"   // the broker has the message and says that it has not
	cut         = "cut"          // some connections are gone
	closed      = "closed"       // some connections are closed by the broker, with a reason
	cancel      = "cancel"       // the consumers of a queue are cancelled, as when its leader moves
	alarm       = "alarm"        // the broker takes no messages for a while
	outage      = "outage"       // the broker is killed, and started again
	deletion    = "deletion"     // somebody deletes an empty queue
	pausing     = "pause"        // an operator pauses a queue, and resumes it after a while; no fault, really
)

func newFaults(d dice, p *plan) []fault {
	var faults []fault
	if p.calm {
		for range d.between(0, 3) {
			faults = append(faults, fault{kind: drain, at: d.moment(span), actor: d.IntN(len(p.workers))})
		}
		return sorted(faults)
	}
	kinds := []string{
		crash, crash, crash, freeze, freeze, drain, drain, cutFrame, cutFrame, cutFrame, cutFrame, cutFrame, cutFrame,
		lateConfirm, falseNack, cut, closed, cancel, alarm, outage, deletion,
	}
	for range d.between(1, 8) {
		f := fault{kind: pick(d, kinds), at: d.moment(span), queue: pick(d, p.queues).Name, way: way(d.between(int(in), int(both)))}
		f.actor = d.IntN(len(p.workers) + len(p.producers))
		switch f.kind {
		case drain:
			f.actor = d.IntN(len(p.workers))
		case freeze:
			f.lasts = time.Second + d.moment(40*time.Second)
		case alarm, outage:
			f.lasts = 100*time.Millisecond + d.moment(20*time.Second)
		case cutFrame:
			cutAt(d, &f)
		case lateConfirm:
			f.frame = broker.Fault{Frame: pick(d, []string{confirm, confirm, "basic.deliver"}), Do: broker.Delay, For: d.moment(40 * time.Second)}
		case falseNack:
			f.frame = broker.Fault{Frame: confirm, Do: broker.Nack}
		}
		if f.frame.Frame != "" {
			f.frame.N = d.between(1, 10)
		}
		faults = append(faults, f)
	}
	return sorted(faults)
}

// newPauses are for calm worlds above all: there nothing excuses a worker that takes no notice.
func newPauses(d dice, p *plan) []fault {
	var pauses []fault
	for p.calm && len(pauses) == 0 || d.one(3) {
		pauses = append(pauses, fault{
			kind: pausing, at: d.moment(span), queue: pick(d, p.queues).Name, lasts: time.Second + d.moment(40*time.Second),
		})
	}
	return pauses
}

func sorted(faults []fault) []fault {
	return slices.SortedStableFunc(slices.Values(faults), func(a, b fault) int { return cmp.Compare(a.at, b.at) })
}

const confirm = "confirm.ack"

// cutAt chooses a frame: mostly one that carries a task or settles one, now and then any other.
func cutAt(d dice, f *fault) {
	often := []string{"basic.publish", "basic.publish", "basic.deliver", "basic.ack", "basic.ack", confirm, confirm}
	seldom := []string{
		"basic.return", "basic.nack", "basic.reject", "basic.consume", "basic.consume-ok", "basic.cancel", "basic.qos-ok",
		"channel.open", "channel.open-ok", "channel.close", "confirm.select-ok", "queue.declare", "queue.declare-ok",
		"queue.bind-ok", "exchange.declare", "connection.open", "connection.tune", "connection.close",
	}
	f.frame = broker.Fault{Frame: pick(d, often), Do: broker.CutBefore}
	if d.one(4) {
		f.frame.Frame = pick(d, seldom)
	}
	if d.one(2) {
		f.frame.Do = broker.CutAfter
	}
	if d.one(2) {
		f.role = pick(d, []string{" publish", " consume"})
	}
}

// unleash does what the plan says, at the times it says, and takes back all that lasts.
func (w *world) unleash() {
	for _, f := range w.plan.faults {
		w.sleepUntil(f.at)
		w.inflict(f)
	}
	w.lasting.Wait()
	w.broker.Alarm("")
}

func (w *world) inflict(f fault) {
	switch f.kind {
	case crash:
		w.actor(f.actor).crash("its machine is gone")
	case freeze:
		w.freeze(f)
	case drain:
		w.workers[f.actor].drain()
	case cutFrame, lateConfirm, falseNack:
		w.inject(f)
	case cut, closed:
		w.sever(f)
	case cancel:
		w.ledger.fault(cancel, "the consumers of %s are cancelled", f.queue)
		w.vhost().CancelConsumers(f.queue)
	case alarm:
		w.ledger.fault(alarm, "the broker's memory alarm is raised for %s", f.lasts)
		w.broker.Alarm("memory")
		w.later(f.lasts, func() {
			w.broker.Alarm("")
			w.ledger.note("fault", "", "the alarm is over")
		})
	case outage:
		w.outage(f)
	case deletion:
		w.delete(f.queue)
	case pausing:
		w.pauseQueue(f)
	}
}

// actor is a worker or a producer.
type actor interface {
	crash(why string)
	machine() *host
}

func (w *world) actor(i int) actor {
	if i < len(w.workers) {
		return w.workers[i]
	}
	return w.producers[i-len(w.workers)]
}

func (w *world) freeze(f fault) {
	h := w.actor(f.actor).machine()
	if h == nil || !h.freeze(f.way) {
		return
	}
	w.ledger.fault(freeze, "%s is cut off for %s: %s", h.name, f.lasts, f.way)
	w.later(f.lasts, func() {
		h.thaw()
		w.ledger.note("fault", "", "%s is back", h.name)
	})
}

func (w *world) inject(f fault) {
	if f.role != "" {
		f.frame.Connection = func(c broker.ConnectionInfo) bool { return strings.HasSuffix(c.Name, f.role) }
	}
	w.ledger.fault(f.kind, "%s number %d%s: %v %s", f.frame.Frame, f.frame.N, f.role, f.frame.Do, f.frame.For)
	w.broker.Inject(f.frame)
}

// sever ends about half of the connections.
func (w *world) sever(f fault) {
	half := func(broker.ConnectionInfo) bool { return w.dice.one(2) }
	sever, what := w.broker.Cut, "cut"
	if f.kind == closed {
		sever, what = w.broker.CloseConnections, "closed by the broker"
	}
	w.ledger.fault(f.kind, "some connections are %s", what)
	w.ledger.note("fault", "", "it were %d", sever(half))
}

// outage kills the broker, unless it is down already.
func (w *world) outage(f fault) {
	if w.down.Swap(true) {
		return
	}
	w.ledger.fault(outage, "the broker is killed, for %s", f.lasts)
	w.broker.Stop()
	w.later(f.lasts, func() {
		w.broker.Start()
		w.down.Store(false)
		w.ledger.note("fault", "", "the broker is back")
	})
}

// delete deletes a queue with nothing in it: what an operator deletes with tasks in it is the operator's loss.
func (w *world) delete(queue string) {
	for _, q := range w.vhost().Queues() {
		if q.Name == queue && q.Ready+q.Unacked+q.Held == 0 {
			w.ledger.fault(deletion, "queue %s is deleted", queue)
			w.vhost().Remove(queue)
			w.deleted = true
		}
	}
}

// later does something after a while, before the world can end.
func (w *world) later(after time.Duration, do func()) {
	w.lasting.Go(func() {
		w.sleep(after)
		do()
	})
}
