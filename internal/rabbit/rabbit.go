// Package rabbit finds a RabbitMQ for tests and demonstrations, or starts one.
//
// It looks in this order and takes the first that works: the broker that AMQP_URL names, a container
// in Docker, a private node of an installed rabbitmq-server, and on Debian and Ubuntu, as root, the
// same after installing the package. Where none is to be had, the error says what was tried.
//
// A broker that this package started listens on loopback, has ports, data and names of its own, so
// that many can run side by side, and leaves nothing behind, even where our process is killed.
package rabbit

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// The environment that Find reads and Environ writes.
const (
	envURL        = "AMQP_URL"
	envManagement = "RABBITMQ_MANAGEMENT_URL"
	envImage      = "RABBITMQ_IMAGE"
	envKind       = "WARRENER_BROKER_KIND"
	envVersion    = "WARRENER_BROKER_VERSION"
	envControl    = "WARRENER_BROKER_CONTROL"
)

// Kind says what a broker runs in.
type Kind string

// The kinds of broker, in the order in which Find looks for them.
const (
	URL       Kind = "url"       // named by AMQP_URL, run by someone else
	Docker    Kind = "docker"    // a container of ours
	Installed Kind = "installed" // a private node of ours, of an installed rabbitmq-server
)

// Options of Find. Their zero values mean: any kind, silently.
type Options struct {
	Kind Kind      // only this kind; any where empty
	Own  bool      // start a broker even where AMQP_URL names one
	Log  io.Writer // is told what takes long
}

// Find returns a broker that is ready for use. The caller closes it.
func Find(ctx context.Context, opts Options) (*Broker, error) {
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	kinds := candidates(opts, env(envURL) != "")
	var tried []error
	for _, kind := range kinds {
		b, err := find(ctx, kind, opts.Log)
		if err == nil {
			return b, nil
		}
		if kind == URL {
			return nil, err // where one is named, no other will do
		}
		tried = append(tried, fmt.Errorf("%s: %w", kind, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%w\n%w\n%s", errNone, errors.Join(tried...), advice)
}

var errNone = errors.New("no RabbitMQ could be had")

const advice = "what helps, any of: set " + envURL + " (and " + envManagement + " where it is not http://HOST:15672); " +
	"start Docker, and `docker pull " + defaultImage + "`; install rabbitmq-server (apt-get, dnf, brew)"

// candidates returns the kinds to try, in order.
func candidates(opts Options, given bool) []Kind {
	switch {
	case opts.Kind != "":
		return []Kind{opts.Kind}
	case given && !opts.Own:
		return []Kind{URL}
	default:
		return []Kind{Docker, Installed}
	}
}

func find(ctx context.Context, kind Kind, log io.Writer) (*Broker, error) {
	switch kind {
	case URL:
		return connect(ctx, env(envURL))
	case Docker:
		return startDocker(ctx, log)
	case Installed:
		return startInstalled(ctx, log)
	default:
		return nil, fmt.Errorf("unknown kind, want %s, %s or %s", URL, Docker, Installed)
	}
}
