package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// withChannel uses a channel of the harness's own, past every proxy.
func (w *World) withChannel(use func(*amqp.Channel) error) error {
	var errs []error
	for _, address := range hosts(w.Broker.URL()) {
		conn, err := amqp.DialConfig(address, amqp.Config{Heartbeat: 10 * time.Second, Dial: amqp.DefaultDial(3 * time.Second)})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		defer func() { _ = conn.Close() }() // used up
		ch, err := conn.Channel()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return use(ch)
	}
	return errors.Join(errs...)
}

// hosts takes a URL with several hosts apart.
func hosts(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	var all []string
	for host := range strings.SplitSeq(u.Host, ",") {
		one := *u
		one.Host = host
		all = append(all, one.String())
	}
	return all
}

// awaitGreeting waits until a broker answers, and says when it did.
func awaitGreeting(ctx context.Context, address string, within time.Duration) (time.Time, error) {
	u, err := url.Parse(address)
	if err != nil {
		return time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		if greeted(ctx, u.Host) {
			return time.Now(), nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("no broker at %s within %s", u.Host, within)
		}
	}
}

func greeted(ctx context.Context, host string) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }() // it has served its purpose
	if conn.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := conn.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return false
	}
	first := make([]byte, 1)
	n, _ := conn.Read(first)
	return n == 1 && first[0] == methodFrame
}
