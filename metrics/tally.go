package metrics

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrener/warrener"
)

// tally shows how many of something are up, and tells a return from a first time.
type tally struct {
	shown *prometheus.GaugeVec

	mu   sync.Mutex
	up   map[string]int
	lost map[string]int // were up and have not been replaced
}

func newTally(shown *prometheus.GaugeVec) *tally {
	return &tally{shown: shown, up: make(map[string]int), lost: make(map[string]int)}
}

// announce shows the label, at 0 unless something is up already.
func (t *tally) announce(label string) { t.shown.WithLabelValues(label) }

// rise reports whether it replaces one that was lost.
func (t *tally) rise(label string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.up[label]++
	t.shown.WithLabelValues(label).Set(float64(t.up[label]))
	if t.lost[label] == 0 {
		return false
	}
	t.lost[label]--
	return true
}

// fall is told the error that took it down; what was closed on purpose is not lost.
func (t *tally) fall(label string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()

	if t.up[label] == 0 {
		return // it was not up: another attempt has failed
	}
	t.up[label]--
	t.shown.WithLabelValues(label).Set(float64(t.up[label]))
	if err != nil && !errors.Is(err, warrener.ErrClosed) {
		t.lost[label]++
	}
}
