package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// session is one connection to the broker, never repaired: when it ends, its channels, its deliveries and their tags end
// with it, and the next session starts with new ones. So nothing of an old session can settle anything of a new one.
type session struct {
	conn       *amqp.Connection
	url        string
	generation int
	done       chan struct{} // closed when the connection has ended
}

// A node that is cut off from its cluster keeps its clients' connections and confirms nothing. The others have a new leader
// within some seconds: after stallWithin without a single confirm a publisher goes to one of them.
const (
	stallLook   = time.Second
	stallWithin = 10 * time.Second
)

var errStalled = errors.New("the node confirms nothing: another is tried")

// link keeps a session with the broker: it dials, watches, and dials again.
type link struct {
	cfg   Config
	role  string
	setup func(*session) error // prepares a new session before anybody sees it
	// stalled says that the broker does not do on a session what it should, though the connection is well; nil: nobody looks.
	stalled func(*session) bool
	avoid   string // the address whose session had stalled

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when anything below changes
	session *session      // nil while there is none
	blocked string        // the alarm's reason, while the broker takes no messages
	err     error         // why there is no session; nil while there is one
	opened  int           // sessions so far
	closed  bool
}

func newLink(cfg Config, role string, setup func(*session) error) *link {
	cfg = cfg.withDefaults()
	cfg.Log = cfg.Log.With("component", role)
	cfg.Name += " " + role
	return &link{
		cfg: cfg, role: role, setup: setup,
		changed: make(chan struct{}),
		err:     fmt.Errorf("%w: not connected yet", ErrUnavailable),
	}
}

// run keeps the link up until ctx is done. It gives up only before the first session: when access is refused or an object
// does not fit, at once; when no broker answers, after ConnectTimeout.
func (l *link) run(ctx context.Context) error {
	defer l.end()
	start := time.Now()
	var failed backoff
	for {
		s, err := l.open(ctx)
		switch {
		case err == nil:
			since := time.Now()
			err = l.watch(ctx, s)
			if time.Since(since) > backoffMax { // a broker that drops us at once is a failing one
				failed = backoff{}
			}
		case l.opened == 0 && (final(err) || time.Since(start) > l.cfg.ConnectTimeout):
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		delay := failed.next(err)
		l.down(err)
		if failed.worthLogging() {
			l.cfg.Log.Warn("not connected to the broker", "err", err, "after", delay)
		}
		if !sleep(ctx, delay) {
			return nil
		}
	}
}

// final tells the errors that waiting does not mend.
func final(err error) bool {
	var mismatch *MismatchError
	var missing *MissingError
	var tooLong *ConsumerTimeoutError
	return errors.Is(err, ErrAccessRefused) || errors.As(err, &mismatch) || errors.As(err, &missing) || errors.As(err, &tooLong)
}

// open dials and prepares a session.
func (l *link) open(ctx context.Context) (*session, error) {
	conn, url, err := l.cfg.dialRather(ctx, l.avoid)
	if err != nil {
		return nil, err
	}
	l.avoid = ""
	s := &session{conn: conn, url: url, generation: l.opened + 1, done: make(chan struct{})}
	if l.setup != nil {
		if err := l.setup(s); err != nil {
			_ = conn.CloseDeadline(time.Now().Add(time.Second)) // the error that counts is the set-up's
			return nil, err
		}
	}
	return s, nil
}

// watch shows the session to everybody and drains its notifications until it ends; it returns why.
func (l *link) watch(ctx context.Context, s *session) error {
	defer close(s.done)
	closed := s.conn.NotifyClose(make(chan *amqp.Error, 1))
	blocked := s.conn.NotifyBlocked(make(chan amqp.Blocking, 8))
	l.up(s)
	looks := time.NewTicker(stallLook)
	defer looks.Stop()
	for {
		select {
		case <-looks.C:
			if l.stalled == nil || !l.stalled(s) || !l.elsewhere(s) {
				continue
			}
			l.avoid = s.url
			_ = s.conn.CloseDeadline(time.Now().Add(closeWithin)) // it is given up in any case
			return fmt.Errorf("%w: %w", ErrUnavailable, errStalled)
		case b, ok := <-blocked:
			if !ok {
				blocked = nil // the close follows
				continue
			}
			l.block(b)
		case e := <-closed:
			if e == nil {
				return fmt.Errorf("%w: connection closed", ErrUnavailable)
			}
			return fmt.Errorf("%w: connection lost: %w", ErrUnavailable, e)
		case <-ctx.Done():
			// Not Close, which waits for ever on a blocked connection.
			if err := s.conn.CloseDeadline(time.Now().Add(closeWithin)); err != nil && !errors.Is(err, amqp.ErrClosed) {
				l.cfg.Log.Debug("close connection", "err", err)
			}
			return ctx.Err()
		}
	}
}

// elsewhere says that there is another node to go to.
func (l *link) elsewhere(s *session) bool {
	urls, err := l.cfg.URLs()
	return err == nil && slices.ContainsFunc(urls, func(url string) bool { return url != s.url })
}

func (l *link) update(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) up(s *session) {
	l.update(func() { l.session, l.blocked, l.err, l.opened = s, "", nil, s.generation })
	l.cfg.Log.Info("connected to the broker", "host", s.conn.RemoteAddr().String(), "version", version(s.conn))
	if l.cfg.Events.Up != nil {
		l.cfg.Events.Up()
	}
}

func (l *link) down(err error) {
	var was bool
	l.update(func() { was = l.err == nil; l.session, l.err = nil, err })
	if was && l.cfg.Events.Down != nil {
		l.cfg.Events.Down(err)
	}
}

// calm says that the broker has no alarm.
func (l *link) calm() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blocked == ""
}

func (l *link) block(b amqp.Blocking) {
	reason := ""
	if b.Active {
		reason = b.Reason
		if reason == "" {
			reason = "no reason given"
		}
	}
	l.update(func() { l.blocked = reason })
	l.cfg.Log.Warn("broker alarm", "blocked", b.Active, "reason", reason)
	if l.cfg.Events.Blocked != nil {
		l.cfg.Events.Blocked(reason)
	}
}

func (l *link) end() {
	l.down(ErrClosed)
	l.update(func() { l.closed = true })
}

// ready says whether there is a session, and with unblocked whether it may publish; and why not.
func (l *link) ready(unblocked bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && l.blocked != "" && unblocked {
		return fmt.Errorf("%w: %s", ErrBlocked, l.blocked)
	}
	return l.err
}

// await returns the session, waiting for one if need be, and with unblocked for the end of an alarm too.
// When ctx ends first the error says what was waited for; nothing has been sent then.
func (l *link) await(ctx context.Context, unblocked bool) (*session, error) {
	for {
		l.mu.Lock()
		s, err, blocked, changed, closed := l.session, l.err, l.blocked, l.changed, l.closed
		l.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case err == nil && blocked != "" && unblocked:
			err = fmt.Errorf("%w: %s", ErrBlocked, blocked)
		case err == nil:
			return s, gone(ctx)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (waited until: %w)", err, context.Cause(ctx))
		}
	}
}

// current is the session that can be published on at this moment, or nil.
func (l *link) current() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.err != nil || l.blocked != "" {
		return nil
	}
	return l.session
}

// gone says that nothing is sent for a caller who has gone.
func gone(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("%w: nothing was sent: %w", ErrUnavailable, context.Cause(ctx))
}

// version is the broker's own word for its version, "" when it says none.
func version(conn *amqp.Connection) string {
	v, _ := conn.Properties["version"].(string)
	return v
}
