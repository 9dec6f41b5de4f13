package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/warrener/warrener/internal/rabbit"
)

// Single is a broker of one node, with a virtual host for one scenario.
type Single struct {
	node  *rabbit.Broker
	vhost string
	url   string
}

// NewSingle makes a virtual host on a node that only the suite uses.
func NewSingle(ctx context.Context, node *rabbit.Broker, vhost string) (*Single, error) {
	address, err := node.CreateVhost(ctx, vhost)
	if err != nil {
		return nil, err
	}
	return &Single{node, vhost, address}, nil
}

// Close deletes the virtual host.
func (s *Single) Close(ctx context.Context) error { return s.node.DeleteVhost(ctx, s.vhost) }

// URL of the virtual host.
func (s *Single) URL() string { return s.url }

// Version of RabbitMQ.
func (s *Single) Version() string { return s.node.Version }

// CloseConnections makes the broker close all connections to the virtual host.
func (s *Single) CloseConnections(ctx context.Context) error {
	return s.node.CloseAllConnections(ctx, s.vhost)
}

// restart ends the node by end and starts it again; it returns when the node answers AMQP, and says since when.
func (s *Single) restart(ctx context.Context, end func(context.Context) error) (up time.Time, err error) {
	if err := end(ctx); err != nil {
		return up, err
	}
	type greeting struct {
		at  time.Time
		err error
	}
	greeted := make(chan greeting, 1)
	go func() {
		at, err := awaitGreeting(ctx, s.url, 3*time.Minute)
		greeted <- greeting{at, err}
	}()
	if err := s.node.Start(ctx); err != nil {
		return up, err
	}
	g := <-greeted
	return g.at, g.err
}

// single is the broker of a scenario that needs one node.
func (w *World) single() (*Single, error) {
	s, ok := w.Broker.(*Single)
	if !ok {
		return nil, fmt.Errorf("scenario %s needs a broker of one node", w.scenario.Name)
	}
	return s, nil
}
