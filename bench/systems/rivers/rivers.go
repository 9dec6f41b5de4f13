// Package rivers is River, measured.
package rivers

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/warrener/warrener/bench/systems"
	"github.com/warrener/warrener/bench/tally"
)

// settings are those that decide about River's throughput; zero values are its defaults.
type settings struct {
	workers        int // at least so many, whatever the slots
	cooldown, poll time.Duration
	connections    int32
}

// Systems are River as it comes, and tuned.
func Systems() []systems.System {
	usual := with(settings{workers: 100})
	usual.Name, usual.Title, usual.Drain = "river", "River", 3000
	usual.Settings = "MaxWorkers 100, as its introduction has it, everything else as it comes (FetchCooldown 100 ms, FetchPollInterval 1 s)"
	tuned := with(settings{workers: 1000, cooldown: 10 * time.Millisecond, poll: 100 * time.Millisecond, connections: 16})
	tuned.Name, tuned.Title, tuned.Drain = "river-tuned", "River, tuned", 40000
	tuned.Settings = "MaxWorkers 1000, FetchCooldown 10 ms, FetchPollInterval 100 ms, 16 connections"
	return []systems.System{usual, tuned}
}

func with(s settings) systems.System {
	return systems.System{
		Module: "github.com/riverqueue/river", Program: "river", Service: systems.PostgreSQL, Against: "bare-classic", Sleepers: true,
		Open:    s.open,
		Work:    s.work,
		Settled: completed,
		Clean:   truncate,
	}
}

// args is a Task as a job of River's.
type args struct{ systems.Task }

// Kind is the name of the job.
func (args) Kind() string { return "bench_measured" }

func (s settings) pool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if s.connections > 0 {
		config.MaxConns = s.connections
	}
	return pgxpool.NewWithConfig(ctx, config)
}

func (s settings) config() *river.Config {
	return &river.Config{
		FetchCooldown: s.cooldown, FetchPollInterval: s.poll,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
}

func (s settings) open(ctx context.Context, c systems.Config) (systems.Publisher, error) {
	pool, err := s.pool(ctx, c.URL)
	if err != nil {
		return nil, err
	}
	client, err := s.migrated(ctx, pool)
	if err != nil {
		pool.Close()
		return nil, err
	}
	opts := &river.InsertOpts{Queue: c.Queue}
	return systems.Caller{
		One: func(ctx context.Context, t systems.Task) error {
			_, err := client.Insert(ctx, args{t}, opts)
			return err
		},
		Many: func(ctx context.Context, count int, t systems.Task) error {
			for ; count > 0; count -= 1000 {
				batch := make([]river.InsertManyParams, min(count, 1000))
				for i := range batch {
					batch[i] = river.InsertManyParams{Args: args{t}, InsertOpts: opts}
				}
				if _, err := client.InsertManyFast(ctx, batch); err != nil {
					return err
				}
			}
			return nil
		},
		Shut: func() error { pool.Close(); return nil },
	}, nil
}

func (s settings) migrated(ctx context.Context, pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	return river.NewClient(driver, s.config())
}

func (s settings) work(ctx context.Context, c systems.Config, t *tally.Tally) error {
	pool, err := s.pool(ctx, c.URL)
	if err != nil {
		return err
	}
	defer pool.Close()
	config := s.config()
	config.Queues = map[string]river.QueueConfig{c.Queue: {MaxWorkers: max(s.workers, c.Slots)}}
	config.Workers = river.NewWorkers()
	river.AddWorker(config.Workers, river.WorkFunc(func(_ context.Context, job *river.Job[args]) error {
		t.Run(job.Args.At, job.Args.For)
		return nil
	}))
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	return client.Stop(context.WithoutCancel(ctx))
}

// completed waits for the jobs that have run to be completed, which River does in batches: up to twenty thousand wait for it.
func completed(ctx context.Context, c systems.Config) error {
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for left := true; left && err == nil; {
		if err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM river_job WHERE state = 'running')").Scan(&left); left {
			<-tick.C
		}
	}
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// truncate also keeps the jobs of one round from slowing the next.
func truncate(ctx context.Context, c systems.Config) error {
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "TRUNCATE river_job")
	return errors.Join(err, conn.Close(ctx))
}
