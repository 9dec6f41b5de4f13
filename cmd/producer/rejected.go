package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/warrener/warrener/internal/cli"
)

// rejectedFile keeps the lines that were not accepted, to be published again. Without a file it does nothing.
type rejectedFile struct {
	file  *os.File
	lines int
}

// createRejected refuses a file with something in it: those are tasks that nobody else has.
func createRejected(path string) (*rejectedFile, error) {
	if path == "" {
		return &rejectedFile{}, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600) // payloads are nobody else's
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("create the file for what is rejected: %w", err))
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		err = cli.Usagef("--rejected %s: the file has tasks in it: publish or move them first", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &rejectedFile{file: file}, nil
}

func (r *rejectedFile) write(line []byte) error {
	if r.file == nil {
		return nil
	}
	r.lines++
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("keep what was rejected: %w", err)
	}
	return nil
}

// close removes the file when there is nothing in it.
func (r *rejectedFile) close() error {
	if r.file == nil {
		return nil
	}
	info, err := r.file.Stat()
	if closed := r.file.Close(); err == nil {
		err = closed
	}
	if err == nil && r.lines == 0 && info.Mode().IsRegular() {
		err = os.Remove(r.file.Name())
	}
	return err
}

func (r *rejectedFile) advice() string {
	if r.file == nil {
		return ", and not kept, for no --rejected FILE was given"
	}
	return fmt.Sprintf("; publish them by: producer bulk %s", r.file.Name())
}
