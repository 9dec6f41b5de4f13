// Package idempotent shows a handler that may be called twice for a task and works once. Warrener delivers at least once: after
// the death of a worker or of a connection a task that was already done may come again. Its id is the same each time.
package idempotent

import (
	"context"
	"database/sql"

	"github.com/warrener/warrener"
)

// Schema is the table of the ids that were worked on. Old rows can be deleted once their tasks cannot come again: after the
// longest time that a task waits, is delayed or rests as a dead letter that somebody may send again.
const Schema = `CREATE TABLE done (id TEXT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`

// Once returns a handler that does work within a transaction, and only for ids that it has not seen. The id and what the work
// writes are committed together or not at all, so neither a crash between them nor two workers with the same task can make it
// happen twice. (The statement is that of SQLite and PostgreSQL; MySQL says INSERT IGNORE.)
func Once(db *sql.DB, work func(ctx context.Context, tx *sql.Tx, d *warrener.Delivery) error) warrener.Handler {
	return warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // of no effect after Commit
		claimed, err := tx.ExecContext(ctx, `INSERT INTO done (id) VALUES ($1) ON CONFLICT DO NOTHING`, d.ID)
		if err != nil {
			return err
		}
		if n, err := claimed.RowsAffected(); err != nil || n == 0 {
			return err // nil: it was done before
		}
		if err := work(ctx, tx, d); err != nil {
			return err
		}
		return tx.Commit()
	})
}
