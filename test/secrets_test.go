package test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// canary is a password that must not be heard of. It has what needs to be encoded in a URL.
const canary = "c4nary/s3cret ü@%"

// withCanary makes a user of the virtual host with the canary as password, and returns the address as that user.
func withCanary(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	broker, vhost := rabbittest.Shared(t), strings.TrimPrefix(u.Path, "/")
	user := url.PathEscape(vhost + "-canary")
	for path, body := range map[string]map[string]string{
		"/api/users/" + user: {"password": canary, "tags": ""},
	} {
		if err := broker.API(t.Context(), "PUT "+path, body, nil); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = broker.API(t.Context(), "DELETE /api/users/"+user, nil, nil) })
	all := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	if err := broker.API(t.Context(), "PUT /api/permissions/"+url.PathEscape(vhost)+"/"+user, all, nil); err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(vhost+"-canary", canary)
	return u
}

// silentAbout wants none of the ways to write the canary in a text.
func silentAbout(t *testing.T, where, text string) {
	t.Helper()
	for _, written := range []string{canary, url.PathEscape(canary), url.QueryEscape(canary), "c4nary", "s3cret"} {
		if strings.Contains(text, written) {
			t.Errorf("%s has the password: %s", where, text)
			return
		}
	}
}

func TestPasswordsAreNeverShown(t *testing.T) {
	t.Parallel()
	u := withCanary(t, rabbittest.Vhost(t))
	address := u.String()
	change := func(f func(*url.URL)) string {
		other := *u
		f(&other)
		return other.String()
	}
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := change(func(u *url.URL) { u.User = url.UserPassword("nobody", canary) })
	noVhost := change(func(u *url.URL) { u.Path = "/nonesuch" })
	down := change(func(u *url.URL) { u.Host = "127.0.0.1:1" })
	broken := strings.Replace(address, "%", "%zz", 1)
	debug := []string{"--log-level", "debug", "--connect-timeout", "300ms"}

	w := startWorker(t, address, "--builtin", "--log-level", "debug")
	w.awaitReady(t, 20*time.Second)
	calls := []call{
		{program: built(t, "producer"), args: append([]string{"publish", "warrener.echo"}, debug...), env: []string{"WARRENER_URL_FILE=" + file}},
		producer(t, "", append([]string{"publish", "warrener.echo", "--url", address}, debug...)...),
		producer(t, address, "publish", "--help"),
	}
	for _, address := range []string{address, refused, noVhost, down, broken, address + "," + down, broken + "," + address} {
		calls = append(calls, producer(t, address, append([]string{"publish", "warrener.echo"}, debug...)...))
	}
	for _, address := range []string{refused, noVhost, down, broken} {
		calls = append(calls, worker(t, address, append([]string{"--builtin", "--metrics-addr", ""}, debug...)...))
	}
	codes := map[int]int{}
	for _, c := range calls {
		p := c.run(t)
		codes[p.code()]++
		silentAbout(t, p.cmd.Args[0]+" on stdout", p.stdout.String())
		silentAbout(t, p.cmd.Args[0]+" on stderr", p.stderr.String())
	}
	if codes[0] < 5 || codes[77] != 4 || codes[69] != 2 || codes[2] != 3 {
		t.Errorf("the calls should have ended well, refused, without a broker and as misuse: %v", codes)
	}
	w.awaitMetric(t, `warrener_deliveries_settled_total{outcome="acked",queue="default",task="warrener.echo"}`, float64(codes[0]-1))
	_, scraped := w.get(t, "/metrics")
	silentAbout(t, "/metrics", scraped)
	silentAbout(t, "the worker's log", w.stderr.String())
	if warned := calls[1].run(t).stderr.String(); !strings.Contains(warned, "a password on the command line") {
		t.Errorf("a password on the command line is warned of: %q", warned)
	}
}

// A worker that loses its broker, or is refused, says so again and again: never with the password.
func TestPasswordsAreNotInTheErrorsOfTheSDK(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"amqp://canary:c4nary%zz@127.0.0.1/", "amqp://canary:c4nary@127.0.0.1:port/", "http://canary:c4nary@127.0.0.1/",
		"amqp://canary:c4nary@127.0.0.1:1/", "c4nary",
	} {
		_, err := warrener.Dial(t.Context(), warrener.ClientConfig{URL: address, ConnectTimeout: time.Millisecond, Logger: logger(t)})
		if err == nil {
			t.Errorf("dialled %s", address)
			continue
		}
		silentAbout(t, "the error", err.Error())
	}
}
