package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"
)

// Machine is what everything ran on, workers and services together.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	Memory float64 `json:"memory_gigabytes"`
	Kernel string  `json:"kernel"`
	Go     string  `json:"go"`
}

// ThisMachine asks /proc.
func ThisMachine() (Machine, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return Machine{}, fmt.Errorf("processes are measured through /proc, so this needs Linux: %w", err)
	}
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	cpus, err := proc.CPUInfo()
	if err != nil {
		return Machine{}, err
	}
	if len(cpus) > 0 && cpus[0].ModelName != "" {
		m.CPU = cpus[0].ModelName
	}
	memory, err := proc.Meminfo()
	if err != nil {
		return Machine{}, err
	}
	if memory.MemTotalBytes != nil {
		m.Memory = float64(*memory.MemTotalBytes) / 1e9
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = strings.TrimSpace(string(kernel))
	return m, err
}
