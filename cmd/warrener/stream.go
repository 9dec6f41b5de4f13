package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/warrener/warrener"
)

// person is the payload of all tasks of dev.
type person struct {
	Name string `json:"name"`
	For  int    `json:"for,omitempty"`   // milliseconds that the task takes
	Fail int    `json:"fails,omitempty"` // attempts that fail
}

// part is a kind of task and its share of the stream.
type part struct {
	name  string
	share int
	task  func(r *rand.Rand, p *person, t *warrener.Task)
}

// mix is the stream of dev.
func mix() []part {
	quick := warrener.Backoff{Min: 100 * time.Millisecond, Max: 400 * time.Millisecond}
	return []part{
		{"dev.greet", 60, func(*rand.Rand, *person, *warrener.Task) {}},
		{"dev.resize", 15, func(r *rand.Rand, p *person, _ *warrener.Task) { p.For = 20 + r.IntN(180) }},
		{"dev.flaky", 12, func(r *rand.Rand, p *person, t *warrener.Task) { p.Fail, t.Backoff = 1+r.IntN(2), quick }},
		{"dev.later", 7, func(r *rand.Rand, _ *person, t *warrener.Task) {
			t.Delay = time.Duration(500+r.IntN(1500)) * time.Millisecond
		}},
		{"dev.panic", 2, func(_ *rand.Rand, p *person, t *warrener.Task) { p.Fail, t.Backoff = 1, quick }},
		{"dev.refuse", 2, func(*rand.Rand, *person, *warrener.Task) {}},
		{"dev.hopeless", 1, func(_ *rand.Rand, _ *person, t *warrener.Task) { t.MaxAttempts, t.Backoff = 3, quick }},
		{"dev.outdated", 1, func(_ *rand.Rand, _ *person, t *warrener.Task) { t.ExpiresAt = time.Now().Add(-time.Second) }},
	}
}

// stream makes tasks, the same ones from the same seed.
type stream struct {
	random *rand.Rand
	parts  []part
	total  int
}

func newStream(seed uint64) *stream {
	s := &stream{random: rand.New(rand.NewPCG(seed, 0)), parts: mix()} //nolint:gosec // a demonstration, no secret
	for _, p := range s.parts {
		s.total += p.share
	}
	return s
}

func (s *stream) next() (warrener.Task, error) {
	n := s.random.IntN(s.total)
	for _, p := range s.parts {
		if n -= p.share; n >= 0 {
			continue
		}
		names := []string{"Ann", "Bob", "Eve", "Kim", "Max", "Zoe"}
		who := person{Name: names[s.random.IntN(len(names))]}
		t := warrener.Task{ID: warrener.NewID(), Name: p.name, Queue: devQueue}
		p.task(s.random, &who, &t)
		payload, err := json.Marshal(who)
		t.Payload = payload
		return t, err
	}
	return warrener.Task{}, errors.New("the shares do not add up")
}

// publish sends so many tasks a second until ctx is done.
func (s *system) publish(ctx context.Context, tasks *stream, rate int) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for ctx.Err() == nil {
		t, err := tasks.next()
		if err == nil {
			s.tally.publishing(t.ID)
			_, err = s.client.Publish(ctx, t)
			s.tally.published(t.ID, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// handlers run the tasks of the stream, and whatever else comes in.
func handlers() *warrener.Mux {
	mux := warrener.NewMux()
	mux.Handle("dev.greet", warrener.HandlerFunc(work))
	for _, name := range []string{"dev.resize", "dev.flaky", "dev.later"} {
		mux.Handle(name, warrener.HandlerFunc(work))
	}
	mux.Handle("dev.outdated", warrener.HandlerFunc(work)) // which it never gets to
	mux.Handle("dev.panic", warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
		if err := work(ctx, d); err != nil {
			panic(err)
		}
		return nil
	}))
	mux.Handle("dev.refuse", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error {
		return warrener.Permanent(errors.New("no such address"))
	}))
	mux.Handle("dev.hopeless", warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error {
		return errors.New("the other side does not answer")
	}))
	mux.Default(warrener.HandlerFunc(func(context.Context, *warrener.Delivery) error { return nil })) // from others
	return mux
}

// work takes as long, and fails as often, as the payload says. Others may send these tasks with another one.
func work(ctx context.Context, d *warrener.Delivery) error {
	var p person
	if err := json.Unmarshal(d.Payload, &p); err != nil {
		return nil //nolint:nilerr // any payload will do
	}
	timer := time.NewTimer(time.Duration(p.For) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if d.Attempt <= p.Fail {
		return errors.New("try again")
	}
	return nil
}
