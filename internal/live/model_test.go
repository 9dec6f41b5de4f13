package live_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/warrener/warrener/internal/figures"
	"github.com/warrener/warrener/internal/live"
)

func frame() figures.Frame {
	return figures.Frame{
		At: time.Date(2000, 1, 1, 10, 0, 0, 0, time.Local), Delayed: 4,
		Queues: []figures.Queue{
			{
				Queue: "emails", Type: "quorum", State: figures.Running, Ready: 3, Unacked: new(2), Consumers: new(1), Dead: new(9),
				Published: new(1.25), Delivered: new(2.0), Acked: new(0.5), Growth: new(-1.5),
			},
			{Queue: "images", Type: "classic", State: figures.Paused, Ready: 70},
			{Queue: "logs", State: figures.Gone},
			{Queue: "stuck", Type: "quorum", State: figures.Running, Ready: 1, Consumers: new(0)},
		},
		Workers:  []figures.Worker{{Worker: "ann", Queue: "emails", Prefetch: 32, Unacked: new(2)}, {Worker: "bob", Queue: "emails"}},
		Failures: []figures.Failure{{Queue: "emails", Dead: 9, Minute: 2, Since: 5}},
		Unknown:  []string{"workers: nobody tells"},
	}
}

// after is the model after messages.
func after(m tea.Model, msgs ...tea.Msg) tea.Model {
	for _, msg := range msgs {
		m, _ = m.Update(msg)
	}
	return m
}

func press(key rune) tea.Msg { return tea.KeyPressMsg{Code: key, Text: string(key)} }

func size(width, height int) tea.Msg { return tea.WindowSizeMsg{Width: width, Height: height} }

func model(colours bool) tea.Model { return live.NewModel(2*time.Second, colours) }

// drawn is a model with figures on a terminal of a size, after messages.
func drawn(width, height int, msgs ...tea.Msg) string {
	m := after(model(false), live.Update{Frame: frame()}, size(width, height))
	return after(m, msgs...).View().Content
}

func wants(t *testing.T, got string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(got, word) {
			t.Errorf("%q is not in\n%s", word, got)
		}
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()
	got := drawn(120, 30)
	wants(
		t, got, "warrener top  10:00:00  every 2s  rates by the second  sorted by name",
		"QUEUE   TYPE     STATE    READY  GROWTH  UNACKED  DEAD  CONSUMERS  PUBLISH  DELIVER  ACK",
		"emails  quorum   running      3    -1.5        2     9          1      1.2      2.0  0.5",
		"images  classic  paused      70       -        -     -          -        -        -    -",
		"logs    -        gone", "delayed 4 (all queues together)",
		"WORKER  QUEUE   PREFETCH  UNACKED", "ann     emails        32        2", "bob     emails  no limit        -",
		"FAILURES  DEAD  LAST MINUTE  SINCE START", "emails       9           +2           +5", "not known: workers: nobody tells",
		"q quit  s sort  r reverse  p pause the screen",
	)
	if strings.Contains(got, "\x1b") {
		t.Errorf("escape sequences without colours: %q", got)
	}
	if !model(false).View().AltScreen {
		t.Error("what was on the screen before is drawn over")
	}
	if got := after(model(false), live.Update{Frame: frame()}).View().Content; got != "" {
		t.Errorf("drawn before the size is known: %q", got)
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	got := after(model(true), live.Update{Frame: frame()}, size(120, 30)).View().Content
	wants(t, got, "\x1b[33mimages", "\x1b[31mlogs", "\x1b[31mstuck", "\x1b[31memails       9", "\nemails  quorum", "\x1b[1mQUEUE")
	if ansi.Strip(got) != drawn(120, 30) {
		t.Error("colours change the text")
	}
}

// Whatever the size, each line fits, and there are as many as there is room for.
func TestScreenFitsEverySize(t *testing.T) {
	t.Parallel()
	for width := range 140 {
		for _, height := range []int{0, 1, 2, 3, 10, 60} {
			got := drawn(width, height)
			if width == 0 || height == 0 {
				if got != "" {
					t.Errorf("%d×%d: drew %q", width, height, got)
				}
				continue
			}
			lines := strings.Split(got, "\n")
			if len(lines) != height {
				t.Errorf("%d×%d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if ansi.StringWidth(line) > width {
					t.Errorf("%d×%d: %q is wider", width, height, line)
				}
			}
		}
	}
}

func TestNarrowScreenLeavesColumnsOut(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		100: "QUEUE   TYPE     STATE    READY  GROWTH  UNACKED", 99: "QUEUE   STATE    READY  GROWTH  UNACKED", 80: "QUEUE   STATE    READY  UNACKED",
	} {
		wants(t, drawn(width, 30), want, "DELIVER  ACK\n")
	}
}

// A long name does not push the figures out.
func TestLongNames(t *testing.T) {
	t.Parallel()
	f := frame()
	f.Queues[0].Queue = strings.Repeat("long", 40)
	f.Queues[1].Queue = "\x1b[2Jevil\nname"
	f.Workers[0].Worker = "\x1b]0;x\a"
	got := after(model(false), live.Update{Frame: f}, size(80, 30)).View().Content
	wants(t, got, "longlonglo", "…  running      3        2     9          1      1.2      2.0  0.5\n", "·[2Jevil·name", "·]0;x·")
	if strings.ContainsAny(got, "\x1b\a") {
		t.Errorf("others' names move the cursor: %q", got)
	}
}

