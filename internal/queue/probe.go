package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

const (
	// probeInterval is how often a stream asks the broker about its queue and its consumer.
	probeInterval = 2 * time.Second
	// forgottenAfter probes in a row a consumer counts as forgotten: a queue's counts lag behind.
	forgottenAfter = 2
	// maxPatience probes in a row at most, and fewer at first, until a consumer is renewed that only may be forgotten.
	maxPatience = 32
)

var (
	errForgotten = errors.New("the broker no longer delivers to this consumer")
	errRenew     = errors.New("subscribe again, to be sure")
)

// probe finds what monitoring a connection does not show: a queue that was paused, a consumer that looks alive and gets
// nothing, and a queue that was declared anew with other arguments.
type probe struct {
	queue   topology.Queue // without arguments when they are not ours to say
	passive bool           // then the consumer may stand by on purpose, as single active consumers do
	counted bool           // the broker's count of consumers is to be trusted
	paused  func() (bool, error)

	patience int // probes in a row after which a doubtful consumer is renewed

	served    bool // something was delivered
	delivered bool // since the last check
	forgotten int  // checks in a row
	doubtful  int  // checks in a row
}

// newProbe makes a probe for a subscription that follows so many renewals in vain.
func newProbe(q topology.WorkQueue, passive bool, version string, renewals int) probe {
	p := probe{queue: topology.Queue{Name: q.Name}, passive: passive, patience: min(1<<min(renewals, 16), maxPatience)}
	if !passive {
		p.queue = q.Queue()
		p.counted = q.Type == topology.Classic || AtLeast(version, 4, 3)
	}
	return p
}

// check says why the subscription should be given up; nil when it should not.
func (p *probe) check(st *stream) error {
	switch paused, err := p.paused(); {
	case errors.Is(err, errNoCount): // no reason to change anything
	case err != nil:
		return err
	case paused:
		return ErrPaused
	}
	q, err := inspectQueue(st.session.conn, p.queue)
	if err != nil || p.passive {
		return err
	}
	idle := !p.delivered && st.settler.idle()
	p.served = p.served || p.delivered
	p.delivered = false
	// Before 4.3 the count of a quorum queue's consumers is that of its unsettled deliveries. They may be with other workers;
	// but when a queue is deleted and declared again at once, RabbitMQ 3.10 delivers to the consumer of the old one, and its
	// channel drops it. Then only a new subscription helps; it costs little, and less often so when it was in vain.
	p.doubtful = count(p.doubtful, idle && !p.counted && q.Consumers > 0)
	p.forgotten = count(p.forgotten, p.counted && q.Consumers == 0 || idle && q.Messages > 0)
	switch {
	case p.forgotten >= forgottenAfter:
		return fmt.Errorf("%w: %d messages ready, %d consumers counted", errForgotten, q.Messages, q.Consumers)
	case p.doubtful >= p.patience:
		return errRenew
	}
	return nil
}

// count counts what happens in a row.
func count(n int, again bool) int {
	if !again {
		return 0
	}
	return n + 1
}
