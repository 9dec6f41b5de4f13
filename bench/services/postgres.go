package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const synced = "fsync and synchronous_commit on, which are the defaults: a task that was published is synced to disk"

func startPostgres(ctx context.Context, log io.Writer) (Running, error) {
	if given := os.Getenv("POSTGRES_URL"); given != "" {
		return withDatabase(ctx, given, "as POSTGRES_URL's server is configured", func() error { return nil })
	}
	bin, err := had(ctx, "postgresql", findPostgres, log)
	if err != nil {
		return Running{}, err
	}
	owner, err := unprivileged()
	if err != nil {
		return Running{}, err
	}
	dir, err := os.MkdirTemp("", "warrener-bench-postgres-")
	if err != nil {
		return Running{}, err
	}
	r, err := runPostgres(ctx, bin, dir, owner)
	if err != nil {
		return Running{}, errors.Join(err, os.RemoveAll(dir))
	}
	return r, nil
}

func runPostgres(ctx context.Context, bin, dir string, owner *syscall.Credential) (Running, error) {
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return Running{}, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", data,
		"--username", "postgres", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return Running{}, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return Running{}, err
	}
	p, err := launch(ctx, dir, owner, filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", port, "-k", dir)
	if err != nil {
		return Running{}, err
	}
	stop := func() error { return p.stop(syscall.SIGINT) } // its fast shutdown
	var r Running
	err = p.await(ctx, func(ctx context.Context) error {
		r, err = withDatabase(ctx, "postgres://postgres@127.0.0.1:"+port+"/postgres", synced, stop)
		return err
	})
	if err != nil {
		return Running{}, errors.Join(err, stop())
	}
	return r, nil
}

// findPostgres looks where Debian has it, which keeps it out of PATH, and then there.
func findPostgres() (bin string, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	program, err := exec.LookPath("postgres")
	return filepath.Dir(program), err
}

// unprivileged is who runs PostgreSQL, which refuses to be run by root; nil is ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// withDatabase makes a database that is dropped in the end.
func withDatabase(ctx context.Context, server, durable string, stop func() error) (Running, error) {
	u, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return Running{}, errors.New("POSTGRES_URL is no postgres://USER@HOST/DATABASE")
	}
	name := "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	version, err := execute(ctx, server, "CREATE DATABASE "+name)
	if err != nil {
		return Running{}, err
	}
	u.Path = "/" + name
	return Running{
		URL: u.String(), Version: "PostgreSQL " + version, Durable: durable,
		Stop: func(ctx context.Context) error {
			_, err := execute(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
			return errors.Join(err, stop())
		},
	}, nil
}

// execute also returns the server's version, without what its packager says of it.
func execute(ctx context.Context, server, statement string) (version string, err error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	version, _, _ = strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	_, err = conn.Exec(ctx, statement)
	return version, errors.Join(err, conn.Close(ctx))
}
