package services

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

const everysec = "append-only file, appendfsync everysec, which is asynq's usual: " +
	"a crash of the machine loses up to a second of what was published"

func startRedis(ctx context.Context, log io.Writer) (Running, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return connectRedis(ctx, url, "as REDIS_URL's server is configured", func(context.Context) error { return nil })
	}
	server, err := had(ctx, "redis-server", func() (string, error) { return exec.LookPath("redis-server") }, log)
	if err != nil {
		return Running{}, err
	}
	port, err := freePort()
	if err != nil {
		return Running{}, err
	}
	dir, err := os.MkdirTemp("", "warrener-bench-redis-")
	if err != nil {
		return Running{}, err
	}
	p, err := launch(ctx, dir, nil, server, "--bind", "127.0.0.1", "--port", port, "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		return Running{}, errors.Join(err, os.RemoveAll(dir))
	}
	stop := func(context.Context) error { return p.stop(syscall.SIGTERM) }
	var r Running
	err = p.await(ctx, func(ctx context.Context) error {
		r, err = connectRedis(ctx, "redis://127.0.0.1:"+port+"/0", everysec, stop)
		return err
	})
	if err != nil {
		return Running{}, errors.Join(err, stop(ctx))
	}
	return r, nil
}

func connectRedis(ctx context.Context, url, durable string, stop func(context.Context) error) (Running, error) {
	opt, err := redis.ParseURL(url)
	if err != nil {
		return Running{}, err
	}
	client := redis.NewClient(opt)
	info, err := client.InfoMap(ctx, "server").Result()
	if err := errors.Join(err, client.Close()); err != nil {
		return Running{}, err
	}
	return Running{URL: url, Version: "Redis " + strings.TrimSpace(info["Server"]["redis_version"]), Durable: durable, Stop: stop}, nil
}
