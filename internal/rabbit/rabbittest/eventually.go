package rabbittest

import (
	"testing"
	"time"
)

// Eventually polls until cond is ok. When it is not ok in time, the test fails with the last state that
// cond described, after a last look.
func Eventually(t testing.TB, within time.Duration, cond func() (ok bool, state string)) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for late := false; ; {
		ok, state := cond()
		switch {
		case ok:
			return
		case late:
			t.Fatalf("not so within %s; at last: %s", within, state)
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			late = true
		}
	}
}
