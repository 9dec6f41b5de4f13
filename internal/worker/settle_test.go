package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

const (
	held    = "publishing does not work, the delivery is held"
	lost    = "settlement is lost, the task is delivered again"
	retried = "attempt failed, the task is retried"
)

// failing is a rig whose handler fails for the ids that begin with "bad".
func failing(t *testing.T) *rig {
	r := newRig(t)
	r.cfg.Policy.Backoff = tasks.Backoff{Min: 1000 * time.Hour, Max: 1000 * time.Hour}
	r.cfg.Handle = r.handler(func(_ context.Context, task *tasks.Task) error {
		if task.ID[:3] == "bad" {
			return errors.New("boom")
		}
		return nil
	})
	return r
}

func TestDeliveryIsHeldWhilePublishingFails(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.refuseAll(errBlocked)
		r.put("q", "bad1", "bad2", "good1", "bad3", "good2")

		stop := r.start(t.Context())
		sleep(time.Hour)
		history := r.history()
		slices.Sort(history)
		equalSlices(t, "settled while nothing can be published", history, []string{"ack good1", "ack good2"})
		equal(t, "held", r.left(), 3)

		r.refuseAll(nil)
		sleep(holdMax)
		history = r.history()[2:]
		slices.Sort(history)
		equalSlices(t, "settled when it works again", history, []string{
			"ack bad1", "ack bad2", "ack bad3", "retry bad1", "retry bad2", "retry bad3",
		})
		equal(t, "outcome", r.outcomes("bad1"), Retried)
		equal(t, "stop", stop(), nil)
		equal(t, "infos", len(r.logged(retried)), 3)
	})
}

// A minute of tries is not a minute of log lines, and no tight loop.
func TestTriesAndLogsOfAHeldDeliveryGrowRare(t *testing.T) {
	t.Parallel()

	for name, random := range map[string]float64{"shortest pauses": 0, "longest pauses": 0.999} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				r := failing(t)
				r.cfg.Policy.Random = func() float64 { return random }
				var tries []time.Time
				r.refuse = func(string) error {
					tries = append(tries, time.Now())
					return errBlocked
				}
				r.put("q", "bad")
				r.runFor(t.Context(), time.Minute)

				lines := 0
				for i := range tries {
					if n := i + 1; n&(n-1) == 0 {
						lines++
					}
					if i == 0 {
						continue
					}
					if gap := tries[i].Sub(tries[i-1]); gap < holdMin || gap > holdMax {
						t.Errorf("try %d came after %v", i+1, gap)
					}
				}
				if len(tries) < 10 || len(tries) > 701 {
					t.Errorf("%d tries in 70 seconds", len(tries))
				}
				logged := r.logged(held)
				equal(t, "log lines", len(logged), lines)
				equal(t, "err", logged[0]["err"], any(errBlocked.Error()))
			})
		})
	}
}

// When the session is gone the broker delivers the task again: a follow-up would be a second copy of it.
func TestNothingIsPublishedForAStaleDelivery(t *testing.T) {
	t.Parallel()

	for _, when := range []string{"while it runs", "while it is held"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()

			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Handle = r.handler(func(context.Context, *tasks.Task) error {
					sleepAlone(time.Minute)
					return tasks.Permanent(errors.New("boom"))
				})
				r.refuseAll(errBlocked)
				r.put("q", "x")
				stop := r.start(t.Context())
				sleep(30 * time.Second)
				if when == "while it is held" {
					sleep(time.Minute)
				}
				r.reconnect()
				r.refuseAll(nil)
				sleep(5 * time.Minute)

				equal(t, "stop", stop(), nil)
				equal(t, "outcomes", r.outcomes("x"), "stale dead_lettered")
				equalSlices(t, "history", r.history(), []string{"dead x", "ack x"})
			})
		})
	}
}

func TestLostSettlements(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Handle = r.handler(takes(time.Minute))
		r.put("q", "x")
		stop := r.start(t.Context())
		sleep(time.Second)
		r.reconnect()
		sleep(time.Hour)

		equal(t, "stop", stop(), nil)
		equal(t, "outcomes", r.outcomes("x"), "lost acked")
		equal(t, "error", r.first("x").Err, errGone)
		logged := r.logged(lost)
		equal(t, "log lines", len(logged), 1)
		equal(t, "level", logged[0]["level"], any("WARN"))
		equal(t, "keys", fmt.Sprintln(logged[0]["task_id"], logged[0]["task"], logged[0]["queue"], logged[0]["attempt"],
			logged[0]["outcome"], logged[0]["err"]), "x x q 1 lost session is gone\n")
	})
}

// The connection is lost between the confirm of what follows and the ack: the broker has the task twice, and we say so.
func TestAckLostAfterTheConfirm(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.confirmAfter = time.Second
		r.put("q", "bad")
		stop := r.start(t.Context())
		sleep(time.Second / 2)
		r.reconnect()
		sleep(time.Minute)

		equal(t, "stop", stop(), nil)
		equal(t, "outcomes", r.outcomes("bad"), "lost retried")
		equalSlices(t, "history", r.history(), []string{"retry bad", "retry bad", "ack bad"})
	})
}

func TestHeldDeliveriesAreRejectedWhenTheDrainIsOver(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.refuseAll(errBlocked)
		r.put("q", "bad")
		stop := r.start(t.Context())
		sleep(time.Minute)
		since := time.Now()
		equal(t, "stop", stop(), nil)

		equal(t, "the drain took", time.Since(since), r.cfg.DrainTimeout)
		equalSlices(t, "history", r.history(), []string{"reject bad"})
		equal(t, "outcomes", r.outcomes("bad"), Requeued)
		equal(t, "counted", r.queue("q").ready[0].count, 1)
	})
}

func TestHeldDeliveriesHaveTheDrainToBePublished(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.refuseAll(errBlocked)
		r.put("q", "bad")
		stop := r.start(t.Context())
		sleep(time.Minute)
		time.AfterFunc(3*time.Second, func() { r.refuseAll(nil) })
		since := time.Now()
		equal(t, "stop", stop(), nil)

		if took := time.Since(since); took < 3*time.Second || took > 3*time.Second+holdMax {
			t.Errorf("the drain took %v", took)
		}
		equalSlices(t, "history", r.history(), []string{"retry bad", "ack bad"})
	})
}

// A publish that is never confirmed ends with the grace, and the delivery goes back.
func TestPublishThatHangsEndsWithTheDrain(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.confirmAfter = 1000 * time.Hour
		r.put("q", "bad")
		stop := r.start(t.Context())
		sleep(time.Minute)
		since := time.Now()
		equal(t, "stop", stop(), nil)

		equal(t, "the drain took", time.Since(since), r.cfg.DrainTimeout+maxGrace)
		equalSlices(t, "history", r.history(), []string{"reject bad"})
	})
}

func TestDeadLetterSaysWhoAndWhy(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		r := failing(t)
		r.putTask(tasks.Task{ID: "bad", Name: "x", Queue: "q", MaxAttempts: 1, Payload: []byte("payload")})
		r.runFor(t.Context(), time.Second)

		dead := r.grave()
		equal(t, "headers", fmt.Sprintln(dead.Headers["warrener-reason"], dead.Headers["warrener-error"],
			dead.Headers["warrener-worker"], dead.Headers["warrener-died-at"]), "exhausted boom w 2000-01-01T00:00:00.000Z\n")
		equal(t, "body", string(dead.Body), "payload")
		logged := r.logged("task is dead-lettered")
		equal(t, "log lines", len(logged), 1)
		equal(t, "err", logged[0]["err"], any("exhausted: boom"))
	})
}
