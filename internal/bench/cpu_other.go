//go:build !unix

package bench

import (
	"errors"
	"time"
)

// ownCPU is the CPU time that this process has taken so far.
func ownCPU() (time.Duration, error) {
	return 0, errors.New("this system has no getrusage")
}
