package rabbit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/warrener/warrener/internal/rabbit"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// What this test program does as a child of its own tests.
const (
	childEnv  = "RABBIT_TEST_CHILD"
	childHang = "hang: " // and the kind of broker: start one and wait to be killed
	childCtl  = "ctl"    // list the virtual hosts of the broker in the environment
)

func TestMain(m *testing.M) {
	task := os.Getenv(childEnv)
	if task == "" {
		os.Exit(m.Run())
	}
	//nolint:forbidigo // this is main
	if err := child(context.Background(), task); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(ctx context.Context, task string) error {
	kind, hang := strings.CutPrefix(task, childHang)
	opts := rabbit.Options{Kind: rabbit.URL}
	if hang {
		opts = rabbit.Options{Kind: rabbit.Kind(kind), Own: true}
	}
	b, err := rabbit.Find(ctx, opts)
	if err != nil {
		return err
	}
	if hang {
		fmt.Println(strings.Join(b.Environ(), "\t")) //nolint:forbidigo // for the test, which reads it
		select {}
	}
	out, err := b.Ctl(ctx, "-q", "list_vhosts")
	fmt.Println(out) //nolint:forbidigo // likewise
	return err
}

// eachKind runs a test with the kinds of broker that this machine has, and fails where it has none.
func eachKind(t *testing.T, test func(t *testing.T, kind rabbit.Kind)) {
	t.Helper()
	kinds := []rabbit.Kind{rabbit.OwnKind()}
	if kinds[0] == "" {
		kinds = nil
		if docker, err := testcontainers.NewDockerClientWithOpts(t.Context()); err == nil {
			_ = docker.Close()
			kinds = append(kinds, rabbit.Docker)
		}
		if _, err := os.Stat("/usr/lib/rabbitmq/bin/rabbitmq-server"); err == nil {
			kinds = append(kinds, rabbit.Installed)
		}
	}
	if len(kinds) == 0 {
		t.Fatal("this machine has neither Docker nor an installed rabbitmq-server")
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			rabbittest.Slot(t)
			test(t, kind)
		})
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind rabbit.Kind) {
		b, err := rabbit.Find(t.Context(), rabbit.Options{Kind: kind, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		traces := tracesOf(t, b.Environ())
		t.Cleanup(func() { _ = b.Close() }) // where the test fails before it closes
		if _, err := b.CreateVhost(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
		publish(t, b)
		// in good order first: 3.10 may forget a queue that was declared milliseconds before kill -9
		must(t, b.Stop(t.Context()))
		must(t, b.Start(t.Context()))
		wantMessage(t, b)
		must(t, b.Kill(t.Context()))
		if _, err := b.Ctl(t.Context(), "status"); err == nil {
			t.Error("rabbitmqctl reaches a broker that was killed")
		}
		must(t, b.Start(t.Context()))
		wantMessage(t, b)

		wantCtl(t, b)
		must(t, b.DeleteVhost(t.Context(), "a/b"))
		wantFrozen(t, b)
		must(t, b.Pause(t.Context())) // Close copes with that
		must(t, b.Close())
		if left := traces(); left != "" {
			t.Errorf("after Close there is still: %s", left)
		}
	})
}

func TestKilledProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind rabbit.Kind) {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+childHang+string(kind))
		child.Stderr = t.Output()
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		must(t, child.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("the child found no broker: %v", err)
		}
		traces := tracesOf(t, strings.Split(strings.TrimSpace(line), "\t"))
		if traces() == "" {
			t.Fatal("there is no broker to clean up")
		}
		must(t, child.Process.Kill())
		_ = child.Wait() // it was killed
		rabbittest.Eventually(t, time.Minute, func() (bool, string) {
			left := traces()
			return left == "", "there is still: " + left
		})
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	must(t, b.API(t.Context(), "PUT /api/queues/a%2Fb/q", map[string]any{"durable": true}, nil))
	message := map[string]any{
		"routing_key": "q", "payload": "kept", "payload_encoding": "string", "properties": map[string]any{"delivery_mode": 2},
	}
	var result struct{ Routed bool }
	must(t, b.API(t.Context(), "POST /api/exchanges/a%2Fb/amq.default/publish", message, &result))
	if !result.Routed {
		t.Fatal("the message was not routed")
	}
}

