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
}

func pickPorts() (ports, error) {
	var p ports
	for _, port := range []*int{&p.AMQP, &p.Management, &p.Prometheus, &p.Dist, &p.Epmd} {
		free, err := freePort(p)
		if err != nil {
			return ports{}, err
		}
		*port = free
	}
	return p, nil
}

func freePort(taken ports) (int, error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !taken.has(port) && isFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port: 200 attempts found none")
}

func (p ports) has(port int) bool {
	return port == p.AMQP || port == p.Management || port == p.Prometheus || port == p.Dist || port == p.Epmd
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
