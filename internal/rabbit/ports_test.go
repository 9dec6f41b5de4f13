package rabbit

import (
	"errors"
	"net"
	"strconv"
	"testing"
	"time"
)

func TestPickedPortsAreDistinctAndStable(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for i := range 20 {
		p, err := pickPorts()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.release(); err != nil {
				t.Error(err)
			}
		})
		for _, port := range []int{p.AMQP, p.Management, p.Prometheus, p.Dist, p.Epmd} {
			if port < firstPort || port > lastPort {
				t.Errorf("port %d is not within %d and %d", port, firstPort, lastPort)
			}
			seen[port] = true
		}
		if len(seen) != 5*(i+1) {
			t.Errorf("%+v: want five different ports, which nobody else has", p)
		}
	}
}

func TestPortInUseIsNotFree(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", ""} {
		port, reserved, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		if err := reserved.Close(); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		if isFree(port) {
			t.Errorf("%s has a listener and is called free", l.Addr())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A broker that is down for a moment has nothing listening on its ports.
func TestReservedPortIsNobodyElses(t *testing.T) {
	t.Parallel()
	p, err := pickPorts()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := reserve(p.AMQP); err == nil {
		_ = other.Close()
		t.Error("two have reserved one port")
	}
	if err := p.release(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; { // another test may have picked it at once
		other, err := reserve(p.AMQP)
		if err == nil {
			_ = other.Close()
			return
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("a port that was released: %v", err)
		}
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Bind for 127.0.0.1:20000 failed: port is already allocated":           true,
		"listen tcp4 127.0.0.1:20000: bind: address already in use":            true,
		"ERROR: distribution port 25672 in use by another node: eaddrinuse":    true,
		`{error,{dist_port_already_used,25672,not_erlang,"localhost"}}`:        true,
		"exec: rabbitmq-server: not found":                                     false,
		"Cookie file /var/lib/rabbitmq/.erlang.cookie must be accessible":      false,
		"pull rabbitmq:4-management: context deadline exceeded":                false,
		"no space left on device while writing /var/lib/rabbitmq/mnesia/x.DCD": false,
	} {
		if got := portTaken(errors.New(text)); got != want {
			t.Errorf("portTaken(%q) = %t, want %t", text, got, want)
		}
	}
}
