package subprocess

import (
	"fmt"
	"slices"
	"strings"
)

// environment picks from the worker's variables what a program may see, and adds the operator's.
func environment(workers, extra []string) ([]string, error) {
	env := slices.DeleteFunc(slices.Clone(workers), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return !harmless(name)
	})
	for _, entry := range extra {
		name, _, set := strings.Cut(entry, "=")
		switch {
		case name == "":
			return nil, fmt.Errorf("%q has no name", entry)
		case set:
			env = append(env, entry)
		case holdsBroker(name):
			return nil, fmt.Errorf("%s holds the worker's access to the broker: programs do not get it", name)
		default:
			env = append(env, handOn(workers, name)...)
		}
	}
	return env, nil
}

func harmless(name string) bool {
	return slices.Contains([]string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"}, name) || strings.HasPrefix(name, "LC_")
}

func holdsBroker(name string) bool {
	return strings.HasPrefix(name, "WARRENER_") ||
		slices.Contains([]string{"AMQP_URL", "CLOUDAMQP_URL", "RABBITMQ_URL"}, strings.TrimSuffix(name, "_FILE"))
}

// handOn returns the entries of the variable, none when it is not set.
func handOn(workers []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(workers), func(entry string) bool { return !strings.HasPrefix(entry, name+"=") })
}
