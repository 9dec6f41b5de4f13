package bench

import (
	"encoding/json"
	"strings"

	"github.com/warrener/warrener"
)

// payload is what a task of the benchmark carries. The numbers are how it is missed when it does not come back.
type payload struct {
	Round int    `json:"round"`
	Task  int    `json:"task"`
	Sent  int64  `json:"sent"` // nanoseconds since the run began; 0 unless latency is measured
	Long  bool   `json:"long"` // takes its time
	Fill  string `json:"fill"`
}

var noop = warrener.Define[payload]("warrener.bench")

// payloads are those of one round, size bytes of JSON each.
func payloads(round, tasks, size int) []payload {
	fill := strings.Repeat("x", size) // shared by all
	list := make([]payload, tasks)
	for i := range list {
		list[i] = payload{Round: round, Task: i}
		body, _ := json.Marshal(list[i]) // of numbers and letters
		list[i].Fill = fill[:max(0, size-len(body))]
	}
	return list
}
