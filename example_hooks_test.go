package warrener_test

import (
	"fmt"

	"github.com/warrener/warrener"
)

func ExampleHooks() {
	hooks := warrener.Hooks{
		Settled: func(t warrener.TaskInfo, s warrener.Settlement) {
			if s.Outcome == warrener.DeadLettered {
				fmt.Printf("%s of queue %s is dead: %s\n", t.Name, t.Queue, s.Reason)
			}
		},
	}

	// What a worker does when it has settled a delivery:
	hooks.Settled(
		warrener.TaskInfo{Name: "email.send", Queue: "emails"},
		warrener.Settlement{Outcome: warrener.DeadLettered, Reason: warrener.ReasonExhausted},
	)
	// Output: email.send of queue emails is dead: exhausted
}

func ExampleMergeHooks() {
	logged := warrener.Hooks{Subscribed: func(queue string) { fmt.Println("log:", queue) }}
	counted := warrener.Hooks{Subscribed: func(queue string) { fmt.Println("count:", queue) }}

	warrener.MergeHooks(logged, counted).Subscribed("emails")
	// Output:
	// log: emails
	// count: emails
}
