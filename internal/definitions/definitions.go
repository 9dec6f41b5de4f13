// Package definitions writes a topology in the forms that RabbitMQ imports: a definitions file, and the resources of
// RabbitMQ's messaging topology operator for Kubernetes.
package definitions

import (
	"cmp"
	"encoding/json"

	"github.com/warrener/warrener/internal/topology"
)

type file struct {
	Exchanges []exchange `json:"exchanges"`
	Queues    []queue    `json:"queues"`
	Bindings  []binding  `json:"bindings"`
}

type exchange struct {
	Name       string         `json:"name"`
	Vhost      string         `json:"vhost"`
	Kind       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
}

type queue struct {
	Name       string         `json:"name"`
	Vhost      string         `json:"vhost"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Arguments  map[string]any `json:"arguments"`
}

type binding struct {
	Source          string         `json:"source"`
	Vhost           string         `json:"vhost"`
	Destination     string         `json:"destination"`
	DestinationType string         `json:"destination_type"`
	Key             string         `json:"routing_key"`
	Arguments       map[string]any `json:"arguments"`
}

// JSON is a definitions file for rabbitmqctl import_definitions, the management API and definitions.import_backend. It holds
// no virtual host, users or permissions; importing adds to what is there.
func JSON(o topology.Objects, vhost string) ([]byte, error) {
	f := file{}
	for _, x := range o.Exchanges {
		f.Exchanges = append(f.Exchanges, exchange{Name: x.Name, Vhost: vhost, Kind: x.Kind, Durable: true, Arguments: some(x.Args)})
	}
	for _, q := range o.Queues {
		f.Queues = append(f.Queues, queue{Name: q.Name, Vhost: vhost, Durable: true, Arguments: some(q.Args)})
	}
	for _, b := range o.Bindings {
		f.Bindings = append(f.Bindings, binding{
			Source: b.Exchange, Vhost: vhost, Destination: cmp.Or(b.Queue, b.ToExchange), DestinationType: destination(b),
			Key: b.Key, Arguments: some(nil),
		})
	}
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// some is never nil: the broker wants an object.
func some(args map[string]any) map[string]any {
	if args == nil {
		return map[string]any{}
	}
	return args
}

func destination(b topology.Binding) string {
	if b.ToExchange != "" {
		return "exchange"
	}
	return "queue"
}
