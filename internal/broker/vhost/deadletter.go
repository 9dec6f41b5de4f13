package vhost

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// Why a message dies, in RabbitMQ's words.
const (
	reasonRejected      = "rejected"
	reasonExpired       = "expired"
	reasonMaxLength     = "maxlen"
	reasonDeliveryLimit = "delivery_limit"
)

// retryHeld is when RabbitMQ tries again to send dead letters whose target was not there
// (dead_letter_worker_publisher_confirm_timeout).
const retryHeld = 180 * time.Second

// death is the end of a message in a queue.
type death struct {
	queue  *queue
	item   *item
	reason string
}

// record is one entry of a message's x-death header.
type record struct {
	queue, reason, exchange string
	keys                    []string
	count                   int64
	at                      time.Time
	ttl                     int64
}

func (q *queue) die(it *item, reason string) {
	if q.deadLetters {
		q.v.dying = append(q.v.dying, death{q, it, reason})
	}
}

// bury routes the dead letters of the operation in progress, and those that they lead to.
func (v *Vhost) bury(now time.Time) {
	for len(v.dying) > 0 {
		dying := v.dying
		v.dying = nil
		for _, d := range dying {
			v.deadLetter(d, now)
		}
	}
}

func (v *Vhost) deadLetter(d death, now time.Time) {
	q := d.queue
	x, ok := v.exchanges[q.deadExchange]
	if !ok {
		q.hold(d)
		return
	}
	m := d.item.message.died(d, now)
	routed := v.route(x, m.keys)
	if len(routed) == 0 {
		q.hold(d)
		return
	}
	targets := slices.DeleteFunc(routed, func(target *queue) bool { return d.reason != reasonRejected && m.cycles(target.name) })
	if q.keepsDead() && slices.ContainsFunc(targets, func(target *queue) bool { return !target.accepts(m) }) {
		q.hold(d)
		return
	}
	for _, target := range targets {
		if target.accepts(m) {
			target.push(m, now)
		}
	}
}

// keepsDead says whether dead letters that have nowhere to go stay until they have.
func (q *queue) keepsDead() bool { return q.atLeastOnce && q.rejectPublish }

// hold keeps a dead letter that cannot go where it should, where that is asked for.
func (q *queue) hold(d death) {
	if !q.keepsDead() || q.gone {
		return
	}
	q.held = append(q.held, d)
	if len(q.held) > 1 {
		return // the timer runs
	}
	q.retry = q.v.after(retryHeld, func(time.Time) {
		if !q.gone {
			q.v.dying, q.held = append(q.v.dying, q.held...), nil
		}
	})
}

// cycles says whether a message would come back to a queue without anybody having rejected it on the way.
func (m *Message) cycles(queue string) bool {
	i := slices.IndexFunc(m.deaths, func(r record) bool { return r.queue == queue })
	return i >= 0 && !slices.ContainsFunc(m.deaths[:i+1], func(r record) bool { return r.reason == reasonRejected })
}

// died returns the message as it goes on: from another exchange, without its expiration, and with the story of its deaths.
func (m *Message) died(d death, now time.Time) *Message {
	n := *m
	n.deaths = m.record(d, now)
	n.Exchange = d.queue.deadExchange
	if d.queue.deadKeySet {
		n.keys, n.hidden = []string{d.queue.deadKey}, nil
	}
	n.Key = n.keys[0]
	n.ttl = noTTL
	n.Properties.Expiration = ""
	n.Properties.Present = n.Properties.Present&^wire.HasExpiration | wire.HasHeaders
	n.Properties.Headers = n.obituary()
	return &n
}

// record adds a death to the message's history, or counts it when it died there of the same before.
func (m *Message) record(d death, now time.Time) []record {
	deaths := slices.Clone(m.deaths)
	i := slices.IndexFunc(deaths, func(r record) bool { return r.queue == d.queue.name && r.reason == d.reason })
	if i < 0 {
		return slices.Insert(deaths, 0, record{
			queue: d.queue.name, reason: d.reason, exchange: m.Exchange, keys: m.visibleKeys(), count: 1, at: now, ttl: m.ttl,
		})
	}
	again := deaths[i]
	again.count++
	return slices.Insert(slices.Delete(deaths, i, i+1), 0, again)
}

func (m *Message) visibleKeys() []string {
	return slices.DeleteFunc(slices.Clone(m.keys), func(key string) bool { return slices.Contains(m.hidden, key) })
}

// obituary is the headers with the deaths in them.
func (m *Message) obituary() wire.Table {
	headers := maps.Clone(m.Properties.Headers)
	if headers == nil {
		headers = wire.Table{}
	}
	entries := make([]any, len(m.deaths))
	for i, r := range m.deaths {
		entries[i] = r.table()
	}
	headers["x-death"] = entries
	last := m.deaths[0]
	if _, ok := headers["x-first-death-queue"]; !ok || len(m.deaths) == 1 && last.count == 1 {
		headers["x-first-death-queue"], headers["x-first-death-reason"], headers["x-first-death-exchange"] = last.queue, last.reason, last.exchange
	}
	headers["x-last-death-queue"], headers["x-last-death-reason"], headers["x-last-death-exchange"] = last.queue, last.reason, last.exchange
	return headers
}

func (r record) table() wire.Table {
	keys := make([]any, len(r.keys))
	for i, key := range r.keys {
		keys[i] = key
	}
	t := wire.Table{
		"count": r.count, "reason": r.reason, "queue": r.queue, "time": r.at, "exchange": r.exchange, "routing-keys": keys,
	}
	if r.ttl != noTTL {
		t["original-expiration"] = strconv.FormatInt(r.ttl, 10)
	}
	return t
}
