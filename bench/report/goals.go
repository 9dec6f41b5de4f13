package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warrener/warrener/internal/bench"
)

// goal is what was set beforehand.
type goal struct {
	column

	system string  // whose
	asked  float64 // at least, or at most
	most   bool
}

// goals are those of Warrener.
func goals() []goal {
	var all []goal
	for _, kind := range []string{"quorum", "classic"} {
		name := "warrener-" + kind
		all = append(all,
			goal{column{"tasks/s of the bare client's", ratio(Drain), times}, name, 0.95, false},
			goal{column{"latency p50 of the bare client's", ratio(P50), times}, name, 1.1, true},
			goal{column{"latency p99 of the bare client's", ratio(P99), times}, name, 1.5, true},
			goal{column{"start to first task, ms beyond the bare client", beyond(FirstTask), digits}, name, 30, true},
			goal{column{"idle MB", metric(IdleMemory), digits}, name, 12, true},
			goal{column{"idle CPU %", metric(IdleCPU), digits}, name, 0.5, true},
			goal{column{"many at once, time of the bare client's", ratio(SleepersTook), times}, name, 1.1, true},
			goal{column{"many at once, KB/task", Report.perTask, digits}, name, 8, true},
			goal{column{"10 ms tasks, 1 process, % of ideal", metric(Of1), digits}, name, 90, false},
			goal{column{"10 ms tasks, 2 processes, % of ideal", metric(Of2), digits}, name, 90, false},
			goal{column{"10 ms tasks, 4 processes, % of ideal", metric(Of4), digits}, name, 85, false},
		)
	}
	return append(all, peerGoals()...)
}

// peerGoals compare Warrener as it comes, with quorum queues, with the peers at their best; and its latency with that of
// the peers as they come.
func peerGoals() []goal {
	var all []goal
	add := func(peer, title string, m Metric, asked float64, most bool) {
		of := func(r Report, s System) *bench.Spread {
			s.Against = peer
			return r.ratio(s, m)
		}
		all = append(all, goal{column{title, of, times}, "warrener-quorum", asked, most})
	}
	for _, peer := range []struct {
		name, title string
		asked       float64
	}{
		{"machinery", "machinery's", 2.5},
		{"river-tuned", "tuned River's", 1.5},
		{"asynq-tuned", "tuned asynq's", 6},
		{"celery-prefork", "Celery prefork's", 8},
		{"celery-threads", "Celery threads'", 8},
		{"celery-gevent", "Celery gevent's", 8},
	} {
		add(peer.name, "tasks/s of "+peer.title, Drain, peer.asked, false)
	}
	add("river", "latency p50 of River's", P50, 0.05, true)
	add("asynq", "latency p50 of asynq's", P50, 0.05, true)
	return all
}

// goalTable has the goals beside what was measured.
func (r Report) goalTable() string {
	var b strings.Builder
	b.WriteString("| Warrener |  | goal | measured | reached |\n|---|---|---:|---:|---|\n")
	for _, g := range goals() {
		i := slices.IndexFunc(r.Systems, func(s System) bool { return s.Name == g.system })
		if i < 0 {
			continue
		}
		spread := g.of(r, r.Systems[i])
		if spread == nil {
			continue
		}
		sign, reached := "≥", spread.Median >= g.asked
		if g.most {
			sign, reached = "≤", spread.Median <= g.asked
		}
		_, kind, _ := strings.Cut(g.system, "-")
		verdict := "**no**"
		if reached {
			verdict = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s |\n", kind, g.title, sign, g.text(g.asked), g.cell(r, r.Systems[i]), verdict)
	}
	return b.String()
}
