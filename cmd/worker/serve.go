package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/status"
)

// listen serves the metrics address.
func listen(addr string, handler http.Handler, log *slog.Logger) (*status.Server, error) {
	server, err := status.Listen(addr, handler, log)
	if errors.Is(err, status.ErrTaken) {
		return nil, fmt.Errorf("--metrics-addr %s: the port is taken, perhaps by another worker: give another one, or \"\" for none", addr)
	}
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--metrics-addr %s: %w", addr, err))
	}
	return server, nil
}
