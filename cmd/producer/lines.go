package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/warrener/warrener"
)

// item is one line on its way.
type item struct {
	line  int
	size  int // in bytes
	entry entry
	task  warrener.Task
}

// badLine is a line that is no task.
type badLine struct {
	line int
	size int
	raw  []byte // nil when it was too long to be kept
	err  error
}

// A batch ends at this many bytes even if the window allows more, which bounds memory whatever the lines are.
const (
	batchBytes = 8 << 20
	readBuffer = 256 << 10
	maxLine    = maxBody + 1<<20 // room for all that is not the payload
)

var errLongLine = errors.New("longer than any task may be")

// lines reads a file of tasks.
type lines struct {
	format format
	from   *bufio.Reader
	bad    func(badLine)

	line, size int // of the line read last
}

func newLines(from io.Reader, f format, bad func(badLine)) *lines {
	return &lines{format: f, from: bufio.NewReaderSize(from, readBuffer), bad: bad}
}

// batch reads up to size tasks, fewer when waiting for more could take long. It is empty at the end.
func (l *lines) batch(size int) ([]item, error) {
	var batch []item
	bytes := 0
	for len(batch) < size && bytes < batchBytes {
		raw, err := l.next()
		if errors.Is(err, io.EOF) {
			return batch, nil
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return batch, fmt.Errorf("read line %d: %w", l.line+1, err)
		}
		if err == nil && !l.format.blank(raw) {
			var e entry
			if e, err = l.format.entry(raw); err == nil {
				batch = append(batch, item{line: l.line, size: l.size, entry: e, task: e.task()})
				bytes += l.size
			}
		}
		if err != nil {
			l.bad(badLine{line: l.line, size: l.size, raw: raw, err: err})
		}
		if len(batch) > 0 && l.from.Buffered() == 0 {
			return batch, nil // whoever writes the lines may take a break, and these need not wait for that
		}
	}
	return batch, nil
}

// next reads a line without its end. Of one that is too long it keeps nothing.
func (l *lines) next() ([]byte, error) {
	var line []byte
	size := 0
	for {
		part, err := l.from.ReadSlice('\n')
		size += len(part)
		if size <= maxLine {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (!errors.Is(err, io.EOF) || size == 0) {
			return nil, err
		}
		l.line, l.size = l.line+1, size
		if size > maxLine {
			return nil, errLongLine
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
	}
}

var errStopped = errors.New("stopped")

// interruptible reads from r until ctx is done, and then no more, even while r is a terminal or a pipe that nobody
// writes to. A read of r that has begun then cannot be ended: it is left behind for the end of the program.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { in.CloseWithError(errStopped) })
	return out
}
