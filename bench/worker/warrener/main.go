// Command warrener is the worker process of Warrener, for the harness.
package main

import (
	"context"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/warreners"
)

func main() { systems.Main(context.Background(), warreners.Systems()) }
