package main

import (
	"io"

	"github.com/schollz/progressbar/v3"

	"github.com/warrener/warrener/internal/cli"
)

// progress shows on a terminal which piece of work a benchmark is at.
type progress struct {
	stderr io.Writer // nil where nobody watches
	shown  *progressbar.ProgressBar
}

func newProgress(stderr io.Writer) *progress {
	if !cli.IsTerminal(stderr) {
		return &progress{}
	}
	return &progress{stderr: stderr}
}

func (p *progress) step(done, of int, what string) {
	if p.stderr == nil {
		return
	}
	if p.shown == nil {
		p.shown = progressbar.NewOptions(of, progressbar.OptionSetWriter(p.stderr), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false))
	}
	p.shown.Describe(what)
	_ = p.shown.Set(done) // a bar that cannot be drawn is no reason to stop
}

func (p *progress) clear() {
	if p.shown != nil {
		_ = p.shown.Clear() // likewise
	}
}
