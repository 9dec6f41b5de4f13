package main

import (
	"strings"
	"testing"
)

func TestBenchMistakes(t *testing.T) {
	t.Parallel()

	const nowhere = "--url=amqp://guest:guest@127.0.0.1:1/"
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"publsh", 2, `no workload "publsh": there are publish, callers, drain, mixed, end-to-end, latency and sleep`},
		{"drain sleep --rounds 0", 2, "--rounds is from 1"},
		{"--tasks 0", 2, "--tasks is from 1"},
		{"--size 10", 2, "--size is from 64"},
		{"--size 2000000", 2, "--size is from 64 to 1048576"},
		{"--concurrency -1", 2, "--concurrency is from 1"},
		{"--publishers 0", 2, "--publishers is from 1"},
		{"--rate 0", 2, "--rate is from 1"},
		{"--in-flight 40000", 2, "--in-flight is from 1 to 30000"},
		{"--queue-type stream", 2, "want quorum or classic"},
		{"-o xml", 2, `--output "xml": want one of`},
		{"--management-url ftp://h", 2, "--management-url"},
		{"--url http://h", 2, "broker address 1 of 1 is not valid"},
		{"--connect-timeout 100ms " + nowhere, 69, "broker unavailable"},
	} {
		out, code := runCommand(t, append([]string{"bench"}, strings.Fields(tt.args)...)...)
		if code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s: code %d, want %d with %q:\n%s", tt.args, code, tt.code, tt.want, out)
		}
	}
}
