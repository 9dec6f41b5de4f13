// Command machinery is the worker process of machinery, for the harness.
package main

import (
	"context"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/machineries"
)

func main() { systems.Main(context.Background(), machineries.Systems()) }