func wantMessage(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	get := map[string]any{"count": 10, "ackmode": "ack_requeue_true", "encoding": "auto"}
	var messages []struct{ Payload string }
	must(t, b.API(t.Context(), "POST /api/queues/a%2Fb/q/get", get, &messages))
	if len(messages) != 1 || messages[0].Payload != "kept" {
		t.Errorf("after a restart the queue has %+v, want the one message that was published", messages)
	}
}

// wantCtl looks at rabbitmqctl from here and from a child process, which has the environment alone.
func wantCtl(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	out, err := b.Ctl(t.Context(), "-q", "list_vhosts")
	if err != nil || !strings.Contains(out, "a/b") {
		t.Errorf("rabbitmqctl list_vhosts: %q, %v", out, err)
	}
	if _, err := b.Ctl(t.Context(), "nonesuch"); err == nil || !strings.Contains(err.Error(), "nonesuch") {
		t.Errorf("rabbitmqctl nonesuch: error %v", err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = slices.Concat(os.Environ(), b.Environ(), []string{childEnv + "=" + childCtl})
	child.Stderr = t.Output()
	inChild, err := child.Output()
	if err != nil || !strings.Contains(string(inChild), "a/b") {
		t.Errorf("rabbitmqctl list_vhosts in a child process: %q, %v", inChild, err)
	}
}

// wantFrozen pauses more than once: a broker that still answered for a moment would do so seldom.
func wantFrozen(t *testing.T, b *rabbit.Broker) {
	t.Helper()
	for range 5 {
		must(t, b.Pause(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := b.API(ctx, "GET /api/overview", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a paused broker answers: %v", err)
		}
		cancel()
		must(t, b.Resume(t.Context()))
		must(t, b.API(t.Context(), "GET /api/overview", nil, nil))
	}
}

// tracesOf returns a function that names what is still to be seen of a broker: listeners, its container,
// its directory.
func tracesOf(t *testing.T, environ []string) (left func() string) {
	t.Helper()
	value := func(environ []string, name string) string {
		i := slices.IndexFunc(environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		if i < 0 {
			t.Fatalf("the environment lacks %s", name)
		}
		return strings.TrimPrefix(environ[i], name+"=")
	}
	addresses := []string{hostOf(t, value(environ, "AMQP_URL")), hostOf(t, value(environ, "RABBITMQ_MANAGEMENT_URL"))}
	kind, name, _ := strings.Cut(value(environ, "WARRENER_BROKER_CONTROL"), ":")
	exists := containerExists
	if rabbit.Kind(kind) == rabbit.Installed {
		exists = directoryExists
		var control struct{ Env []string }
		content, err := os.ReadFile(filepath.Join(name, "control.json"))
		must(t, err)
		must(t, json.Unmarshal(content, &control))
		addresses = append(addresses, "127.0.0.1:"+value(control.Env, "ERL_EPMD_PORT"), "127.0.0.1:"+value(control.Env, "RABBITMQ_DIST_PORT"))
	}
	return func() string {
		var left []string
		for _, address := range addresses {
			if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				_ = conn.Close()
				left = append(left, "a listener at "+address)
			}
		}
		if exists(context.WithoutCancel(t.Context()), name) {
			left = append(left, name)
		}
		return strings.Join(left, ", ")
	}
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	must(t, err)
	return u.Host
}

func directoryExists(_ context.Context, dir string) bool {
	_, err := os.Stat(dir)
	return !errors.Is(err, os.ErrNotExist)
}

func containerExists(ctx context.Context, name string) bool {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return true // and the test says so
	}
	defer func() { _ = docker.Close() }()
	_, err = docker.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	return err == nil
}
