package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/asynqs"
	"github.com/warrener/warrener/bench/systems/bare"
	"github.com/warrener/warrener/bench/systems/celeries"
	"github.com/warrener/warrener/bench/systems/machineries"
	"github.com/warrener/warrener/bench/systems/rivers"
	"github.com/warrener/warrener/bench/systems/warreners"
)

// all are the systems in the order in which they are measured and printed. Warrener comes right after the bare client on
// the same kind of queue, for it is what it is compared with.
func all() []systems.System {
	clients, ours := bare.Systems(), warreners.Systems()
	var all []systems.System
	for i := range ours {
		all = append(all, clients[i], ours[i])
	}
	for _, peers := range [][]systems.System{asynqs.Systems(), rivers.Systems(), machineries.Systems(), celeries.Systems()} {
		all = append(all, peers...)
	}
	return all
}

// find returns the system of a name.
func find(name string) (systems.System, error) {
	var names []string
	for _, s := range all() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return systems.System{}, fmt.Errorf("no system %q, there are %s", name, strings.Join(names, ", "))
}

// version is of the module that this program is built with, which is the worker's too; Warrener is what is around it.
func version(ctx context.Context, s systems.System) (string, error) {
	if s.Version != nil {
		return s.Version(ctx)
	}
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == s.Module {
			return dep.Version, nil
		}
	}
	return "", nil
}
