// Package management asks RabbitMQ's management HTTP API for what AMQP does not tell: how many messages of a queue are with
// consumers, arguments and policies, bindings, the broker's clock. It only reads.
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

// What an answer means that is none.
var (
	ErrNotFound = errors.New("not found")
	ErrRefused  = errors.New("access refused")
)

// Unacked is how many messages of the queue are with consumers. The API counts every few seconds only.
func (c *Client) Unacked(ctx context.Context, queue string) (int, error) {
	var answer struct {
		Unacked *int `json:"messages_unacknowledged"`
	}
	err := c.get(ctx, &answer, "queues", c.vhost, queue)
	if err == nil && answer.Unacked == nil {
		err = errors.New("the answer has no messages_unacknowledged")
	}
	if err != nil {
		return 0, fmt.Errorf("ask the management API for queue %q: %w", queue, err)
	}
	return *answer.Unacked, nil
}

// get asks for api/path, a segment each, and reads the answer into out.
func (c *Client) get(ctx context.Context, out any, path ...string) error {
	body, _, err := c.ask(ctx, path...)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

func (c *Client) ask(ctx context.Context, path ...string) ([]byte, http.Header, error) {
	segments := []string{"api"}
	for _, segment := range path {
		segments = append(segments, url.PathEscape(segment))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath(segments...).String(), nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := c.requests.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, nil, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		return body, response.Header, nil
	case http.StatusNotFound:
		return nil, nil, fmt.Errorf("%w: %s", ErrNotFound, response.Status)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, nil, fmt.Errorf("%w: %s", ErrRefused, response.Status)
	}
	return nil, nil, errors.New(response.Status)
}

// maxAnswer has room for a list of ten thousand queues.
const maxAnswer = 32 << 20
