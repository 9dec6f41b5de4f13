package queue

import (
	"errors"
	"fmt"
	"strings"

	"github.com/warrener/warrener/internal/tasks"
)

var errAddress = errors.New("want amqp://user:password@host:5672/vhost, several hosts separated by commas, special characters percent-encoded")

// Addresses splits a list of broker addresses: whole URLs separated by commas, or one URL with several hosts in it.
// Its errors never quote the address, which may hold a password.
func Addresses(list string) ([]string, error) {
	urls := strings.Split(list, ",")
	if strings.Count(list, "://") == 1 {
		urls = spread(list)
	}
	for i, u := range urls {
		urls[i] = strings.TrimSpace(u)
		if !ValidURL(urls[i]) {
			return nil, fmt.Errorf("%w: broker address %d of %d is not valid: %w", tasks.ErrInvalid, i+1, len(urls), errAddress)
		}
	}
	return urls, nil
}

// spread turns amqp://user:password@a,b:5673/vhost into a URL for each host.
func spread(url string) []string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, path, hasPath := strings.Cut(rest, "/")
	user, hosts, hasUser := cutLast(authority, "@")
	if !hasUser {
		hosts = authority
	}
	urls := strings.Split(hosts, ",")
	for i, host := range urls {
		u := scheme + "://"
		if hasUser {
			u += user + "@"
		}
		u += strings.TrimSpace(host)
		if hasPath {
			u += "/" + path
		}
		urls[i] = u
	}
	return urls
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
