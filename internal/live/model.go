package live

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/warrener/warrener/internal/figures"
)

// Model is what is on the screen, and what the keys have made of it.
type Model struct {
	interval time.Duration
	colours  bool
	latest   Update // what is known
	shown    Update // what is drawn, which is older on a frozen screen
	frozen   bool
	order    figures.Order
	reverse  bool
	scrolled int // lines of the body above the screen
	width    int // 0: not known yet
	height   int
}

// NewModel is a screen that shows figures each interval.
func NewModel(interval time.Duration, colours bool) Model {
	return Model{interval: interval, colours: colours, order: figures.ByName}
}

// Init has nothing to do: updates come by themselves.
func (m Model) Init() tea.Cmd { return nil }

// Update is what follows from a key, a new size or new figures.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case Update:
		m.latest = msg
		if !m.frozen {
			m.shown = msg
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if key := msg.String(); key == "q" || key == "ctrl+c" {
			return m, tea.Quit
		}
		m = m.pressed(msg.String())
	}
	m.scrolled = max(0, min(m.scrolled, len(m.body())-m.room()))
	return m, nil
}

func (m Model) pressed(key string) Model {
	switch key {
	case "s":
		m.order = m.order.Next()
	case "r":
		m.reverse = !m.reverse
	case "p", "space":
		m.frozen = !m.frozen
		if !m.frozen {
			m.shown = m.latest
		}
	case "down", "j":
		m.scrolled++
	case "up", "k":
		m.scrolled--
	case "pgdown":
		m.scrolled += m.room()
	case "pgup":
		m.scrolled -= m.room()
	case "home", "g":
		m.scrolled = 0
	case "end", "G":
		m.scrolled = len(m.body())
	}
	return m
}

// frame is how many lines stay when the body scrolls: one above it, and one below.
const frame = 2

// room is how many lines of the body the screen has.
func (m Model) room() int { return max(0, m.height-frame) }

// View draws the screen.
func (m Model) View() tea.View {
	view := tea.NewView(m.draw())
	view.AltScreen = true
	return view
}

// draw makes lines that fit the terminal, each ended by all but the last.
func (m Model) draw() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	body := m.body()
	end := min(len(body), m.scrolled+m.room())
	lines := []line{m.header()}
	lines = append(lines, body[min(m.scrolled, end):end]...)
	for len(lines) < m.height-1 {
		lines = append(lines, line{})
	}
	lines = append(lines, line{text: cut(m.help(len(body)-end), m.width), mark: heading})
	lines = lines[:min(len(lines), m.height)]
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = m.paint(l)
	}
	return strings.Join(texts, "\n")
}

func (m Model) header() line {
	f := m.shown.Frame
	order := string(m.order)
	if m.reverse {
		order += ", reversed"
	}
	text := fmt.Sprintf("warrener top  %s  every %s  rates by the second  sorted by %s", f.At.Local().Format("15:04:05"), m.interval, order)
	switch {
	case m.frozen:
		return line{text: cut(text+"  SCREEN PAUSED", m.width), mark: notice}
	case m.shown.Err != nil:
		return line{text: cut("NO NEW FIGURES since "+text, m.width), mark: alarm}
	}
	return line{text: cut(text, m.width)}
}

func (m Model) help(below int) string {
	text := "q quit  s sort  r reverse  p pause the screen"
	if below > 0 || m.scrolled > 0 {
		text += fmt.Sprintf("  ↑↓ scroll (%d lines below)", below)
	}
	return text
}

// body is all there is to show, of which the screen may have room for a part.
func (m Model) body() []line {
	f := m.shown.Frame
	var lines []line
	add := func(rows []row, words int) { lines = append(append(lines, lay(rows, words, m.width)...), line{}) }
	if m.shown.Err != nil {
		add([]row{text(alarm, "%s; looking again", printable(m.shown.Err.Error()))}, 1)
	}
	add(queueRows(figures.Sorted(f.Queues, m.order, m.reverse), m.width))
	add([]row{text(plain, "delayed %d (all queues together)", f.Delayed)}, 1)
	if f.Workers != nil {
		add(workerRows(f.Workers))
	}
	if len(f.Failures) > 0 {
		add(failureRows(f.Failures))
		add([]row{text(plain, "why they died: warrener dead list -q QUEUE")}, 1)
	}
	for _, why := range f.Unknown {
		lines = append(lines, lay([]row{text(plain, "not known: %s", printable(why))}, 1, m.width)...)
	}
	return lines
}

// paint colours a line, where that is wanted.
func (m Model) paint(l line) string {
	const bold, yellow, red, plainly = "\x1b[1m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
	colour := map[mark]string{heading: bold, notice: yellow, alarm: red}[l.mark]
	if !m.colours || colour == "" {
		return l.text
	}
	return colour + l.text + plainly
}
