package check

import (
	"os"
	"testing"

	export "github.com/warrener/warrener/internal/definitions"
	"github.com/warrener/warrener/internal/topology"
)

const operatorFile = "../kubernetes/topology/topology.yaml"

//nolint:paralleltest // it may write
func TestOperatorResourcesAreThoseOfTheTopology(t *testing.T) {
	objects := topology.Work(topology.WorkQueue{Name: "default"})
	levels := topology.DelayLevels(topology.Levels - 1)
	objects.Exchanges = append(objects.Exchanges, levels.Exchanges...)
	objects.Queues = append(objects.Queues, levels.Queues...)
	objects.Bindings = append(objects.Bindings, levels.Bindings...)
	want, err := export.Operator(objects, "/", export.Cluster{Name: "rabbitmq"})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(operatorFile, want, 0o644); err != nil { //nolint:gosec // a file for everybody
			t.Fatal(err)
		}
		return
	}
	if content := read(t, operatorFile); content != string(want) {
		t.Errorf("%s is not what the topology asks for; run `go test . -update`", operatorFile)
	}
}
