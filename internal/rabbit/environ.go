package rabbit

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

func env(name string) string { return os.Getenv(name) }

// OwnKind returns the kind of broker that a child of a process with a broker of its own shall start, for
// the sake of likeness; empty where any will do.
func OwnKind() Kind {
	if kind := Kind(env(envKind)); kind != URL {
		return kind
	}
	return ""
}

// Environ returns what a child process needs to find this broker with Find, and to start others of its kind.
func (b *Broker) Environ() []string {
	environ := []string{
		envURL + "=" + b.URL,
		envManagement + "=" + b.ManagementURL,
		envVersion + "=" + b.Version,
	}
	if b.engine == nil {
		return environ
	}
	environ = append(environ, envKind+"="+string(b.Kind))
	switch e := b.engine.(type) {
	case *container:
		environ = append(environ, envControl+"="+string(Docker)+":"+e.name)
	case *node:
		environ = append(environ, envControl+"="+string(Installed)+":"+e.dir)
	}
	return environ
}

// attach returns how to run rabbitmqctl for a broker that our parent process started, nil where it started none.
func attach(control string) controller {
	kind, name, _ := strings.Cut(control, ":")
	switch Kind(kind) {
	case Docker:
		return attachedContainer(name)
	case Installed:
		return attachedNode(name)
	default:
		return nil
	}
}

// managementURL returns where the management API is: where the environment says, else on its standard
// port of the broker's host.
func managementURL(amqpURL, given string) (string, error) {
	broker, err := parseURL(amqpURL)
	if err != nil {
		return "", fmt.Errorf("%s: %w", envURL, err)
	}
	if given != "" {
		if _, err := parseURL(given); err != nil {
			return "", fmt.Errorf("%s: %w", envManagement, err)
		}
		return strings.TrimSuffix(given, "/"), nil
	}
	scheme, port := "http", "15672"
	if broker.Scheme == "amqps" {
		scheme, port = "https", "15671"
	}
	return scheme + "://" + net.JoinHostPort(broker.Hostname(), port), nil
}

// parseURL keeps the URL, and so its password, out of the error.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, errors.New("not a URL like amqp://user:password@host:5672/ or http://host:15672")
	}
	return u, nil
}

// redact returns a URL without its user and password.
func redact(raw string) string {
	u, err := parseURL(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.User = nil
	return u.String()
}

// vhostURL returns the URL of another virtual host of the same broker, as another user.
func vhostURL(amqpURL, vhost string, as *url.Userinfo) (string, error) {
	u, err := parseURL(amqpURL)
	if err != nil {
		return "", err
	}
	u.Path, u.RawPath, u.User = "/"+vhost, "/"+url.PathEscape(vhost), as
	return u.String(), nil
}
