package faults

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// F5: a cluster loses its leader, restarts node by node, or is partitioned.
func clusterSuite() []*Scenario {
	usual := Scenario{Suite: "F5", Workers: 3, Concurrency: 8, Hold: 2 * time.Millisecond, Producers: 2, Callers: 8, Rate: 300}
	killed, rolling, leader, follower := usual, usual, usual, usual

	killed.Name, killed.Does, killed.Rows = "leader-killed", "kill -9 of the node that leads the queue", []int{2, 39}
	killed.Faults, killed.Inject = [3]int{0, 2, 30}, clustered((*World).killLeader)
	killed.Recovery = time.Second // without confirms

	rolling.Name, rolling.Does, rolling.Rows = "rolling-restart", "each node is stopped and started, one after the other", []int{20}
	rolling.Faults, rolling.Inject = [3]int{0, 1, 5}, clustered((*World).roll)

	leader.Name, leader.Does, leader.Rows = "leader-isolated", "the node that leads the queue is cut off from the others for 30 s", []int{4}
	leader.Faults, leader.Inject, leader.Recovery = [3]int{0, 1, 10}, clustered((*World).isolateLeader), 20*time.Second

	follower.Name, follower.Does, follower.Rows = "follower-isolated", "another node is cut off for 30 s", []int{4}
	follower.Faults, follower.Inject, follower.Recovery = [3]int{0, 1, 10}, clustered((*World).isolateFollower), 20*time.Second
	return []*Scenario{&killed, &rolling, &leader, &follower}
}

func clustered(fault func(*World, context.Context, *Cluster) error) func(context.Context, *World, int) error {
	return func(ctx context.Context, w *World, faults int) error {
		c, ok := w.Broker.(*Cluster)
		if !ok {
			return fmt.Errorf("scenario %s needs a cluster", w.scenario.Name)
		}
		for range faults {
			if err := w.Pause(ctx, 2*time.Second); err != nil {
				return err
			}
			if err := w.account.Read(); err != nil {
				return err
			}
			w.account.Forget()
			w.Fault(w.scenario.Name, w.inHands()+w.inPublishing())
			if err := fault(w, ctx, c); err != nil {
				return err
			}
			if err := w.noteGap(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// noteGap waits until all work again, and notes the longest time in which no task was accepted.
func (w *World) noteGap(ctx context.Context) error {
	if _, err := w.allBegin(ctx, time.Now(), time.Minute); err != nil {
		return err
	}
	if err := w.flowing(ctx); err != nil {
		return err
	}
	w.result.Recoveries = append(w.result.Recoveries, w.account.Gap())
	return nil
}

// flowing waits until tasks are accepted.
func (w *World) flowing(ctx context.Context) error {
	since := time.Now()
	return w.until(ctx, time.Minute, func() (bool, error) {
		err := w.account.Read()
		return w.account.FirstAccepted(since).After(since), err
	})
}

func (w *World) killLeader(ctx context.Context, c *Cluster) error {
	n, err := c.Leader(ctx, queue)
	if err != nil {
		return err
	}
	if err := c.Kill(ctx, n); err != nil {
		return err
	}
	if err := w.Pause(ctx, 5*time.Second); err != nil {
		return err
	}
	return c.Start(ctx, n)
}

func (w *World) roll(ctx context.Context, c *Cluster) error {
	for n := range clusterSize {
		w.result.Bound += w.inHands() + w.inPublishing()
		if err := c.Stop(ctx, n); err != nil {
			return err
		}
		if err := c.Start(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

const isolated = 30 * time.Second

func (w *World) isolate(ctx context.Context, c *Cluster, node int) error {
	if err := c.Isolate(ctx, node); err != nil {
		return err
	}
	if err := w.Pause(ctx, isolated); err != nil {
		return err
	}
	apart, err := c.Apart(ctx, node)
	if err == nil && !apart {
		err = errors.New("the partition is none: the node still sees others")
	}
	return errors.Join(err, c.Heal(ctx, node))
}

func (w *World) isolateLeader(ctx context.Context, c *Cluster) error {
	n, err := c.Leader(ctx, queue)
	if err != nil {
		return err
	}
	return w.isolate(ctx, c, n)
}

func (w *World) isolateFollower(ctx context.Context, c *Cluster) error {
	n, err := c.Leader(ctx, queue)
	if err != nil {
		return err
	}
	return w.isolate(ctx, c, (n+1)%clusterSize)
}
