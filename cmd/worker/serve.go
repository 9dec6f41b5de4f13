package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/metrics"
)

// newMux serves what Prometheus and whoever watches over the container ask for.
func newMux(measured *metrics.Metrics, ready func() error) *http.ServeMux {
	registry := prometheus.NewRegistry()
	registry.MustRegister(measured, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "alive\n") // whoever asked may have gone
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n") // likewise
	})
	return mux
}

// server is the metrics address. The zero value serves nothing.
type server struct {
	addr   string
	http   *http.Server
	serves sync.WaitGroup
}

// listen serves handler at addr until close.
func listen(addr string, handler http.Handler, log *slog.Logger) (*server, error) {
	if addr == "" {
		return &server{}, nil
	}
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--metrics-addr %s: the port is taken, perhaps by another worker: give another one, or \"\" for none", addr)
	}
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--metrics-addr %s: %w", addr, err))
	}
	s := &server{addr: listener.Addr().String(), http: &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.With("component", "metrics").Handler(), slog.LevelWarn),
	}}
	s.serves.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics address lost", "err", err)
		}
	})
	return s, nil
}

func (s *server) close() {
	if s.http == nil {
		return
	}
	_ = s.http.Close() // nobody needs an answer any more
	s.serves.Wait()
}
