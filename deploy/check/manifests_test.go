package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// built are the objects that kustomize makes of a folder, by kind, each read strictly into its API's own type.
func built(t *testing.T, folder string) map[string]any {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "../kubernetes/"+folder)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]any{}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object := typed(t, r.GetApiVersion()+"/"+r.GetKind())
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		if err := unknown(text, object); err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		objects[r.GetKind()] = object
	}
	return objects
}

func typed(t *testing.T, kind string) any {
	t.Helper()
	types := map[string]any{
		"v1/ServiceAccount":                      &core.ServiceAccount{},
		"v1/ConfigMap":                           &core.ConfigMap{},
		"apps/v1/Deployment":                     &apps.Deployment{},
		"policy/v1/PodDisruptionBudget":          &policy.PodDisruptionBudget{},
		"networking.k8s.io/v1/NetworkPolicy":     &networking.NetworkPolicy{},
		"monitoring.coreos.com/v1/PodMonitor":    &monitoring.PodMonitor{},
		"keda.sh/v1alpha1/ScaledObject":          &keda.ScaledObject{},
		"keda.sh/v1alpha1/TriggerAuthentication": &keda.TriggerAuthentication{},
	}
	object, ok := types[kind]
	if !ok {
		t.Fatalf("no type to check a %s with", kind)
	}
	return object
}

// unknown says which field is written in other letters than the API's, which Go's decoder lets pass and Kubernetes does not.
func unknown(text []byte, object any) error {
	var given, kept any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	again, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(again, &kept); err != nil {
		return err
	}
	return missing("", given, kept)
}

func missing(path string, given, kept any) error {
	switch given := given.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		for key, value := range given {
			if _, ok := kept[key]; !ok && !empty(value) {
				return fmt.Errorf("%s.%s is not kept by its type", path, key)
			}
			if err := missing(path+"."+key, value, kept[key]); err != nil {
				return err
			}
		}
	case []any:
		kept, _ := kept.([]any)
		for i, value := range given {
			if i >= len(kept) {
				return fmt.Errorf("%s[%d] is not kept by its type", path, i)
			}
			if err := missing(fmt.Sprintf("%s[%d]", path, i), value, kept[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func empty(value any) bool {
	return value == nil || reflect.ValueOf(value).IsZero() || reflect.DeepEqual(value, map[string]any{})
}

func TestDeploymentLetsWorkersDrain(t *testing.T) {
	t.Parallel()
	objects := built(t, "base")
	deployment := objects["Deployment"].(*apps.Deployment)
	config := objects["ConfigMap"].(*core.ConfigMap)
	pod := deployment.Spec.Template.Spec
	drain, err := time.ParseDuration(config.Data["WARRENER_WORKER_DRAIN_TIMEOUT"])
	if err != nil {
		t.Fatal(err)
	}
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < drain+10*time.Second {
		t.Errorf("a pod has %s to end, which is too short for a drain of %s", grace, drain)
	}
	worker := pod.Containers[0]
	if got := worker.ReadinessProbe.HTTPGet.Path; got != "/readyz" {
		t.Errorf("ready is what %s says", got)
	}
	if got := worker.LivenessProbe.HTTPGet.Path; got != "/healthz" {
		t.Errorf("alive is what %s says: a worker that is not connected would be restarted for nothing", got)
	}
	if !*pod.SecurityContext.RunAsNonRoot || !*worker.SecurityContext.ReadOnlyRootFilesystem || *worker.SecurityContext.AllowPrivilegeEscalation {
		t.Error("a worker has more rights than it needs")
	}
	if deployment.Spec.Replicas != nil {
		t.Error("the manifest sets the number of replicas, against whoever scales")
	}
}

// A selector that finds nothing is no error to Kubernetes.
func TestEverySelectorFindsTheWorkers(t *testing.T) {
	t.Parallel()
	objects := built(t, "base")
	deployment := objects["Deployment"].(*apps.Deployment)
	pod := labels.Set(deployment.Spec.Template.Labels)
	monitor := objects["PodMonitor"].(*monitoring.PodMonitor)
	network := objects["NetworkPolicy"].(*networking.NetworkPolicy)
	for name, selector := range map[string]*meta.LabelSelector{
		"Deployment":          deployment.Spec.Selector,
		"PodDisruptionBudget": objects["PodDisruptionBudget"].(*policy.PodDisruptionBudget).Spec.Selector,
		"NetworkPolicy":       &network.Spec.PodSelector,
		"PodMonitor":          &monitor.Spec.Selector,
		"spread":              deployment.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector,
	} {
		s, err := meta.LabelSelectorAsSelector(selector)
		if err != nil || s.Empty() || !s.Matches(pod) {
			t.Errorf("the selector %s of %s does not mean the workers (%v)", s, name, err)
		}
	}
	port := deployment.Spec.Template.Spec.Containers[0].Ports[0].Name
	if got := *monitor.Spec.PodMetricsEndpoints[0].Port; got != port {
		t.Errorf("PodMonitor scrapes port %s, the worker's is %s", got, port)
	}
	if got := network.Spec.Ingress[0].Ports[0].Port.StrVal; got != port {
		t.Errorf("NetworkPolicy lets port %s in, the worker's is %s", got, port)
	}
}

func TestConfigHasOnlyVariablesThatTheWorkerReads(t *testing.T) {
	t.Parallel()
	documented := read(t, "../../docs/cli.md")
	for name := range built(t, "base")["ConfigMap"].(*core.ConfigMap).Data {
		if !strings.Contains(documented, "$"+strings.TrimSuffix(name, "_FILE")) {
			t.Errorf("docs/cli.md knows no variable %s", name)
		}
	}
}

func TestScalingCountsWhatIsWithWorkers(t *testing.T) {
	t.Parallel()
	objects := built(t, "keda")
	scaled := objects["ScaledObject"].(*keda.ScaledObject)
	if got, want := scaled.Spec.ScaleTargetRef.Name, objects["Deployment"].(*apps.Deployment).Name; got != want {
		t.Errorf("it scales %q, the workers are %q", got, want)
	}
	trigger := scaled.Spec.Triggers[0]
	if trigger.Metadata["protocol"] != "http" || trigger.Metadata["excludeUnacknowledged"] != "false" {
		t.Errorf("it does not count what is with workers: %v", trigger.Metadata)
	}
	if got, want := trigger.AuthenticationRef.Name, objects["TriggerAuthentication"].(*keda.TriggerAuthentication).Name; got != want {
		t.Errorf("it asks for authentication %q, there is %q", got, want)
	}
	if got, want := trigger.Metadata["queueName"], objects["ConfigMap"].(*core.ConfigMap).Data["WARRENER_WORKER_QUEUE"]; got != want {
		t.Errorf("it counts queue %q, the workers take from %q", got, want)
	}
	for _, name := range []string{"excludeUnacknowledged", "queueName", "protocol", "mode", "value", "activationValue"} {
		delete(trigger.Metadata, name)
	}
	if len(trigger.Metadata) != 0 {
		t.Errorf("KEDA's rabbitmq trigger knows nothing of %v", trigger.Metadata)
	}
}

func TestUnknownFieldsAreFound(t *testing.T) {
	t.Parallel()
	text := []byte("apiVersion: v1\nkind: ConfigMap\nDATA: {a: b}\n")
	object := &core.ConfigMap{}
	if err := yaml.Unmarshal(text, object); err != nil {
		t.Fatal(err)
	}
	if unknown(text, object) == nil {
		t.Error("DATA is no field of a ConfigMap, and nobody said so")
	}
}
