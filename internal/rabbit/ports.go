package rabbit

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// Ports are picked below the ephemeral range (32768 up on Linux), where an outgoing connection
// could take one while a broker restarts.
const (
	firstPort = 20000
	lastPort  = 31999
)

// startAttempts bounds how often a start is repeated with other ports, when another process took one
// between our look and the broker's bind.
const startAttempts = 4

type ports struct {
	AMQP, Management, Prometheus int
	Dist, Epmd                   int // of a private node only

	reserved []net.PacketConn
}

// pickPorts picks ports that are free, and reserves them until they are released.
func pickPorts() (p ports, err error) {
	for _, port := range []*int{&p.AMQP, &p.Management, &p.Prometheus, &p.Dist, &p.Epmd} {
		free, reserved, err := freePort()
		if err != nil {
			return ports{}, errors.Join(err, p.release())
		}
		*port, p.reserved = free, append(p.reserved, reserved)
	}
	return p, nil
}

func freePort() (port int, reserved net.PacketConn, err error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		reserved, err := reserve(port)
		if err != nil {
			continue
		}
		if isFree(port) {
			return port, reserved, nil
		}
		if err := reserved.Close(); err != nil {
			return 0, nil, err
		}
	}
	return 0, nil, errors.New("find a free port: 200 attempts found none")
}

// reserve keeps others of us, in whatever process, from picking a port while the broker that has it is down for a moment. It takes
// the UDP port of that number, which no broker uses: that is let go with the process, and leaves nothing behind.
func reserve(port int) (net.PacketConn, error) {
	return net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (p *ports) release() error {
	var errs []error
	for _, r := range p.reserved {
		errs = append(errs, r.Close())
	}
	p.reserved = nil
	return errors.Join(errs...)
}

// isFree looks at loopback and at all addresses: a listener on the one does not always hinder the other.
func isFree(port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		if err := l.Close(); err != nil {
			return false
		}
	}
	return true
}

// portTaken tells whether a start failed for want of a port, in the words of Docker, Erlang and RabbitMQ.
func portTaken(err error) bool {
	text := strings.ToLower(err.Error())
	for _, words := range []string{"port is already allocated", "address already in use", "eaddrinuse", "port_already_used", "could not bind"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
