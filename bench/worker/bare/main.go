// Command bare is the worker process of the bare AMQP client, for the harness.
package main

import (
	"context"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/systems/bare"
)

func main() { systems.Main(context.Background(), bare.Systems()) }
