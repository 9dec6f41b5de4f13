package rabbit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// searchPath is where programs are besides PATH, which may lack the directories for administrators.
const searchPath = "/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin:/opt/homebrew/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// serverDirs are where packages keep the scripts of RabbitMQ itself. What Debian has in PATH is a
// wrapper that insists on the user rabbitmq and on /var/log.
func serverDirs() []string {
	return []string{
		"/usr/lib/rabbitmq/bin",
		"/opt/homebrew/opt/rabbitmq/sbin",
		"/usr/local/opt/rabbitmq/sbin",
	}
}

func startInstalled(ctx context.Context, progress io.Writer) (*Broker, error) {
	sbin, err := findServer(serverDirs(), widePath())
	if err != nil {
		installed := Install(ctx, "rabbitmq-server", haveServer, progress)
		if installed != nil {
			return nil, fmt.Errorf("%w; nor could it be installed: %w", err, installed)
		}
		if sbin, err = findServer(serverDirs(), widePath()); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(progress, "starting a private node of %s\n", filepath.Join(sbin, "rabbitmq-server"))
	return run(ctx, Installed, "127.0.0.1", func(p ports) (engine, error) { return newNode(ctx, sbin, p) })
}

// findServer returns the directory that has RabbitMQ's own scripts.
func findServer(dirs []string, path string) (string, error) {
	all := slices.Clone(dirs)
	for _, dir := range filepath.SplitList(path) {
		if script, err := filepath.EvalSymlinks(filepath.Join(dir, "rabbitmq-server")); err == nil {
			all = append(all, filepath.Dir(script))
		}
	}
	for _, dir := range all {
		if hasServer(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no rabbitmq-server in %s or PATH", strings.Join(dirs, ", "))
}

// lookIn is exec.LookPath with a PATH of our choice.
func lookIn(path, program string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if found, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", program, path)
}

// hasServer tells the scripts from wrappers around them: only the former have rabbitmq-env beside them.
func hasServer(dir string) bool {
	for _, script := range []string{"rabbitmq-server", "rabbitmqctl", "rabbitmq-env"} {
		info, err := os.Stat(filepath.Join(dir, script))
		if err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

func haveServer() bool {
	_, err := findServer(serverDirs(), widePath())
	return err == nil
}

func widePath() string { return env("PATH") + ":" + searchPath }
