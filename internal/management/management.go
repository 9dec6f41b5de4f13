// Package management asks RabbitMQ's management HTTP API for the one count that AMQP does not tell: how many messages of
// a queue are with consumers.
package management

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks one broker about the queues of one virtual host.
type Client struct {
	base     *url.URL
	vhost    string
	requests *http.Client
}

// requestTimeout is short: the next count comes soon, and a broker that has trouble is not to be asked a lot.
const requestTimeout = 5 * time.Second

var (
	errAddress = errors.New("want http://user:password@host:15672, special characters percent-encoded")
	errBroker  = errors.New("the broker's address is no URL")
)

// New returns a client for the API at address. User and password come from there, or else from the broker's own address,
// which also names the virtual host. No error quotes an address, which may hold a password.
func New(address, broker string) (*Client, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errAddress
	}
	amqp, err := firstBroker(broker)
	if err != nil {
		return nil, err
	}
	if base.User == nil {
		base.User = amqp.User // net/http sends it, and hides the password in its errors
	}
	vhost := strings.TrimPrefix(amqp.Path, "/")
	if vhost == "" {
		vhost = "/"
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &Client{base: base, vhost: vhost, requests: &http.Client{Timeout: requestTimeout}}, nil
}

// firstBroker reads a broker's address that may name several hosts, separated by commas within one URL or between several.
func firstBroker(address string) (*url.URL, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return nil, errBroker
	}
	if strings.Contains(rest, "://") { // several URLs: the first
		rest, _, _ = strings.Cut(rest, ",")
	} else if hosts, path, ok := strings.Cut(rest, "/"); ok { // several hosts: the first of them, and the path
		hosts, _, _ = strings.Cut(hosts, ",")
		rest = hosts + "/" + path
	} else {
		rest, _, _ = strings.Cut(rest, ",")
	}
	broker, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return nil, errBroker
	}
	return broker, nil
}

// Unacked is how many messages of the queue are with consumers. The API counts every few seconds only.
func (c *Client) Unacked(ctx context.Context, queue string) (int, error) {
	count, err := c.unacked(ctx, queue)
	if err != nil {
		return 0, fmt.Errorf("ask the management API for queue %q: %w", queue, err)
	}
	return count, nil
}

func (c *Client) unacked(ctx context.Context, queue string) (int, error) {
	target := c.base.JoinPath("api", "queues", url.PathEscape(c.vhost), url.PathEscape(queue))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return 0, err
	}
	response, err := c.requests.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, errors.New(response.Status)
	}
	var answer struct {
		Unacked *int `json:"messages_unacknowledged"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, err
	}
	if answer.Unacked == nil {
		return 0, errors.New("the answer has no messages_unacknowledged")
	}
	return *answer.Unacked, nil
}
