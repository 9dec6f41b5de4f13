// Command orders is a service of somebody who uses Warrener: a shop that takes orders and has them shipped by a task.
//
//	POST /orders {"item": "lamp", "count": 2}   publishes a task, and answers 202 with the order's id once RabbitMQ has it
//	GET  /orders                                how many were taken, are shipped, and were shipped more than once
//	POST /ship                                  what a worker calls to run the task: --http order.ship=http://orders:8081/ship
//
// Everything runs at least once, so /ship has to bear being called twice for an order: it looks at the task's id.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/warrener/warrener"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "address to listen at")
	queue := flag.String("queue", warrener.DefaultQueue, "queue of the tasks")
	work := flag.Duration("work", 10*time.Millisecond, "how long shipping takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, newShop(*queue, *work))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string, s *shop) error {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	client, err := warrener.Dial(ctx, warrener.ClientConfig{URLFunc: brokerURL, Name: "orders", Passive: true, Logger: log})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	s.client = client

	server := &http.Server{Addr: listen, Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() {
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(wait) // what does not end by then is cut off
	})
	defer stopped()
	log.Info("listens", "addr", listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// brokerURL reads the address from the file that WARRENER_URL_FILE names, at each connection anew, or from WARRENER_URL.
func brokerURL() (string, error) {
	file := os.Getenv("WARRENER_URL_FILE")
	if file == "" {
		return os.Getenv("WARRENER_URL"), nil
	}
	url, err := os.ReadFile(file)
	return strings.TrimSpace(string(url)), err
}
