package idempotent_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	_ "modernc.org/sqlite" // the driver

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/examples/idempotent"
	"github.com/warrener/warrener/warrenertest"
)

// A task that comes twice is paid once, and one that fails is tried again.
func TestOnce(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // it is gone with the test
	db.SetMaxOpenConns(1)             // each connection has a memory of its own
	if _, err := db.ExecContext(t.Context(), idempotent.Schema+`; CREATE TABLE payments (task TEXT)`); err != nil {
		t.Fatal(err)
	}

	broker := warrenertest.NewBroker(t)
	client := broker.Client(t, "payments")
	for range 2 { // as after a lost confirm
		if _, err := client.Publish(t.Context(), warrener.Task{ID: "order-1", Name: "pay", Queue: "payments"}); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	pay := idempotent.Once(db, func(ctx context.Context, tx *sql.Tx, d *warrener.Delivery) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO payments (task) VALUES ($1)`, d.ID); err != nil {
			return err
		}
		if calls++; calls == 1 {
			return errors.New("fails after it has written")
		}
		return nil
	})
	broker.RunUntilEmpty(t, warrener.WorkerConfig{
		Queues: []warrener.Queue{{Name: "payments"}}, Handler: pay, Concurrency: 1, Backoff: warrener.Backoff{Min: 1e6, Max: 1e6},
	})
	var payments int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM payments`).Scan(&payments); err != nil {
		t.Fatal(err)
	}
	if payments != 1 || calls != 2 {
		t.Errorf("%d payments by %d calls, want 1 by 2", payments, calls)
	}
}
