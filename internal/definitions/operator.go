package definitions

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/warrener/warrener/internal/topology"
)

// Cluster is where the operator finds the broker: the name of its RabbitmqCluster, and its namespace when that is another.
type Cluster struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace,omitempty"`
}

// resource is an object of the operator's API, https://www.rabbitmq.com/kubernetes/operator/using-topology-operator.
type resource struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       any      `yaml:"spec"`
}

type metadata struct {
	Name string `yaml:"name"`
}

type objectSpec struct { // of an exchange and of a queue
	Name       string         `yaml:"name"`
	Vhost      string         `yaml:"vhost"`
	Type       string         `yaml:"type"`
	Durable    bool           `yaml:"durable"`
	AutoDelete bool           `yaml:"autoDelete"`
	Arguments  map[string]any `yaml:"arguments,omitempty"`
	Cluster    Cluster        `yaml:"rabbitmqClusterReference"`
}

type bindingSpec struct {
	Vhost           string  `yaml:"vhost"`
	Source          string  `yaml:"source"`
	Destination     string  `yaml:"destination"`
	DestinationType string  `yaml:"destinationType"`
	Key             string  `yaml:"routingKey,omitempty"`
	Cluster         Cluster `yaml:"rabbitmqClusterReference"`
}

// Operator is the topology as resources of the messaging topology operator, one YAML document each.
func Operator(o topology.Objects, vhost string, c Cluster) ([]byte, error) {
	var all []resource
	for _, x := range o.Exchanges {
		all = append(all, made("Exchange", x.Name, objectSpec{
			Name: x.Name, Vhost: vhost, Type: x.Kind, Durable: true, Arguments: x.Args, Cluster: c,
		}))
	}
	for _, q := range o.Queues {
		args := maps.Clone(q.Args)
		kind, _ := args["x-queue-type"].(string)
		delete(args, "x-queue-type") // the operator makes it of the type
		all = append(all, made("Queue", q.Name, objectSpec{
			Name: q.Name, Vhost: vhost, Type: kind, Durable: true, Arguments: args, Cluster: c,
		}))
	}
	for _, b := range o.Bindings {
		to := cmp.Or(b.Queue, b.ToExchange)
		all = append(all, made("Binding", strings.Join([]string{b.Exchange, destination(b), to, b.Key}, "\x00"), bindingSpec{
			Vhost: vhost, Source: b.Exchange, Destination: to, DestinationType: destination(b), Key: b.Key, Cluster: c,
		}))
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	for _, r := range all {
		if err := encoder.Encode(r); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), encoder.Close()
}

func made(kind, name string, spec any) resource {
	return resource{APIVersion: "rabbitmq.com/v1beta1", Kind: kind, Metadata: metadata{Name: resourceName(name)}, Spec: spec}
}

// readable is how much of an object's name stands in the name of its resource.
const readable = 40

// resourceName makes a name for Kubernetes, which allows less than RabbitMQ does, of an object's: what can be kept of it, and
// enough of a hash that two names stay two.
func resourceName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
		if b.Len() >= readable {
			break
		}
	}
	sum := sha256.Sum256([]byte(name))
	return strings.Trim(b.String()+"-"+hex.EncodeToString(sum[:4]), "-")
}
