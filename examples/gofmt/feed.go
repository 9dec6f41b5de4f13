package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// feed publishes a task for each file by `producer bulk --lines`, and returns how many the broker has confirmed.
func feed(ctx context.Context, dir, queue string, files []string) (confirmed int, err error) {
	fmt.Fprintf(os.Stdout, "publishing %d tasks ...\n", len(files))
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "producer"), "bulk", "-", "--task", "gofmt", "--lines", "--queue", queue)
	cmd.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	confirmed, found := summary(stderr)
	if err := cmd.Wait(); err != nil {
		return confirmed, fmt.Errorf("producer bulk: %w", err)
	}
	if !found {
		return 0, errors.New("producer bulk printed no summary")
	}
	return confirmed, nil
}

// summary passes the producer's words on and finds its count in them.
func summary(stderr io.Reader) (confirmed int, found bool) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(os.Stderr, " ", lines.Text())
		var read int
		if n, _ := fmt.Sscanf(lines.Text(), "read %d, confirmed %d,", &read, &confirmed); n == 2 {
			found = true
		}
	}
	return confirmed, found
}
