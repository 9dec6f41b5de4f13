package main

import "runtime/debug"

// From crowd slots on, memory is mostly what the running tasks hold: their stacks, which count for the collector's goal as
// the heap does. With 10,000 slots Go's default lets the heap grow by half of them before it collects.
const (
	crowd        = 1000
	usualPercent = 100
	crowdPercent = 20
)

// collectOften trades a little CPU for memory when there are many slots, unless GOGC says otherwise.
func collectOften(slots int) {
	if slots < crowd {
		return
	}
	if set := debug.SetGCPercent(crowdPercent); set != usualPercent {
		debug.SetGCPercent(set)
	}
}
