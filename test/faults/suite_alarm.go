package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// F6: the broker takes no messages, for want of memory or of disk.
func alarmSuite() []*Scenario {
	memory := alarm("memory-alarm", "set_vm_memory_high_watermark", []string{"absolute", "10MB"}, []string{"0.6"})
	memory.Brief, memory.Faults = true, [3]int{1, 2, 20}
	disk := alarm("disk-alarm", "set_disk_free_limit", []string{"999GB"}, []string{"50MB"})
	disk.Faults = [3]int{0, 2, 20}
	return []*Scenario{memory, disk}
}

const (
	alarmLasts     = 8 * time.Second
	alarmedTimeout = 3 * time.Second // of a publish
)

func alarm(name, setting string, on, off []string) *Scenario {
	s := &Scenario{
		Suite: "F6", Name: name, Rows: []int{16},
		Does:    "a " + strings.ReplaceAll(name, "-", " ") + " of 8 s: producers get ErrBlocked in time, what is queued is worked off, retries wait",
		Workers: 2, Concurrency: 4, Hold: 20 * time.Millisecond, Producers: 2, Callers: 8, Rate: 600, Shaky: 50,
		Timeout: alarmedTimeout, Recovery: time.Second,
	}
	s.Inject = func(ctx context.Context, w *World, faults int) error {
		node, err := w.single()
		if err != nil {
			return err
		}
		calm, err := w.calm(ctx)
		if err != nil {
			return err
		}
		for range faults {
			if err := w.alarmed(ctx, node, append([]string{setting}, on...), append([]string{setting}, off...)); err != nil {
				return err
			}
			if err := w.calmed(ctx, calm); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// calm is the most goroutines that the agents had at times before the first alarm: how many tasks they have in hand changes.
func (w *World) calm(ctx context.Context) (most int, err error) {
	if err := w.Pause(ctx, 3*time.Second); err != nil { // they say once a second how many they have
		return 0, err
	}
	if err := w.account.Read(); err != nil {
		return 0, err
	}
	return w.mostGoroutines(), nil
}

// calmed waits until the agents have no more goroutines than that.
func (w *World) calmed(ctx context.Context, calm int) error {
	var now int
	err := w.until(ctx, 30*time.Second, func() (bool, error) {
		err := w.account.Read()
		now = w.goroutines()
		return now <= calm, err
	})
	if err != nil {
		return fmt.Errorf("%d goroutines after the alarm, %d before: %w", now, calm, err)
	}
	return nil
}

// alarmed raises an alarm, looks at what goes on and what does not, and clears it.
func (w *World) alarmed(ctx context.Context, node *Single, on, off []string) error {
	if err := w.Pause(ctx, 2*time.Second); err != nil { // so that more is queued than is worked off meanwhile
		return err
	}
	if _, err := node.node.Ctl(ctx, on...); err != nil {
		return err
	}
	raised := w.Fault("alarm", w.inPublishing())
	if err := w.Pause(ctx, alarmLasts); err != nil {
		return err
	}
	if err := w.account.Read(); err != nil {
		return err
	}
	_, err := w.allBegin(ctx, raised.Add(2*time.Second), time.Second)
	if err != nil {
		return fmt.Errorf("consuming did not go on during the alarm: %w", err)
	}
	blocked := slices.ContainsFunc(w.account.Refused(), func(e ledgerEntry) bool { return strings.Contains(e.Note, "blocked") })
	if !blocked {
		return fmt.Errorf("no producer was told that the broker blocks publishers: %v", w.account.Refused())
	}
	if _, err := node.node.Ctl(ctx, off...); err != nil {
		return err
	}
	return w.flows(ctx, time.Now())
}

// flows waits until a task is accepted, and notes how long that took.
func (w *World) flows(ctx context.Context, since time.Time) error {
	err := w.until(ctx, time.Minute, func() (bool, error) {
		err := w.account.Read()
		return w.account.FirstAccepted(since).After(since), err
	})
	if err != nil {
		return fmt.Errorf("nothing is accepted after the alarm: %w", err)
	}
	w.result.Recoveries = append(w.result.Recoveries, w.account.FirstAccepted(since).Sub(since))
	w.account.Forget()
	return nil
}
