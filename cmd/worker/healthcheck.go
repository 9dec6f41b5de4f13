package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrener/warrener/internal/cli"
	"github.com/warrener/warrener/internal/config"
)

type healthcheckOptions struct {
	shared *config.Shared
	out    io.Writer
	err    io.Writer
	addr   string
}

func newHealthcheckCommand(shared *config.Shared) *cobra.Command {
	opts := &healthcheckOptions{shared: shared}
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running worker whether it is ready",
		Long: `Ask the worker that runs on this machine, or in this container, whether it is ready. Exit code 0 means that it is
connected and subscribed; 1 that it is not, or that there is no worker, and why. It reads the same variable and key of
the configuration as "worker run", so in a container with those it needs no flag.`,
		Example: `  HEALTHCHECK CMD ["/worker", "healthcheck"]`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.out, opts.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return cli.Within(cmd.Context(), opts.shared.Timeout, func(ctx context.Context) error {
				return runHealthcheck(ctx, opts)
			})
		},
	}
	cmd.Flags().StringVar(&opts.addr, "metrics-addr", defaultMetricsAddr, "where the worker serves its health")
	return cmd
}

// healthTimeout is shorter than that of any container's health check.
const healthTimeout = 5 * time.Second

func runHealthcheck(ctx context.Context, opts *healthcheckOptions) error {
	host, port, err := net.SplitHostPort(opts.addr)
	if err != nil {
		return cli.Usagef("--metrics-addr %q: want host:port or :port", opts.addr)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost" // it listens on every address
	}
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	opts.shared.Logger(opts.err, cli.IsTerminal(opts.err)).Debug("asks the worker", "url", url)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return cli.Usage(err)
	}
	client := &http.Client{Timeout: healthTimeout, Transport: &http.Transport{}} // never through a proxy
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from the worker: %w; is it running, with --metrics-addr %s?", err, opts.addr)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 16<<10))
	if err != nil {
		return fmt.Errorf("read the worker's answer: %w", err)
	}
	answer = bytes.TrimSpace(answer)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the worker is not ready: %s (%s)", answer, response.Status)
	}
	fmt.Fprintf(opts.out, "%s\n", answer)
	return nil
}
