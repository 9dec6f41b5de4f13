// Command formatter is a service that workers call: it checks the formatting of the .go file that a task names. It knows
// nothing of RabbitMQ or Warrener; a worker hands it tasks by
//
//	worker run --http gofmt=http://formatter:8080/
//
// A file that is no Go is refused for good, so it becomes a dead letter. Go's own tests have some of those.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const maxPayload = 64 << 10 // of a file's name

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen at")
	root := flag.String("root", ".", "folder outside of which no file is read")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *root); err != nil {
		fmt.Fprintln(os.Stderr, "formatter:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

func run(ctx context.Context, listen, path string) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it was only read
	checker := &checker{root: root, prefix: strings.TrimSuffix(path, "/") + "/", log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	server := &http.Server{
		Addr: listen, Handler: checker, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := context.AfterFunc(ctx, func() {
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(wait) // what does not end by then is cut off
	})
	defer stopped()
	checker.log.Info("listens", "addr", listen, "root", path)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// checker answers 204 for a formatted file, 200 with "not formatted" for another, and 422 for one that will never do.
type checker struct {
	root   *os.Root
	prefix string
	log    *slog.Logger
}

func (c *checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var name string
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPayload)).Decode(&name); err != nil {
		http.Error(w, "want the name of a file as a JSON string: "+err.Error(), http.StatusBadRequest)
		return
	}
	source, err := c.root.ReadFile(strings.TrimPrefix(name, c.prefix))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	formatted, err := format.Source(source)
	switch {
	case err != nil:
		http.Error(w, "not Go: "+err.Error(), http.StatusUnprocessableEntity)
	case bytes.Equal(source, formatted):
		w.WriteHeader(http.StatusNoContent)
	default:
		c.log.Info("not formatted", "file", name, "task_id", r.Header.Get("Warrener-Task-Id"))
		fmt.Fprintln(w, "not formatted")
	}
}
