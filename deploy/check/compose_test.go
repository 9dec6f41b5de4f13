package check

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// composeFile is what we ask of docker-compose.yml; `docker compose` itself looks at the rest, in make compose-test.
type composeFile struct {
	Services map[string]struct {
		User          string            `json:"user"`
		Image         string            `json:"image"`
		ContainerName string            `json:"container_name"`
		ReadOnly      bool              `json:"read_only"`
		CapDrop       []string          `json:"cap_drop"`
		SecurityOpt   []string          `json:"security_opt"`
		NetworkMode   string            `json:"network_mode"`
		Ports         []string          `json:"ports"`
		GracePeriod   string            `json:"stop_grace_period"`
		Environment   map[string]string `json:"environment"`
		Deploy        struct {
			Resources struct {
				Limits struct {
					CPUs   string `json:"cpus"`
					Memory string `json:"memory"`
					PIDs   int    `json:"pids"`
				} `json:"limits"`
			} `json:"resources"`
		} `json:"deploy"`
	} `json:"services"`
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var file composeFile
	if err := yaml.Unmarshal([]byte(read(t, "../docker-compose.yml")), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEveryServiceIsLocked(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" || len(s.SecurityOpt) != 1 {
			t.Errorf("%s can write to its root filesystem, or has capabilities", name)
		}
		limits := s.Deploy.Resources.Limits
		if limits.CPUs == "" || limits.Memory == "" || limits.PIDs == 0 {
			t.Errorf("%s has no limits", name)
		}
		ours := strings.Contains(s.Image, "WARRENER") // the Dockerfile says USER
		if root := s.User == "" || strings.HasPrefix(s.User, "0"); root && !ours && s.NetworkMode != "none" {
			t.Errorf("%s runs as root, and is on the network", name)
		}
		if s.ContainerName != "" {
			t.Errorf("%s has a fixed name, so there can be one only", name)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is not on loopback alone", name, port)
			}
		}
	}
}

func TestWorkersHaveTimeToDrainAndNoPort(t *testing.T) {
	t.Parallel()
	worker := readCompose(t).Services["worker"]
	grace, err := time.ParseDuration(worker.GracePeriod)
	if err != nil {
		t.Fatal(err)
	}
	drain, err := time.ParseDuration(worker.Environment["WARRENER_WORKER_DRAIN_TIMEOUT"])
	if err != nil {
		t.Fatal(err)
	}
	if grace < drain+10*time.Second {
		t.Errorf("a worker has %s to end, which is too short for a drain of %s", grace, drain)
	}
	if len(worker.Ports) != 0 {
		t.Error("a second replica cannot have the same port of the host")
	}
}

func TestEveryVariableIsInTheExample(t *testing.T) {
	t.Parallel()
	example := read(t, "../.env.example")
	for part := range strings.SplitSeq(read(t, "../docker-compose.yml"), "${") {
		name, _, _ := strings.Cut(strings.TrimRight(strings.SplitN(part, "}", 2)[0], " "), "-")
		name = strings.TrimSuffix(name, ":")
		if name == strings.ToUpper(name) && !strings.ContainsAny(name, " \n#") && !strings.Contains(example, name+"=") {
			t.Errorf(".env.example does not name %s", name)
		}
	}
}
