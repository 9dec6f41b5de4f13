// Package status is a worker's metrics address: /metrics for Prometheus, /healthz and /readyz for whoever watches over it.
package status

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warrener/warrener/metrics"
)

// NewHandler serves the three paths. Ready says why the worker is not; paused names the queues that it has no part in for now,
// which does not keep it from being ready.
func NewHandler(measured *metrics.Metrics, ready func() error, paused func() []string) http.Handler {
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
		text := "ready\n"
		if names := paused(); len(names) > 0 {
			text = "ready, but paused: " + strings.Join(names, ", ") + "\n"
		}
		_, _ = io.WriteString(w, text) // likewise
	})
	return mux
}

// Server serves an address. The zero value serves nothing.
type Server struct {
	Addr   string // where it listens
	http   *http.Server
	serves sync.WaitGroup
}

// ErrTaken means that something listens at the address already.
var ErrTaken = errors.New("the port is taken")

// Listen serves handler at addr until Close; at "" nothing.
func Listen(addr string, handler http.Handler, log *slog.Logger) (*Server, error) {
	if addr == "" {
		return &Server{}, nil
	}
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s", ErrTaken, addr)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: listener.Addr().String(), http: &http.Server{
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

// Close ends the server and waits for it.
func (s *Server) Close() {
	if s.http == nil {
		return
	}
	_ = s.http.Close() // nobody needs an answer any more
	s.serves.Wait()
}
