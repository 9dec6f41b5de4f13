package rabbit

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// awaitStopped waits until no thread of a process group runs. One thread takes the signal and tells the others, and on a busy
// machine they go on for milliseconds until it does. Where there is no /proc there is nothing to wait by.
func awaitStopped(ctx context.Context, group int) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for anyRuns(group) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func anyRuns(group int) bool {
	processes, _ := filepath.Glob("/proc/[0-9]*") // its only error is a bad pattern
	for _, process := range processes {
		if _, of := stat(process); of != group {
			continue
		}
		threads, _ := filepath.Glob(process + "/task/[0-9]*")
		for _, thread := range threads {
			// stopped, traced, a zombie, dead, or gone meanwhile
			if state, _ := stat(thread); !strings.Contains("TtZX", state) {
				return true
			}
		}
	}
	return false
}

// stat reads a thread's state, "" when it is gone, and its process group.
func stat(thread string) (state string, group int) {
	content, err := os.ReadFile(filepath.Join(thread, "stat"))
	if err != nil {
		return "", 0
	}
	// "pid (name) state parent group ...", where the name may hold anything
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) < 3 {
		return "", 0
	}
	group, _ = strconv.Atoi(fields[2])
	return fields[0], group
}
