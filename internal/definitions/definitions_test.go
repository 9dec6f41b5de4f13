package definitions_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/warrener/warrener/internal/definitions"
	"github.com/warrener/warrener/internal/operate"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
	"github.com/warrener/warrener/internal/topology"
)

func TestMain(m *testing.M) { rabbittest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

func objects() topology.Objects {
	return topology.Join(topology.Base(), topology.DelayLevels(1),
		topology.Work(topology.WorkQueue{Name: "e_mails.v2"}), topology.Work(topology.WorkQueue{Name: "logs", Type: topology.Classic}))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is otherwise; if that is meant, run with -update. Now:\n%s", path, got)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	text, err := definitions.JSON(objects(), "/")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "definitions.json", text)
	if text, err = definitions.Operator(objects(), "/", definitions.Cluster{Name: "rabbit", Namespace: "brokers"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "operator.yaml", text)
}

// What a broker has imported is what a worker would have declared.
func TestBrokerImportsDefinitions(t *testing.T) {
	t.Parallel()
	address := rabbittest.Vhost(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	vhost := strings.TrimPrefix(u.Path, "/")
	text, err := definitions.JSON(objects(), vhost)
	if err != nil {
		t.Fatal(err)
	}
	broker := rabbittest.Shared(t)
	if err := broker.API(t.Context(), "POST /api/definitions/"+url.PathEscape(vhost), json.RawMessage(text), nil); err != nil {
		t.Fatal(err)
	}
	b, err := operate.Open(t.Context(), operate.Config{Address: address, Management: broker.ManagementURL, ConnectTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if differences, err := b.Diff(t.Context(), objects()); err != nil || len(differences) > 0 {
		t.Errorf("after the import: %v, %v", differences, err)
	}
	// The broker itself compares more than we do.
	if _, conflicts, err := b.Apply(t.Context(), objects()); err != nil || len(conflicts) > 0 {
		t.Errorf("declaring the same: %v, %v", conflicts, err)
	}
}

// Names of resources follow Kubernetes' rules and are unique, and each object has its resource.
func TestOperatorResources(t *testing.T) {
	t.Parallel()
	o := topology.Join(topology.DelayLevels(topology.Levels-1), objects(), topology.Work(topology.WorkQueue{Name: strings.Repeat("Ü.", 90)}),
		topology.Work(topology.WorkQueue{Name: "e-mails.v2"}), topology.Work(topology.WorkQueue{Name: "E_mails.v2"}))
	text, err := definitions.Operator(o, "/", definitions.Cluster{Name: "rabbit"})
	if err != nil {
		t.Fatal(err)
	}
	valid := regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	seen, kinds := map[string]bool{}, map[string]int{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var r struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string `yaml:"kind"`
			Metadata   struct{ Name string }
			Spec       map[string]any
		}
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := r.Kind + "/" + r.Metadata.Name
		if !valid.MatchString(r.Metadata.Name) || len(r.Metadata.Name) > 63 || seen[name] {
			t.Errorf("resource %s: seen before: %t", name, seen[name])
		}
		seen[name] = true
		kinds[r.Kind]++
		if args, _ := r.Spec["arguments"].(map[string]any); r.APIVersion != "rabbitmq.com/v1beta1" || args["x-queue-type"] != nil {
			t.Errorf("resource %s: %s, %v", name, r.APIVersion, args)
		}
	}
	if kinds["Exchange"] != len(o.Exchanges) || kinds["Queue"] != len(o.Queues) || kinds["Binding"] != len(o.Bindings) {
		t.Errorf("%v for %d exchanges, %d queues, %d bindings", kinds, len(o.Exchanges), len(o.Queues), len(o.Bindings))
	}
}
