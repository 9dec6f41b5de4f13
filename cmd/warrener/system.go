package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/broker"
	"github.com/warrener/warrener/internal/broker/vhost"
	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/status"
	"github.com/warrener/warrener/metrics"
)

const (
	devQueue   = "dev"
	devWorkers = 2
)

// system is a broker, workers and a client in one process.
type system struct {
	description string
	listening   string // where the embedded broker can be reached from outside
	broker      *broker.Broker
	url         func() (string, error) // nil: the embedded broker
	tally       *tally
	measured    *metrics.Metrics
	metrics     *status.Server
	client      *warrener.Client
	workers     []*warrener.Worker

	running sync.WaitGroup     // the stream and the broker's listener
	failed  chan error         // what ended a worker or the broker's listener
	stop    context.CancelFunc // the workers
	enough  context.CancelFunc // of the stream
	drained sync.WaitGroup
}

// newSystem makes what does not run by itself yet.
func newSystem(opts *devOptions, log *slog.Logger) (*system, error) {
	address, err := opts.broker.Read()
	if err != nil {
		return nil, cli.Configuration(err)
	}
	s := &system{
		tally: newTally(), measured: metrics.New(metrics.Options{}), metrics: &status.Server{}, failed: make(chan error, devWorkers+1),
		stop: func() {}, enough: func() {},
	}
	if address != "" && address != embedded {
		if opts.listen != "" {
			return nil, cli.Usagef("--listen is for the embedded broker; --broker names another")
		}
		opts.broker.Warn(log, "broker")
		s.url, s.description = opts.broker.Read, "broker   the one of --broker; "+fleet()
		return s, nil
	}
	s.broker = broker.New(broker.Config{Log: log})
	s.description = "broker   embedded, for development: everything is in memory and forgotten at the end; " + fleet()
	return s, s.open(opts.listen)
}

func fleet() string { return fmt.Sprintf("%d workers on queue %q", devWorkers, devQueue) }

// open lets other programs in.
func (s *system) open(addr string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return cli.Usagef("--listen %s: want host:port, such as 127.0.0.1:5672", addr)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return cli.Usagef("--listen %s: everybody knows the broker's password, so it listens on a loopback address alone", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("--listen %s: the port is taken, perhaps by a RabbitMQ: give another one, or use that by --broker amqp://%s/", addr, addr)
	}
	if err != nil {
		return cli.Usage(fmt.Errorf("--listen %s: %w", addr, err))
	}
	s.listening = listener.Addr().String()
	s.running.Go(func() {
		if err := s.broker.Serve(context.Background(), listener); err != nil { //nolint:forbidigo // until close
			s.failed <- err
		}
	})
	return nil
}

// start connects the client and starts the workers.
func (s *system) start(ctx context.Context, log *slog.Logger) error {
	hooks := warrener.MergeHooks(s.tally.hooks(), s.measured.Hooks())
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for i := range devWorkers {
		cfg := warrener.WorkerConfig{
			Name: fmt.Sprintf("dev-%d", i+1), Queues: []warrener.Queue{{Name: devQueue}}, Handler: handlers(), Concurrency: 16,
			Hooks: hooks, Logger: log, URLFunc: s.url,
		}
		if s.broker != nil {
			cfg.DialFunc = s.broker.Dial
		}
		worker := warrener.NewWorker(cfg)
		s.workers = append(s.workers, worker)
		s.drained.Go(func() {
			if err := worker.Run(working); err != nil {
				s.failed <- err
			}
		})
	}
	cfg := warrener.ClientConfig{Name: "dev", Queues: []warrener.Queue{{Name: devQueue}}, Hooks: s.measured.Hooks(), Logger: log, URLFunc: s.url}
	if s.broker != nil {
		cfg.DialFunc = s.broker.Dial
	}
	client, err := warrener.Dial(ctx, cfg)
	s.client = client
	return err
}

// serve opens the metrics address; the first task need not wait for it.
func (s *system) serve(addr string, log *slog.Logger) error {
	server, err := status.Listen(addr, status.NewHandler(s.measured, s.ready, s.workers[0].Paused), log)
	if err != nil {
		return cli.Usage(fmt.Errorf("--metrics-addr %s: %w", addr, err))
	}
	s.metrics = server
	return nil
}

func (s *system) ready() error {
	var errs []error
	for _, w := range s.workers {
		errs = append(errs, w.Ready())
	}
	return errors.Join(errs...)
}

// drain stops the workers and waits for them.
func (s *system) drain() error {
	s.stop()
	s.drained.Wait()
	select {
	case err := <-s.failed:
		return err
	default:
		return nil
	}
}

// close ends all that runs.
func (s *system) close() {
	s.enough()
	s.stop()
	s.drained.Wait()
	if s.client != nil {
		_ = s.client.Close() // it may never have connected
	}
	if s.broker != nil {
		s.broker.Close()
	}
	s.metrics.Close()
	s.running.Wait()
}

// waiting counts those of our open tasks that are at the broker. Of a broker that is not ours it is taken on trust.
func (s *system) waiting() int {
	open := s.tally.openIDs()
	if s.broker == nil {
		return len(open)
	}
	n := 0
	s.broker.Vhost("/").Look(func(q vhost.QueueInfo, ready iter.Seq[*vhost.Message]) {
		if q.Name != devQueue && !strings.HasPrefix(q.Name, "warrener.delay.") {
			return
		}
		for m := range ready {
			if _, ours := open[m.Properties.MessageID]; ours {
				n++
			}
		}
	})
	return n
}
