package queue

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/warrener/warrener/internal/tasks"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		list string
		want []string
	}{
		"one":                        {"amqp://a", []string{"amqp://a"}},
		"one with all parts":         {"amqps://u:p%2C@a:5671/v?heartbeat=5", []string{"amqps://u:p%2C@a:5671/v?heartbeat=5"}},
		"whole URLs":                 {"amqp://u:p@a/v, amqp://u:p@b:5673/v", []string{"amqp://u:p@a/v", "amqp://u:p@b:5673/v"}},
		"hosts share the rest":       {"amqp://u:p@a,b:5673/v", []string{"amqp://u:p@a/v", "amqp://u:p@b:5673/v"}},
		"hosts, nothing to share":    {"amqp://a,b", []string{"amqp://a", "amqp://b"}},
		"an at sign in a password":   {"amqp://u:p@q@a,b/", []string{"amqp://u:p@q@a/", "amqp://u:p@q@b/"}},
		"an IPv6 host and a vhost /": {"amqp://u:p@[::1]:5672,b/%2f", []string{"amqp://u:p@[::1]:5672/%2f", "amqp://u:p@b/%2f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Addresses(test.list)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Addresses(%q) = %q, %v; want %q", test.list, got, err, test.want)
			}
		})
	}
}

func TestAddressesNeverQuoteThePassword(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		"amqp://user:canary@host:port/",
		"amqp://user:can#canary@host/",
		"http://user:canary@host/",
		"amqp://user:canary@a/v,amqp://user:canary@:x",
		"user:canary@host",
		"",
	} {
		_, err := Addresses(list)
		if !errors.Is(err, tasks.ErrInvalid) {
			t.Errorf("Addresses(%q): %v, want ErrInvalid", list, err)
			continue
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
