// Command river is the worker process of River, for the harness.
package main

import (
	"context"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/rivers"
)

func main() { systems.Main(context.Background(), rivers.Systems()) }
