package queue

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	at := func(tag uint64, v verb, age time.Duration) settlement { return settlement{tag, v, now.Add(-age)} }
	for _, test := range []struct {
		name      string
		finished  []settlement
		watermark uint64
		all       bool
		frames    []frame
		held      []uint64
	}{
		{name: "nothing finished", watermark: 1},
		{
			name:     "nothing outstanding: one frame up to the highest",
			finished: []settlement{at(2, ack, 0), at(3, ack, 0), at(1, ack, 0)},
			frames:   []frame{{tag: 3, multiple: true}},
		},
		{
			name:     "a single ack is not multiple",
			finished: []settlement{at(7, ack, 0)},
			frames:   []frame{{tag: 7}},
		},
		{
			name:      "below the watermark at once, above it held",
			finished:  []settlement{at(1, ack, 0), at(2, ack, 0), at(4, ack, 0), at(6, ack, 0)},
			watermark: 3,
			frames:    []frame{{tag: 2, multiple: true}},
			held:      []uint64{4, 6},
		},
		{
			name:      "held for long enough: one by one, since a multiple would cover the unfinished",
			finished:  []settlement{at(4, ack, ackHeld), at(5, ack, ackHeld-1), at(6, ack, time.Hour)},
			watermark: 3,
			frames:    []frame{{tag: 4}, {tag: 6}},
			held:      []uint64{5},
		},
		{
			name:      "all: nothing is held",
			finished:  []settlement{at(1, ack, 0), at(4, ack, 0)},
			watermark: 3,
			all:       true,
			frames:    []frame{{tag: 1}, {tag: 4}},
		},
		{
			name:     "what goes back goes before the ack that would cover it",
			finished: []settlement{at(1, ack, 0), at(2, giveBack, 0), at(3, countBack, 0), at(4, ack, 0)},
			frames:   []frame{{tag: 2, verb: giveBack}, {tag: 3, verb: countBack}, {tag: 4, multiple: true}},
		},
		{
			name:      "what goes back is never held",
			finished:  []settlement{at(9, giveBack, 0), at(8, countBack, 0)},
			watermark: 1,
			frames:    []frame{{tag: 9, verb: giveBack}, {tag: 8, verb: countBack}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			since := now.Add(-ackHeld)
			if test.all {
				since = now
			}
			frames, held := plan(nil, test.finished, test.watermark, since)
			if !slices.Equal(frames, test.frames) {
				t.Errorf("sent %+v, want %+v", frames, test.frames)
			}
			var tags []uint64
			for _, h := range held {
				tags = append(tags, h.tag)
			}
			if !slices.Equal(tags, test.held) {
				t.Errorf("held %v, want %v", tags, test.held)
			}
		})
	}
}

func TestListKeepsOrderWhateverIsRemoved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		remove []uint64
		oldest uint64
	}{
		{"none", nil, 1},
		{"first", []uint64{1}, 2},
		{"middle", []uint64{2}, 1},
		{"last", []uint64{3}, 1},
		{"first and middle", []uint64{1, 2}, 3},
		{"outer ones", []uint64{3, 1}, 2},
		{"all", []uint64{2, 1, 3}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l list
			ds := map[uint64]*Delivery{}
			for tag := range uint64(3) {
				ds[tag+1] = &Delivery{tag: tag + 1}
				l.push(ds[tag+1])
			}
			for _, tag := range test.remove {
				if !l.remove(ds[tag]) || l.remove(ds[tag]) {
					t.Fatalf("tag %d is to be removed once", tag)
				}
			}
			if l.oldest() != test.oldest || l.empty() != (test.oldest == 0) {
				t.Errorf("oldest %d, empty %t; want %d", l.oldest(), l.empty(), test.oldest)
			}
			l.push(&Delivery{tag: 4})
			if last := l.last.tag; last != 4 {
				t.Errorf("last %d after a push, want 4", last)
			}
		})
	}
}

func TestSettledTwice(t *testing.T) {
	t.Parallel()
	ch := newFakeChannel(1)
	s := newSettler(ch, false)
	d := &Delivery{tag: 1, settler: s}
	s.delivered(d)
	if err := d.Ack(); err != nil {
		t.Fatal(err)
	}
	for name, settle := range map[string]func() error{"ack": d.Ack, "requeue": d.Requeue, "reject": d.Reject} {
		if err := settle(); !errors.Is(err, errSettledTwice) {
			t.Errorf("%s of a settled delivery: %v", name, err)
		}
	}
	if len(s.finished) != 1 {
		t.Errorf("%d settlements are to be sent, want 1", len(s.finished))
	}
}

func TestClosedChannelMakesDeliveriesStale(t *testing.T) {
	t.Parallel()
	ch := newFakeChannel(1)
	s := newSettler(ch, false)
	d := &Delivery{tag: 1, settler: s}
	s.delivered(d)
	if !d.Live() {
		t.Error("not live on an open channel")
	}
	ch.close()
	if d.Live() {
		t.Error("live on a closed channel")
	}
	if err := d.Ack(); !errors.Is(err, ErrStale) {
		t.Errorf("ack on a closed channel: %v", err)
	}
}
