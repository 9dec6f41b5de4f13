package test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// terminal is a program that runs on one.
type terminal struct {
	*os.File
	screen output // all that was written to it
	exited chan error
	cmd    *exec.Cmd
}

func onTerminal(t *testing.T, c call, size pty.Winsize) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, c.args...)
	cmd.Env = append(c.env, "TERM=xterm-256color", "PATH="+os.Getenv("PATH"))
	file, err := pty.StartWithSize(cmd, &size)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{File: file, exited: make(chan error, 1), cmd: cmd}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&term.screen, file) // until the program has ended
		term.exited <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // most have ended
		<-read
		_ = file.Close()
	})
	return term
}

// shows waits for words in what is written since then.
func (term *terminal) shows(t *testing.T, since int, words ...string) {
	t.Helper()
	rabbittest.Eventually(t, 20*time.Second, func() (bool, string) {
		text := term.screen.String()[since:]
		for _, word := range words {
			if !strings.Contains(text, word) {
				return false, word + " is not in " + tail(text)
			}
		}
		return true, ""
	})
}

func (term *terminal) press(t *testing.T, keys string) (since int) {
	t.Helper()
	since = len(term.screen.String())
	if _, err := term.WriteString(keys); err != nil {
		t.Fatal(err)
	}
	return since
}

// ends wants exit code 0, and the terminal as it was.
func (term *terminal) ends(t *testing.T) {
	t.Helper()
	select {
	case err := <-term.exited:
		if err != nil {
			t.Errorf("ended with %v: %s", err, tail(term.screen.String()))
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("still runs: %q", tail(term.screen.String()))
	}
	if text := term.screen.String(); !strings.Contains(text, leaveScreen) || !strings.Contains(text, showCursor) {
		t.Errorf("leaves the terminal as it should not be: %q", tail(text))
	}
}

// What a terminal obeys.
const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
	showCursor  = "\x1b[?25h"
	red         = "\x1b[31m"
)

func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, url, "queue", "declare", "emails").says(t)
	operator(t, broker, url, "queue", "declare", "images").says(t)
	publishAll(t, dial(t, url, "images"), numbered("task", "images", 7))

	top := operator(t, broker, url, "top", "--interval", "200ms")
	term := onTerminal(t, top, pty.Winsize{Rows: 24, Cols: 120})
	term.shows(t, 0, enterScreen, "warrener top", "QUEUE", "emails", "images", red, "q quit  s sort", "sorted by name")
	term.shows(t, term.press(t, "s"), "ready") // what is drawn anew is what differs
	term.shows(t, term.press(t, "p"), "SCREEN PAUSED")
	term.press(t, "p")
	since := len(term.screen.String())
	if err := pty.Setsize(term.File, &pty.Winsize{Rows: 10, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	term.shows(t, since, "…")
	term.press(t, "q")
	term.ends(t)

	ctrlC := onTerminal(t, top, pty.Winsize{Rows: 24, Cols: 120})
	ctrlC.shows(t, 0, "images")
	ctrlC.press(t, "\x03")
	ctrlC.ends(t)

	signalled := onTerminal(t, top, pty.Winsize{Rows: 24, Cols: 120})
	signalled.shows(t, 0, "images")
	if err := signalled.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	signalled.ends(t)
}

func TestTopWithoutColours(t *testing.T) {
	t.Parallel()
	url, broker := rabbittest.Vhost(t), rabbittest.Shared(t)
	operator(t, broker, url, "queue", "declare", "images").says(t)
	publishAll(t, dial(t, url, "images"), numbered("task", "images", 7))
	for name, c := range map[string]call{
		"a flag":     operator(t, broker, url, "top", "--no-color", "--for", "1s"),
		"a variable": operator(t, broker, url, "top", "--for", "1s"),
	} {
		if name == "a variable" {
			c.env = append(c.env, "NO_COLOR=1")
		}
		term := onTerminal(t, c, pty.Winsize{Rows: 24, Cols: 120})
		term.ends(t)
		if text := term.screen.String(); !strings.Contains(text, "images") || strings.Contains(text, red) || strings.Contains(text, "\x1b[1m") {
			t.Errorf("%s: %q", name, text)
		}
	}
}
