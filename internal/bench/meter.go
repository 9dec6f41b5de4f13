package bench

import (
	"runtime"
	"time"
)

// meter reads what a piece of work costs.
type meter struct {
	broker    brokerProcesses
	brokerWhy error // why its processes are not known
}

// reading is what has been used up to a moment.
type reading struct {
	client, broker time.Duration
	mallocs, bytes uint64
}

// read also collects the garbage of what was before, so that the next piece of work does not pay for it.
func (m meter) read() (reading, error) {
	runtime.GC()
	var r reading
	var err error
	if m.brokerWhy == nil {
		if r.broker, err = m.broker.cpu(); err != nil {
			return r, err
		}
	}
	r.client, _ = ownCPU() // known or not is the same each time, see cost
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.mallocs, r.bytes = memory.Mallocs, memory.TotalAlloc
	return r, nil
}

// cost fills in what one task cost between two readings.
func (m meter) cost(s *Side, before, after reading) {
	each := func(used float64) *float64 {
		used /= float64(s.Tasks)
		return &used
	}
	const micro = float64(time.Microsecond)
	if _, err := ownCPU(); err == nil {
		s.ClientCPU = each(float64(after.client-before.client) / micro)
	}
	if m.brokerWhy == nil {
		s.BrokerCPU = each(float64(after.broker-before.broker) / micro)
	}
	s.Allocations = each(float64(after.mallocs - before.mallocs))
	s.Allocated = each(float64(after.bytes - before.bytes))
}

// inUse is the memory that the process needs, garbage aside.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
