// Package ledger keeps what producers and workers say has happened, in files that outlive them, and holds it against what a
// queue of tasks promises.
package ledger

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind says what an entry is about.
type Kind string

// What programs write down.
const (
	Try        Kind = "try"        // a producer is about to publish a task
	Accepted   Kind = "accepted"   // the producer was told that the broker has it
	Refused    Kind = "refused"    // the producer was told something else, in the note
	Begin      Kind = "begin"      // a handler has begun
	Effect     Kind = "effect"     // what the task was for has been done
	Failed     Kind = "failed"     // the handler has returned an error
	Subscribed Kind = "subscribed" // a worker is subscribed again
	Fault      Kind = "fault"      // the harness did something
	Stats      Kind = "stats"      // goroutines, file descriptors and KiB of memory of a program
)

// Entry is a line of a ledger.
type Entry struct {
	At   time.Time
	Kind Kind
	ID   string
	Note string
}

func (e Entry) String() string {
	return fmt.Sprintf("%d\t%s\t%s\t%s\n", e.At.UnixNano(), e.Kind, e.ID, strings.NewReplacer("\n", " ", "\t", " ").Replace(e.Note))
}

// parse reads a line without its end.
func parse(line string) (Entry, error) {
	fields := strings.SplitN(line, "\t", 4)
	if len(fields) != 4 {
		return Entry{}, fmt.Errorf("a ledger has a line with %d fields: %.100q", len(fields), line)
	}
	at, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return Entry{}, fmt.Errorf("a ledger has a line without a time: %.100q", line)
	}
	return Entry{At: time.Unix(0, at), Kind: Kind(fields[1]), ID: fields[2], Note: fields[3]}, nil
}

// Writer appends to a ledger.
type Writer struct {
	mu      sync.Mutex
	file    *os.File
	written int // entries
	synced  int
	syncing bool
	done    *sync.Cond
	err     error
}

// Open opens or creates a ledger, to write at its end.
func Open(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f}
	w.done = sync.NewCond(&w.mu)
	return w, nil
}

// Note writes an entry. It survives the end of the process, and not that of the machine.
func (w *Writer) Note(kind Kind, id, note string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.note(kind, id, note)
}

func (w *Writer) note(kind Kind, id, note string) error {
	if w.err != nil {
		return w.err
	}
	// one write for a line, so that a killed process leaves whole lines
	if _, err := w.file.WriteString(Entry{time.Now(), kind, id, note}.String()); err != nil {
		w.err = err
	}
	w.written++
	return w.err
}

// Commit writes an entry and returns when it is on the disk. Callers at one time share an fsync.
func (w *Writer) Commit(kind Kind, id, note string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.note(kind, id, note); err != nil {
		return err
	}
	mine := w.written
	for w.synced < mine && w.err == nil {
		if w.syncing {
			w.done.Wait()
			continue
		}
		w.sync()
	}
	return w.err
}

// sync brings what was written so far to the disk. The lock is not held meanwhile.
func (w *Writer) sync() {
	upto := w.written
	w.syncing = true
	w.mu.Unlock()
	err := w.file.Sync()
	w.mu.Lock()
	w.syncing = false
	if err != nil && w.err == nil {
		w.err = err
	}
	w.synced = upto
	w.done.Broadcast()
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }

// reader reads what has been added to a ledger since the last time.
type reader struct {
	path   string
	offset int64
}

func (r *reader) next(each func(Entry)) error {
	f, err := os.Open(r.path)
	if os.IsNotExist(err) {
		return nil // its program has not started yet
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	if _, err := f.Seek(r.offset, 0); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // the end, or a line that is being written
		}
		r.offset += int64(len(line))
		entry, err := parse(line[:len(line)-1])
		if err != nil {
			return fmt.Errorf("%s: %w", r.path, err)
		}
		each(entry)
	}
}
