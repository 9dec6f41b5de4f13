package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/warrener/warrener/test/simulation"
)

const pkg = "github.com/warrener/warrener/test/simulation"

// patience is how much real time a world may take. The slowest take a second or two.
const patience = 2 * time.Minute

// An instance's memory, in pages of 64 KiB, and from where on Go collects garbage in it. Most worlds stay far below.
const (
	memoryPages = 3072
	memoryLimit = "128MiB"
)

// build compiles the simulation's test binary as WebAssembly, with an overlay for a mutant unless that is "".
func build(ctx context.Context, root, overlay string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "simulate")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "simulation.wasm")
	args := []string{"test", "-c", "-trimpath", "-o", file}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the simulation: %w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// sandbox runs worlds, each in a WebAssembly instance of its own.
type sandbox struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// newSandbox compiles the module for this machine, which takes a second.
func newSandbox(ctx context.Context, wasm []byte) (*sandbox, error) {
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	s := &sandbox{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithDebugInfoEnabled(false).
		WithMemoryLimitPages(memoryPages).
		WithMemoryCapacityFromMax(true))} // growing means copying
	_, err := wasi_snapshot_preview1.Instantiate(ctx, s.runtime)
	if err == nil {
		s.module, err = s.runtime.CompileModule(ctx, wasm)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("compile the simulation: %w", err), s.close(ctx))
	}
	return s, nil
}

func (s *sandbox) close(ctx context.Context) error { return s.runtime.Close(ctx) }

// verdict is how one seed ended.
type verdict struct {
	seed   uint64
	report simulation.Report
	err    error // what ended the instance other than a report
	output string
}

func (v *verdict) failed() bool { return v.err != nil || len(v.report.Failures) > 0 }

// invariant names what failed first.
func (v *verdict) invariant() string {
	_, endless, _ := strings.Cut(v.output, simulation.Endless)
	first, _, found := strings.Cut(endless, ":")
	switch {
	case found:
		return strings.TrimSpace(first)
	case len(v.report.Failures) > 0:
		return v.report.Failures[0].Invariant
	case strings.Contains(v.output, "main bubble goroutine has exited but blocked goroutines remain"):
		return "no goroutine left"
	default:
		return "no panic"
	}
}

// run runs the world of one seed. The instance has one thread, a clock that we invent, and takes all its randomness from
// us, so that nothing but the seed decides what happens.
func (s *sandbox) run(ctx context.Context, seed uint64, trace bool) *verdict {
	v := &verdict{seed: seed}
	var stdout, stderr bytes.Buffer
	clock := &clock{limit: time.Now().Add(patience)}
	config := wazero.NewModuleConfig().
		WithName(""). // many at once
		WithArgs("simulation.test", "-test.run", "^TestWorlds$").
		WithEnv("SIMULATION_SEED", strconv.FormatUint(seed, 10)).
		WithEnv("SIMULATION_TRACE", strconv.FormatBool(trace)).
		WithEnv("GOGC", "off"). // what it has allocated ends with the instance
		WithEnv("GOMEMLIMIT", memoryLimit).
		WithRandSource(randomness(seed)).
		WithNanotime(clock.nanotime, 1).
		WithStdout(&stdout).
		WithStderr(&stderr)
	instance, err := s.runtime.InstantiateModule(ctx, s.module, config)
	if err == nil {
		err = instance.Close(ctx)
	}
	if report, found := findReport(stdout.Bytes(), &v.report); found != nil {
		err = errors.Join(err, found)
	} else if len(report.Failures) > 0 {
		err = nil // the exit code says the same
	}
	v.err = err
	v.output = stdout.String() + stderr.String()
	return v
}

// findReport reads the line with the report.
func findReport(stdout []byte, report *simulation.Report) (*simulation.Report, error) {
	for line := range bytes.Lines(stdout) {
		if data, ok := bytes.CutPrefix(line, []byte(simulation.ReportPrefix)); ok {
			return report, json.Unmarshal(data, report)
		}
	}
	return report, errors.New("the world ended without a report")
}

// randomness is all the randomness that an instance gets.
func randomness(seed uint64) *rand.ChaCha8 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	return rand.NewChaCha8(sha256.Sum256(b[:]))
}

// clock advances by itself: the instance must not see how fast this machine is. Time in the world is that of its synctest
// bubble, which does not even look at it.
type clock struct {
	now   int64
	limit time.Time // in real time
}

func (c *clock) nanotime() int64 {
	c.now += int64(time.Microsecond)
	if c.now%int64(10*time.Millisecond) == 0 && time.Now().After(c.limit) {
		panic(fmt.Sprintf("the world is still busy after %s", patience))
	}
	return c.now
}