// names are the queues on the screen, from above.
func names(screen string) string {
	var found []string
	for line := range strings.Lines(screen) {
		for _, name := range []string{"emails", "images", "logs", "stuck"} {
			if strings.HasPrefix(line, name+"  ") && !strings.Contains(line, "+") {
				found = append(found, name)
			}
		}
	}
	return strings.Join(found, " ")
}

func TestKeysSort(t *testing.T) {
	t.Parallel()
	var keys []tea.Msg
	for i, tt := range []struct{ order, want string }{
		{"name", "emails images logs stuck"},
		{"ready", "images emails stuck logs"},
		{"unacked", "emails images logs stuck"},
		{"dead", "emails images logs stuck"},
		{"rate", "emails images logs stuck"},
		{"name", "emails images logs stuck"},
	} {
		got := drawn(120, 30, keys...)
		wants(t, got, "sorted by "+tt.order)
		if names(got) != tt.want {
			t.Errorf("after %d times s: %s, want %s", i, names(got), tt.want)
		}
		keys = append(keys, press('s'))
	}
	got := drawn(120, 30, press('s'), press('r'))
	wants(t, got, "sorted by ready, reversed")
	if names(got) != "logs stuck emails images" {
		t.Errorf("in reverse: %s", names(got))
	}
}

func TestKeysQuit(t *testing.T) {
	t.Parallel()
	for _, key := range []tea.KeyPressMsg{{Code: 'q', Text: "q"}, {Code: 'c', Mod: tea.ModCtrl}} {
		_, cmd := model(false).Update(key)
		if cmd == nil {
			t.Errorf("%s does nothing", key)
			continue
		}
		if _, quits := cmd().(tea.QuitMsg); !quits {
			t.Errorf("%s does not quit", key)
		}
	}
	if _, cmd := model(false).Update(press('x')); cmd != nil {
		t.Error("x does something")
	}
}

func TestKeysPauseTheScreen(t *testing.T) {
	t.Parallel()
	newer := frame()
	newer.Delayed = 5
	frozen := []tea.Msg{press('p'), live.Update{Frame: newer}}
	got := drawn(120, 30, frozen...)
	wants(t, got, "SCREEN PAUSED", "delayed 4")
	got = drawn(120, 30, append(frozen, tea.KeyPressMsg{Code: tea.KeySpace, Text: " "})...)
	wants(t, got, "delayed 5")
	if strings.Contains(got, "PAUSED") {
		t.Errorf("goes on, and says it does not:\n%s", got)
	}
}

func TestFailedLookIsSaid(t *testing.T) {
	t.Parallel()
	got := drawn(120, 30, live.Update{Frame: frame(), Err: errors.New("broker unavailable\nconnection lost")})
	wants(t, got, "NO NEW FIGURES since warrener top  10:00:00", "broker unavailable·connection lost; looking again", "emails  quorum")
	if got := drawn(120, 30, live.Update{Frame: frame()}); strings.Contains(got, "NO NEW FIGURES") {
		t.Error("figures that are new are not said to be")
	}
}

func TestKeysScroll(t *testing.T) {
	t.Parallel()
	var many figures.Frame
	for i := range 20 {
		many.Queues = append(many.Queues, figures.Queue{Queue: fmt.Sprintf("q%02d", i), State: figures.Running})
	}
	const height = 12 // ten of the body
	special := func(code rune) tea.Msg { return tea.KeyPressMsg{Code: code} }
	down, up, end := special(tea.KeyDown), special(tea.KeyUp), special(tea.KeyEnd)
	for _, tt := range []struct {
		name        string
		keys        []tea.Msg
		first, last string
	}{
		{"at first", nil, "QUEUE", "q08"},
		{"down", []tea.Msg{down, down}, "q01", "q10"},
		{"a page", []tea.Msg{special(tea.KeyPgDown)}, "q09", "q18"},
		{"up again", []tea.Msg{down, down, up, up, up, up}, "QUEUE", "q08"},
		{"to the end and not beyond it", []tea.Msg{end, down, down, up, up, up}, "q10", "q19"},
		{"home", []tea.Msg{end, special(tea.KeyHome)}, "QUEUE", "q08"},
		{"a larger terminal", []tea.Msg{end, size(80, 100)}, "QUEUE", ""},
	} {
		m := after(model(false), live.Update{Frame: many}, size(80, height))
		lines := strings.Split(after(m, tt.keys...).View().Content, "\n")
		if first, last := lines[1], lines[len(lines)-2]; !strings.HasPrefix(first, tt.first) || !strings.HasPrefix(last, tt.last) {
			t.Errorf("%s: from %q to %q, want %s to %s", tt.name, first, last, tt.first, tt.last)
		}
	}
	wants(t, after(model(false), live.Update{Frame: many}, size(80, height)).View().Content, "↑↓ scroll (14 lines below)")
}
