// Package tally counts what the tasks of a worker process do, in a file that is mapped into memory: a task costs the worker
// two looks at the clock and a few stores, whatever it is written in, and the harness reads the file meanwhile. The file
// has little-endian 64-bit words: tasks started, tasks ended, first start, last end, then a delay for each task that says
// when it was published. Times are nanoseconds since 1970.
package tally

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	delays = 1 << 14 // that a process can note
	suffix = ".tally"
)

type words struct {
	started, ended, first, last atomic.Int64
	delays                      [delays]atomic.Int64
}

const size = int(unsafe.Sizeof(words{}))

// Tally is of one process.
type Tally struct {
	words *words
	bytes []byte
}

// Create makes the file of this process.
func Create(dir string) (*Tally, error) {
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(os.Getpid(), suffix)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the map stays
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	bytes, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	return &Tally{words: (*words)(unsafe.Pointer(unsafe.SliceData(bytes))), bytes: bytes}, nil
}

// Close unmaps the file; no task may run any more.
func (t *Tally) Close() error { return syscall.Munmap(t.bytes) }

// Run is a task: it takes as long as it is told to, and was published at that time, 0 when that is of no interest.
func (t *Tally) Run(at int64, wait time.Duration) {
	now := time.Now().UnixNano()
	n := t.words.started.Add(1)
	if n == 1 {
		t.words.first.Store(now)
	}
	if at != 0 && n <= delays {
		t.words.delays[n-1].Store(now - at)
	}
	if wait > 0 {
		time.Sleep(wait) //nolint:forbidigo // it is what the task does
		now = time.Now().UnixNano()
	}
	for last := t.words.last.Load(); last < now && !t.words.last.CompareAndSwap(last, now); {
		last = t.words.last.Load()
	}
	t.words.ended.Add(1)
}

// Sum is what all processes of a folder have done.
type Sum struct {
	Started, Ended int
	First, Last    time.Time
	Delays         []time.Duration
}

// Read adds up the files of a folder.
func Read(dir string) (Sum, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return Sum{}, err
	}
	var sum Sum
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || len(content) < size {
			continue // just made
		}
		if err != nil {
			return Sum{}, err
		}
		sum.add(content)
	}
	return sum, nil
}

func (s *Sum) add(content []byte) {
	word := func(i int) int64 { return int64(binary.LittleEndian.Uint64(content[8*i:])) }
	if word(0) == 0 {
		return
	}
	s.Started += int(word(0))
	s.Ended += int(word(1))
	if first := time.Unix(0, word(2)); s.First.IsZero() || first.Before(s.First) {
		s.First = first
	}
	if last := time.Unix(0, word(3)); last.After(s.Last) {
		s.Last = last
	}
	for i := range min(int(word(0)), delays) {
		if delay := word(4 + i); delay != 0 {
			s.Delays = append(s.Delays, time.Duration(delay))
		}
	}
}
