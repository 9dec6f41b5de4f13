package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/warrener/warrener"
)

// builtins are tasks for trying things out.
func builtins(log *slog.Logger) map[string]warrener.Handler {
	return map[string]warrener.Handler{
		"warrener.echo": warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
			log.Info("echo", "task_id", d.ID, "queue", d.Queue, "attempt", d.Attempt, "payload", string(d.Payload))
			return nil
		}),
		"warrener.sleep": warrener.HandlerFunc(sleep),
		"warrener.fail":  warrener.HandlerFunc(fail),
	}
}

func sleep(ctx context.Context, d *warrener.Delivery) error {
	length, err := sleepLength(d.Payload)
	if err != nil {
		return warrener.Malformed(err)
	}
	return wait(ctx, length)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errSleepLength = errors.New(`want "1.5s", 1500 or {"ms": 1500}`)

// sleepLength reads "1.5s", 1500 or {"ms": 1500}.
func sleepLength(payload []byte) (time.Duration, error) {
	var v any
	if err := json.Unmarshal(payload, &v); err != nil {
		return 0, fmt.Errorf("%w: %w", errSleepLength, err)
	}
	if object, ok := v.(map[string]any); ok && len(object) == 1 && object["ms"] != nil {
		v = object["ms"]
	}
	switch v := v.(type) {
	case nil: // what is published without a payload
		return 0, nil
	case string:
		return time.ParseDuration(v)
	case float64:
		return time.Duration(v * float64(time.Millisecond)), nil
	}
	return 0, errSleepLength
}

func fail(_ context.Context, d *warrener.Delivery) error {
	how := struct {
		Times     int    `json:"times"` // 0: always
		Permanent bool   `json:"permanent"`
		Message   string `json:"message"`
	}{Message: "failed as it was asked to"}
	if err := json.Unmarshal(d.Payload, &how); err != nil {
		return warrener.Malformed(fmt.Errorf(`want {"times": 2, "permanent": false, "message": "why"}: %w`, err))
	}
	switch {
	case how.Times > 0 && d.Attempt > how.Times:
		return nil
	case how.Permanent:
		return warrener.Permanent(errors.New(how.Message))
	}
	return errors.New(how.Message)
}
