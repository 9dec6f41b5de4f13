package rabbit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// API calls the management API: b.API(ctx, "GET /api/overview", nil, &out). in and out are JSON and may be nil.
// Names within the path are escaped by the caller, with url.PathEscape.
func (b *Broker) API(ctx context.Context, call string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := b.request(ctx, call, in)
	if err != nil {
		return fmt.Errorf("management API, %s: %w", call, err)
	}
	response, err := managementClient().Do(request)
	if err != nil {
		return fmt.Errorf("management API, %s: %w", call, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("management API, %s: %w", call, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("management API, %s: %s: %s", call, response.Status, bytes.TrimSpace(body))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("management API, %s: %w", call, err)
	}
	return nil
}

// managementClient goes straight to the broker, as AMQP does, and keeps no connection: an idle one
// would look like a leak to a test that counts goroutines.
func managementClient() *http.Client {
	return &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
}

func (b *Broker) request(ctx context.Context, call string, in any) (*http.Request, error) {
	method, path, _ := strings.Cut(call, " ")
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, b.ManagementURL+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if request.URL.User == nil { // else net/http uses what the URL has
		name, secret := b.credentials()
		request.SetBasicAuth(name, secret)
	}
	return request, nil
}

func (b *Broker) credentials() (name, secret string) {
	u, err := parseURL(b.URL)
	if err != nil || u.User == nil {
		return user, password
	}
	secret, _ = u.User.Password()
	return u.User.Username(), secret
}

func (b *Broker) version(ctx context.Context) (string, error) {
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	if err := b.API(ctx, "GET /api/overview", nil, &overview); err != nil {
		return "", err
	}
	if overview.Version == "" {
		return "", errors.New("management API: no version, so this is not RabbitMQ")
	}
	return overview.Version, nil
}

// CreateVhost creates a virtual host with a user of the same name, an administrator, and returns their
// URL. A user of its own is what lets CloseAllConnections tell its connections from others.
func (b *Broker) CreateVhost(ctx context.Context, name string) (amqpURL string, err error) {
	secret := uuid.NewString()
	escaped := url.PathEscape(name)
	for _, put := range []struct {
		path string
		body map[string]string
	}{
		{"/api/vhosts/" + escaped, map[string]string{}},
		{"/api/users/" + escaped, map[string]string{"password": secret, "tags": "administrator"}},
		{"/api/permissions/" + escaped + "/" + escaped, map[string]string{"configure": ".*", "write": ".*", "read": ".*"}},
	} {
		if err := b.again(ctx, "PUT "+put.path, put.body); err != nil {
			return "", err
		}
	}
	return vhostURL(b.URL, name, url.UserPassword(name, secret))
}

// DeleteVhost deletes what CreateVhost created, with all that is in it, and closes its connections.
func (b *Broker) DeleteVhost(ctx context.Context, name string) error {
	return errors.Join(
		b.again(ctx, "DELETE /api/vhosts/"+url.PathEscape(name), nil),
		b.again(ctx, "DELETE /api/users/"+url.PathEscape(name), nil),
	)
}

// CloseAllConnections makes the broker close the connections that were opened with a URL of
// CreateVhost. It goes by the user because the list of a virtual host's connections is up to five
// seconds old, and the list of a user's is not.
func (b *Broker) CloseAllConnections(ctx context.Context, vhost string) error {
	return b.again(ctx, "DELETE /api/connections/username/"+url.PathEscape(vhost), nil)
}

// again tries something three times. RabbitMQ 3.10 answers 500 when a connection that it closes ends by itself meanwhile, and every
// version does when it is busy. What is to be deleted and is not there any more was deleted by the try before.
func (b *Broker) again(ctx context.Context, call string, in any) error {
	var err error
	for try := range 3 {
		err = b.API(ctx, call, in, nil)
		if err == nil || try > 0 && strings.HasPrefix(call, "DELETE ") && strings.Contains(err.Error(), ": 404 ") {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
	return err
}
