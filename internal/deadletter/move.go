package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/time/rate"

	"github.com/warrener/warrener/internal/queue"
	"github.com/warrener/warrener/internal/tasks"
	"github.com/warrener/warrener/internal/topology"
)

// Publisher publishes in a pipeline; *queue.Publisher is one.
type Publisher interface {
	PublishMany(ctx context.Context, pubs []queue.Publication) []error
}

// Move takes dead letters out of their queue. Zero fields have the defaults named.
type Move struct {
	Pass      Pass
	Publisher Publisher // nil: they are discarded
	Home      string    // the work queue that the dead-letter queue belongs to
	Filter    *Filter
	To        string               // the queue to go to; "": each where it came from
	Change    func(*tasks.Message) // what to change before it is published; nil: nothing
	Most      int                  // how many messages to go through: what dies meanwhile is for the next time; 0: all
	Window    int                  // how many may be on their way at a time: 500
	Rate      float64              // a second; 0: as fast as the broker takes them
	Moved     func(n int)          // told of each batch; nil: nobody

	limiter *rate.Limiter
	batch   []item
	report  Report
}

type item struct {
	held        *queue.Held
	id          string
	publication queue.Publication
	stated      bool // its queue is known from Warrener's header
}

// Report is what a Move did.
type Report struct {
	Moved   int
	Refused int    // not taken by the broker; they are where they were
	Unknown int    // perhaps taken: they are where they were, and perhaps in the other queue too
	Last    string // id of the last that was moved
	Err     error  // why the first was refused
}

const (
	defaultWindow = 500
	// publishWithin is what a batch has, also when the Move is interrupted: without its confirms it would be there twice.
	publishWithin = 15 * time.Second
)

// Run moves what is chosen until the end of the queue. Whatever ends it earlier, the Report says how far it came.
func (m *Move) Run(ctx context.Context) (Report, error) {
	m.prepare()
	for gone := 0; m.Most == 0 || gone < m.Most; gone++ {
		held, err := m.Pass.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m.report, err // what is not sent yet is given back
		}
		letter := Read(&held.Message, m.Home)
		if !m.Filter.Match(&letter, &held.Message) {
			continue
		}
		m.batch = append(m.batch, m.item(held, letter.ID))
		if len(m.batch) < m.Window {
			continue
		}
		if err := m.flush(ctx); err != nil {
			return m.report, err
		}
	}
	return m.report, m.flush(ctx)
}

func (m *Move) prepare() {
	if m.Window <= 0 {
		m.Window = defaultWindow
	}
	if m.Rate > 0 {
		const batches = 10 // a second, so that a low rate is even
		m.Window = max(1, min(m.Window, int(m.Rate/batches)))
		m.limiter = rate.NewLimiter(rate.Limit(m.Rate), m.Window)
	}
}

func (m *Move) item(held *queue.Held, id string) item {
	i := item{held: held, id: id}
	if m.Publisher == nil {
		return i
	}
	origin, stated := tasks.OriginOf(&held.Message)
	switch {
	case m.To != "":
		origin, stated = m.To, true
	case origin == "":
		origin, stated = m.Home, true
	}
	message := tasks.Redrive(&held.Message, time.Now())
	if m.Change != nil {
		m.Change(&message)
	}
	i.publication, i.stated = queue.Publication{Route: topology.ToQueue(origin), Message: &message}, stated
	return i
}

// flush moves the batch. Once something is sent its outcome is waited for, though ctx be done: it would be there twice else.
func (m *Move) flush(ctx context.Context) error {
	batch := m.batch
	m.batch = nil
	if len(batch) == 0 {
		return nil
	}
	m.wait(ctx, len(batch))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if m.Publisher == nil {
		return m.ack(batch, make([]error, len(batch)))
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWithin)
	defer cancel()
	return m.ack(batch, m.publish(settling, batch))
}

// wait keeps to the rate. The limiter's own Wait would give up at once when its time does not suffice; here it is used up.
func (m *Move) wait(ctx context.Context, n int) {
	if m.limiter == nil {
		return
	}
	timer := time.NewTimer(m.limiter.ReserveN(time.Now(), n).Delay())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// publish sends the batch to where each came from. The broker's word for the queue where something died may be a queue that
// is not Warrener's; it is reached by its name.
func (m *Move) publish(ctx context.Context, batch []item) []error {
	pubs := make([]queue.Publication, len(batch))
	for i := range batch {
		pubs[i] = batch[i].publication
	}
	errs := m.Publisher.PublishMany(ctx, pubs)
	var again []int
	for i, err := range errs {
		if !batch[i].stated && nowhere(err) {
			again = append(again, i)
		}
	}
	if len(again) == 0 {
		return errs
	}
	direct := make([]queue.Publication, len(again))
	for k, i := range again {
		direct[k] = pubs[i]
		direct[k].Route.Exchange = "" // the default exchange knows each queue
	}
	for k, err := range m.Publisher.PublishMany(ctx, direct) {
		errs[again[k]] = err
	}
	return errs
}

// nowhere says that nothing is stored because there is no way: no such queue behind the exchange, or no such exchange.
func nowhere(err error) bool {
	missing, ok := errors.AsType[*queue.MissingError](err)
	return errors.Is(err, queue.ErrUnroutable) || ok && missing.Kind == "exchange"
}

// ack takes out of the dead-letter queue what the broker has confirmed elsewhere, and counts. The error is one that holds for
// all that would follow.
func (m *Move) ack(batch []item, errs []error) error {
	var done []*queue.Held
	var general error
	for i := range batch {
		switch err := errs[i]; {
		case err == nil:
			done = append(done, batch[i].held)
			m.report.Last = batch[i].id
			continue
		case errors.Is(err, queue.ErrUnknownOutcome) && !nowhere(err):
			m.report.Unknown++
			general = err
		case nowhere(err), errors.Is(err, queue.ErrRejected):
			m.report.Refused++
		default:
			m.report.Refused++
			general = err
		}
		if m.report.Err == nil {
			m.report.Err = fmt.Errorf("dead letter %s to queue %q: %w", batch[i].id, batch[i].publication.Route.Queue, errs[i])
		}
	}
	if len(done) > 0 {
		if err := m.Pass.Ack(done...); err != nil {
			m.report.Unknown += len(done) // moved, and perhaps still there
			return err
		}
		m.report.Moved += len(done)
		if m.Moved != nil {
			m.Moved(len(done))
		}
	}
	return general
}
