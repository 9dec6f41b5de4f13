// Package flock has locks between the processes of one user, which the end of a process lets go.
package flock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Acquire waits for any one of the named locks in a directory, which is the same for all who shall share
// them. Closing what it returns lets the lock go.
func Acquire(ctx context.Context, dir string, names ...string) (io.Closer, error) {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		for _, name := range names {
			f, err := tryLock(filepath.Join(dir, name+"-"+strconv.Itoa(os.Getuid())))
			if err != nil {
				return nil, err
			}
			if f != nil {
				return f, nil
			}
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the lock %s: %w", names[0], ctx.Err())
		}
	}
}

// tryLock returns nil where someone else has the lock.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, f.Close()
	default:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
}
