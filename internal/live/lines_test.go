package live_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/warrener/warrener/internal/figures"
	"github.com/warrener/warrener/internal/live"
)

func TestLines(t *testing.T) {
	t.Parallel()
	var out, problems strings.Builder
	lines := &live.Lines{Out: &out, Err: &problems}
	lines.Show(live.Update{Frame: frame()})
	const first = `10:00:00  queue emails  running  ready 3 (-1.5/s)  unacked 2  dead 9  consumers 1  publish 1.2/s  deliver 2.0/s  ack 0.5/s
10:00:00  queue images  paused  ready 70 (-/s)  unacked -  dead -  consumers -  publish -/s  deliver -/s  ack -/s
10:00:00  queue logs  gone
10:00:00  queue stuck  running  ready 1 (-/s)  unacked -  dead -  consumers 0  publish -/s  deliver -/s  ack -/s
10:00:00  worker ann  queue emails  prefetch 32  unacked 2
10:00:00  worker bob  queue emails  prefetch 0  unacked -
10:00:00  failures emails  dead 9  last minute +2  since start +5
10:00:00  delayed 4  (all queues together)
`
	if want := first + "10:00:00  not known: workers: nobody tells\n"; out.String() != want {
		t.Errorf("got\n%s, want\n%s", out.String(), want)
	}
	out.Reset()
	lines.Show(live.Update{Frame: frame()})
	if out.String() != first {
		t.Errorf("the second time, when it has been said what is not known:\n%s", out.String())
	}
	out.Reset()
	for range 2 {
		lines.Show(live.Update{Frame: frame(), Err: errors.New("lost\nagain")})
	}
	lines.Show(live.Update{Frame: frame()})
	lines.Show(live.Update{Frame: frame(), Err: errors.New("lost\nagain")})
	const failed = "no figures: lost; again; looking again\n"
	if out.String() != first || problems.String() != failed+failed {
		t.Errorf("a look that fails: %q, %q", out.String(), problems.String())
	}
}

func TestLinesOfJSON(t *testing.T) {
	t.Parallel()
	var out, problems strings.Builder
	lines := &live.Lines{Out: &out, Err: &problems, JSON: true}
	lines.Show(live.Update{Frame: frame()})
	lines.Show(live.Update{Frame: frame(), Err: errors.New("lost")})
	lines.Show(live.Update{Frame: frame()})
	all := strings.Split(strings.TrimSpace(out.String()), "\n")
	var got figures.Frame
	if err := json.Unmarshal([]byte(all[1]), &got); err != nil || len(all) != 2 || *got.Queues[0].Acked != 0.5 || problems.Len() == 0 {
		t.Errorf("%v, %d lines: %s%s", err, len(all), out.String(), problems.String())
	}
}
