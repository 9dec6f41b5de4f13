// Package figures makes of looks at the queues what a person wants to see: rates, growth, and how many tasks died of late. It
// asks nobody, and its time is that of the looks.
package figures

import (
	"time"

	"github.com/warrener/warrener/internal/management"
	"github.com/warrener/warrener/internal/operate"
)

// Frame is what is shown after a look. What is not known is nil.
type Frame struct {
	At       time.Time `json:"at"`
	Seconds  float64   `json:"seconds"` // since the first look
	Queues   []Queue   `json:"queues"`
	Delayed  int       `json:"delayed"` // of all queues together
	Workers  []Worker  `json:"workers"`
	Failures []Failure `json:"failures"`
	Unknown  []string  `json:"unknown"` // what cannot be known, and why
}

// The states of a queue.
const (
	Running = "running"
	Paused  = "paused"
	Gone    = "gone" // there is no such queue now
)

// Queue is a work queue. Rates are by the second.
type Queue struct {
	Queue     string   `json:"queue"`
	Type      string   `json:"type"`
	State     string   `json:"state"`
	Ready     int      `json:"ready"`
	Unacked   *int     `json:"unacked"`
	Consumers *int     `json:"consumers"`
	Dead      *int     `json:"dead"`
	Published *float64 `json:"publish_rate"`
	Delivered *float64 `json:"deliver_rate"`
	Acked     *float64 `json:"ack_rate"`
	Growth    *float64 `json:"growth_rate"` // of ready; nil at the first look
}

// Worker is a consumer of a queue.
type Worker struct {
	Worker   string `json:"worker"`
	Queue    string `json:"queue"`
	Prefetch int    `json:"prefetch"` // 0: as many as there are
	Unacked  *int   `json:"unacked"`
}

// Failure is how the dead letters of a queue grew. A redrive or a purge between two looks hides as many that died meanwhile.
type Failure struct {
	Queue  string `json:"queue"`
	Dead   int    `json:"dead"`
	Minute int    `json:"died_last_minute"`
	Since  int    `json:"died_since_start"`
}

// recently is what a failure of late is.
const recently = time.Minute

// History is what was seen before. Its zero value has seen nothing.
type History struct {
	begun  time.Time
	queues map[string]seen
	deaths map[string]*deaths
}

// seen is a queue at the last look.
type seen struct {
	at                          time.Time
	ready                       int
	dead                        *int
	published, delivered, acked *int
}

// Add takes a look, and says what to show after it.
func (h *History) Add(s operate.Sample) Frame {
	if h.begun.IsZero() {
		h.begun, h.deaths = s.At, map[string]*deaths{}
	}
	f := Frame{
		At: s.At, Seconds: s.At.Sub(h.begun).Seconds(), Delayed: s.Delayed,
		Queues: []Queue{}, Workers: workers(s.Workers), Failures: []Failure{}, Unknown: append([]string{}, s.Unknown...),
	}
	now := make(map[string]seen, len(s.Queues))
	for _, q := range s.Queues {
		before, again := h.queues[q.Queue]
		shown := queueOf(q)
		if q.Gone {
			f.Queues = append(f.Queues, shown)
			continue
		}
		noted := seen{at: s.At, ready: q.Ready, dead: q.Dead}
		var rates rates
		if again {
			rates.over = s.At.Sub(before.at)
			shown.Growth = rates.between(&before.ready, q.Ready)
		}
		if t := q.Traffic; t != nil {
			noted.published, noted.delivered, noted.acked = &t.Published.Total, &t.Delivered.Total, &t.Acked.Total
			shown.Published = rates.of(t.Published, before.published)
			shown.Delivered = rates.of(t.Delivered, before.delivered)
			shown.Acked = rates.of(t.Acked, before.acked)
		}
		now[q.Queue] = noted
		f.Queues = append(f.Queues, shown)
		if failure := h.died(q, before.dead, s.At); failure != nil {
			f.Failures = append(f.Failures, *failure)
		}
	}
	h.queues = now
	return f
}

func queueOf(q operate.Seen) Queue {
	shown := Queue{
		Queue: q.Queue, Type: q.Type, State: Running, Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers, Dead: q.Dead,
	}
	switch {
	case q.Gone:
		shown.State = Gone
	case q.Paused:
		shown.State = Paused
	}
	return shown
}

func workers(list []operate.Worker) []Worker {
	if list == nil {
		return nil
	}
	shown := make([]Worker, len(list))
	for i, w := range list {
		shown[i] = Worker{Worker: w.Name, Queue: w.Queue, Prefetch: w.Prefetch, Unacked: w.Unacked}
	}
	return shown
}

// rates compares two looks that are some time apart; none when there was one only.
type rates struct{ over time.Duration }

func (r rates) between(before *int, now int) *float64 {
	if before == nil || r.over <= 0 {
		return nil
	}
	return new(float64(now-*before) / r.over.Seconds())
}

// of is the broker's rate, or else what the counts tell. A count that shrinks has begun anew.
func (r rates) of(c management.Counter, before *int) *float64 {
	if c.PerSecond != nil {
		return c.PerSecond
	}
	if before != nil && c.Total < *before {
		return nil
	}
	return r.between(before, c.Total)
}

// deaths are those of one queue.
type deaths struct {
	total  int
	recent []growth
}

type growth struct {
	at time.Time
	by int
}

// died notes how many died since the look before; nil when there is nothing to say of the queue.
func (h *History) died(q operate.Seen, before *int, at time.Time) *Failure {
	d := h.deaths[q.Queue]
	if d == nil {
		d = &deaths{}
		h.deaths[q.Queue] = d
	}
	if q.Dead == nil {
		return nil
	}
	if before != nil && *q.Dead > *before {
		d.total += *q.Dead - *before
		d.recent = append(d.recent, growth{at: at, by: *q.Dead - *before})
	}
	failure := Failure{Queue: q.Queue, Dead: *q.Dead, Since: d.total}
	for len(d.recent) > 0 && at.Sub(d.recent[0].at) >= recently {
		d.recent = d.recent[1:]
	}
	for _, g := range d.recent {
		failure.Minute += g.by
	}
	if failure == (Failure{Queue: q.Queue}) {
		return nil
	}
	return &failure
}
