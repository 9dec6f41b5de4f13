package queue

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What a broker says in the handshake, as frames.
const (
	connectionStart = "\x01\x00\x00\x00\x00\x00\x1c" + "\x00\x0a\x00\x0a" + "\x00\x09" + "\x00\x00\x00\x00" +
		"\x00\x00\x00\x05PLAIN" + "\x00\x00\x00\x05en_US" + "\xce"
	connectionTune  = "\x01\x00\x00\x00\x00\x00\x0c" + "\x00\x0a\x00\x1e" + "\x07\xff" + "\x00\x02\x00\x00" + "\x00\x0a" + "\xce"
	connectionClose = "\x01\x00\x00\x00\x00\x00\x0f" + "\x00\x0a\x00\x32" + "\x02\x12" + "\x04LATE" + "\x00\x00\x00\x00" + "\xce"
)

// broker is what the other end of a dialled connection says. Then it hangs up, or is silent for ever.
type broker struct {
	says    string
	answers string // to connection.open
	silent  bool
}

const connectionOpen = "\x00\x0a\x00\x28" // class and method

// opened reads what a client says until it opens its virtual host, and throws the rest away.
func opened(from io.Reader) <-chan struct{} {
	open := make(chan struct{})
	go func() {
		var said strings.Builder
		for buf := make([]byte, 4096); ; {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			before := strings.Contains(said.String(), connectionOpen)
			said.Write(buf[:n])
			if !before && strings.Contains(said.String(), connectionOpen) {
				close(open)
			}
		}
	}()
	return open
}

// dialer returns a Config whose hosts are the brokers named; a host that is not there refuses connections.
func dialer(t *testing.T, brokers map[string]broker) (cfg Config, dialled *[]string) {
	t.Helper()
	cfg = configFor(t, "")
	dialled = &[]string{}
	cfg.URLs = func() ([]string, error) { return []string{"amqp://u:secret@a/", "amqp://u:secret@b/"}, nil }
	cfg.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
		host, _, _ := strings.Cut(addr, ":")
		*dialled = append(*dialled, host)
		b, ok := brokers[host]
		if !ok {
			return nil, errors.New("connection refused")
		}
		near, far := net.Pipe()
		go func() {
			defer closing(far)
			open := opened(far)
			_, _ = io.WriteString(far, b.says)
			if b.answers != "" {
				<-open
				_, _ = io.WriteString(far, b.answers)
			}
			if b.silent {
				<-t.Context().Done()
			}
		}()
		return near, nil
	}
	return cfg.withDefaults(), dialled
}

func TestDialSaysWhatFailed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		broker broker
		want   error
		took   time.Duration
	}{
		{"hangs up", broker{}, ErrUnavailable, 0},
		{"is silent", broker{silent: true}, ErrUnavailable, 10 * time.Second},
		{"is silent after start", broker{says: connectionStart, silent: true}, ErrUnavailable, 10 * time.Second},
		{"is silent after tune", broker{says: connectionStart + connectionTune, silent: true}, ErrUnavailable, 10 * time.Second},
		// RabbitMQ does so, without a word, when the password is wrong.
		{"hangs up after start", broker{says: connectionStart}, ErrAccessRefused, 0},
		{"refuses", broker{says: connectionStart + connectionTune, answers: connectionClose, silent: true}, ErrAccessRefused, 0},
		{"speaks HTTP", broker{says: "HTTP/1.1 400 Bad Request\r\n\r\n"}, ErrUnavailable, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := dialer(t, map[string]broker{"a": test.broker})
				start := time.Now()
				_, err := cfg.dialHost(t.Context(), "amqp://u:secret@a/")
				if !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				if took := time.Since(start); took < test.took || took > test.took+time.Second {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if !strings.Contains(err.Error(), "a:5672") || strings.Contains(err.Error(), "secret") {
					t.Errorf("%q does not name the host, or names the password", err)
				}
			})
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := dialer(t, map[string]broker{"a": {silent: true}, "b": {silent: true}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := cfg.dial(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestDialTriesEachHostOnce(t *testing.T) {
	t.Parallel()
	first := map[string]bool{}
	for range 100 { // the same host first each time: a chance of one in 2^99
		cfg, dialled := dialer(t, nil)
		if _, err := cfg.dial(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		if len(*dialled) != 2 || (*dialled)[0] == (*dialled)[1] {
			t.Fatalf("dialled %v", *dialled)
		}
		first[(*dialled)[0]] = true
	}
	if len(first) != 2 {
		t.Error("the order is not random")
	}
}

func TestDialNeedsAnAddress(t *testing.T) {
	t.Parallel()
	unreadable := errors.New("no such file")
	for name, test := range map[string]struct {
		urls []string
		err  error
		want error
	}{
		"none":       {nil, nil, ErrUnavailable},
		"unreadable": {nil, unreadable, unreadable},
		"no URL":     {[]string{"amqp://u:sec%ret@a/"}, nil, ErrUnavailable},
	} {
		cfg := Config{URLs: func() ([]string, error) { return test.urls, test.err }}.withDefaults()
		_, err := cfg.dial(t.Context())
		if !errors.Is(err, test.want) || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failures int
		limit    time.Duration
		ceiling  time.Duration
	}{
		{0, backoffMax, 50 * time.Millisecond},
		{1, backoffMax, 100 * time.Millisecond},
		{4, backoffMax, 800 * time.Millisecond},
		{5, backoffSilence, 400 * time.Millisecond},
		{9, backoffMax, 25600 * time.Millisecond},
		{10, backoffMax, 30 * time.Second},
		{63, backoffMax, 30 * time.Second}, // 50 ms × 2^63 overflows
		{1 << 40, backoffSilence, 400 * time.Millisecond},
	} {
		var longest time.Duration
		for range 1000 {
			d := jitter(test.failures, test.limit)
			if d < 0 || d >= test.ceiling {
				t.Fatalf("%d failures: %v, want less than %v", test.failures, d, test.ceiling)
			}
			longest = max(longest, d)
		}
		if longest < test.ceiling/2 {
			t.Errorf("%d failures: never above %v, want up to %v", test.failures, longest, test.ceiling)
		}
	}
}

func TestReconnectDelay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		err   error
		limit time.Duration
	}{
		{"nobody answers", errors.New("connection refused"), backoffSilence},
		{"connection lost", &amqp.Error{Code: amqp.FrameError, Reason: "EOF"}, backoffSilence},
		{"the broker's own word", &amqp.Error{Code: amqp.InternalError, Server: true}, backoffMax},
		{"access refused", ErrAccessRefused, backoffMax},
		{"does not fit", &MismatchError{}, backoffMax},
		{"is missing", &MissingError{}, backoffMax},
	} {
		var longest time.Duration
		for range 200 {
			failed := backoff{failures: 100, refusals: 100}
			longest = max(longest, failed.next(test.err))
		}
		if longest > test.limit || longest < test.limit/2 {
			t.Errorf("%s: up to %v, want up to %v", test.name, longest, test.limit)
		}
	}
}

// A broker that starts refuses at first. After a minute of silence that is no reason to stay away for long.
func TestSilenceIsNoRefusal(t *testing.T) {
	t.Parallel()
	for range 100 {
		var failed backoff
		for range 120 {
			failed.next(errors.New("connection refused"))
		}
		if d := failed.next(&amqp.Error{Code: amqp.InternalError, Server: true}); d > backoffMin {
			t.Fatalf("the first refusal keeps us away for %v", d)
		}
		failed.next(errors.New("connection refused"))
		if failed.refusals != 0 {
			t.Fatal("refusals are counted over a silence")
		}
	}
}
