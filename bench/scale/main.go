// Command scale measures what a second and a fourth worker add. With one, two and four worker processes in turn it runs
// tasks that only wait, and compares the tasks a second with the ideal:
//
//	ideal = worker processes × slots of one ÷ length of a task
//
// which no fleet can quite reach, for between two tasks a slot settles one and takes the next. The tasks are in their queue
// before the clock starts, so that publishing takes nothing from the workers. All of it, RabbitMQ too, shares this machine:
// with so many slots that its processors are at their limit, it is these that are measured. Hence -slots, which is 20 and not
// more; up to 16 a worker's prefetch is twice the slots, which hides less of the way to a busy broker. What else the machine
// does meanwhile delays every wait: the column "waits alone" is the share that as many goroutines reach shortly
// before, which do nothing but wait, without tasks, workers and RabbitMQ.
//
//	go run ./internal/rabbit/with -- go run ./bench/scale -bin bin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"
)

// step is a size of the fleet, and how many hundredths of the ideal are asked of it.
type step struct {
	replicas int
	asked    float64
}

func steps() []step { return []step{{1, 90}, {2, 90}, {4, 85}} }

var errBelow = errors.New("less than was asked")

type options struct {
	bin    string
	url    string
	slots  int
	task   time.Duration
	window time.Duration
	rounds int
}

func main() {
	var opts options
	flag.StringVar(&opts.bin, "bin", "bin", "folder of the commands worker and warrener")
	flag.StringVar(&opts.url, "url", os.Getenv("AMQP_URL"), "address of RabbitMQ")
	flag.IntVar(&opts.slots, "slots", 20, "tasks that a worker runs at once")
	flag.DurationVar(&opts.task, "task", 10*time.Millisecond, "how long a task takes")
	flag.DurationVar(&opts.window, "for", 5*time.Second, "how long each fleet is measured")
	flag.IntVar(&opts.rounds, "rounds", 3, "how often; the median counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, opts)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// shares are what a fleet reached of the ideal, in hundredths, one for each round.
type shares struct{ fleet, alone []float64 }

func run(ctx context.Context, opts options) error {
	if opts.slots < 1 || opts.task <= 0 || opts.window <= 0 || opts.rounds < 1 {
		return errors.New("-slots, -task, -for and -rounds have to be above zero")
	}
	measured := make([]shares, len(steps()))
	for round := range opts.rounds {
		for i, s := range steps() {
			alone := opts.waitAlone(ctx, s.replicas)
			rate, err := opts.measure(ctx, s.replicas)
			if err != nil {
				return fmt.Errorf("%d workers: %w", s.replicas, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %d workers, %.0f tasks a second\n", round+1, s.replicas, rate)
			measured[i].fleet = append(measured[i].fleet, 100*rate/opts.ideal(s.replicas))
			measured[i].alone = append(measured[i].alone, 100*alone/opts.ideal(s.replicas))
		}
	}
	return opts.report(measured)
}

// report prints the table, and wants of each fleet what was asked.
func (o options) report(measured []shares) error {
	fmt.Fprintf(os.Stdout, "tasks of %s, %d slots a worker, %d processors for workers and RabbitMQ, median of %d\n\n",
		o.task, o.slots, runtime.NumCPU(), o.rounds)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "workers\ttasks/s\tideal\tof ideal\tasked\tworst\tbest\twaits alone\t")
	var below error
	for i, s := range steps() {
		got, ideal := median(measured[i].fleet), o.ideal(s.replicas)
		fmt.Fprintf(table, "%d\t%.0f\t%.0f\t%.1f %%\t%.0f %%\t%.1f %%\t%.1f %%\t%.1f %%\t\n", s.replicas, got*ideal/100, ideal, got,
			s.asked, slices.Min(measured[i].fleet), slices.Max(measured[i].fleet), median(measured[i].alone))
		if got < s.asked {
			below = errBelow
		}
	}
	return errors.Join(table.Flush(), below)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// ideal is how many tasks a second so many workers would run if a slot never had to wait for the next.
func (o options) ideal(replicas int) float64 {
	return float64(replicas*o.slots) / o.task.Seconds()
}

// waitAlone is how many waits of a task's length as many goroutines as there are slots end in a second.
func (o options) waitAlone(ctx context.Context, replicas int) float64 {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var ended atomic.Int64
	var waiting sync.WaitGroup
	began := time.Now()
	for range replicas * o.slots {
		waiting.Go(func() {
			for wait(ctx, o.task) == nil {
				ended.Add(1)
			}
		})
	}
	waiting.Wait()
	return float64(ended.Load()) / time.Since(began).Seconds()
}
