// Command asynq is the worker process of asynq, for the harness.
package main

import (
	"context"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/asynqs"
)

func main() { systems.Main(context.Background(), asynqs.Systems()) }
