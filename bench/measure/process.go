package measure

import (
	"fmt"

	"github.com/prometheus/procfs"
)

// processes are a worker process and those below it.
type processes []procfs.Proc

// below finds the process and its descendants.
func below(pid int) (processes, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("read /proc, which is where processes are measured: %w", err)
	}
	children := map[int][]procfs.Proc{}
	for _, p := range all {
		if stat, err := p.Stat(); err == nil { // else it has ended
			children[stat.PPID] = append(children[stat.PPID], p)
		}
	}
	root, err := procfs.NewProc(pid)
	if err != nil {
		return nil, err
	}
	found := processes{root}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].PID]...)
	}
	return found, nil
}

// cpu is the time in seconds that they have had a processor.
func (ps processes) cpu() (seconds float64, err error) {
	for _, p := range ps {
		stat, err := p.Stat()
		if err != nil {
			return 0, err
		}
		seconds += stat.CPUTime()
	}
	return seconds, nil
}

// memory is what they have in memory, and what they had at most, in bytes. Pages that processes share count for each.
func (ps processes) memory() (now, most float64, err error) {
	for _, p := range ps {
		status, err := p.NewStatus()
		if err != nil {
			return 0, 0, err
		}
		now += float64(status.VmRSS)
		most += float64(status.VmHWM)
	}
	return now, most, nil
}
