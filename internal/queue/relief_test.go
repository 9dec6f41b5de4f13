package queue

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

func TestReliefIsRationed(t *testing.T) {
	t.Parallel()
	var r relief
	start := time.Now()
	for _, c := range []struct {
		after   time.Duration
		streams int
		want    bool
	}{
		{0, 1, true},
		{reliefInterval - 1, 2, false},
		{reliefInterval, maxStreams, false},
		{reliefInterval, maxStreams - 1, true},
		{2*reliefInterval - 1, 1, false},
	} {
		if got := r.due(start.Add(c.after), c.streams); got != c.want {
			t.Errorf("after %v with %d streams: %t", c.after, c.streams, got)
		}
	}
}

// told says whether a settler has told of a jam.
func told(s *settler) bool {
	select {
	case <-s.jammed:
		return true
	default:
		return false
	}
}

func TestJamIsOfOneDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ch, ds, quit, ran := started(2*jam + 2)
		s := ds[0].settler
		ackAll(t, ds[2:jam+1]) // one less than a jam, all because of the first
		pause(ackHeld + 2*ackTick)
		ackAll(t, ds[:1])
		pause(2 * ackTick)
		ackAll(t, ds[jam+1:2*jam]) // and as many because of the second
		pause(ackHeld + 2*ackTick)
		if _, frames := ch.counts(); frames != 2*jam-1 || told(s) {
			t.Errorf("%d acks one by one, want %d; they are no jam of one delivery", frames, 2*jam-1)
		}
		ackAll(t, ds[2*jam:2*jam+1])
		pause(ackHeld + 2*ackTick)
		if !told(s) {
			t.Errorf("not told of %d acks that passed one delivery", jam)
		}
		close(quit)
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

// A long task keeps the channel it came on, and the others go on on a new one.
func TestJammedChannelIsLeftToItsLongTask(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	cfg := configFor(t, url)
	sub := work("q")
	sub.Prefetch = 100
	c := consume(t, cfg, sub)
	const n = 3*jam + 1
	publish(t, publisher(t, cfg), many("q", n)...)
	long := c.next(t)
	channels := map[*settler]int{long.settler: 1}
	seen := map[string]bool{long.Message().ID: true}
	for range n - 1 {
		d := c.next(t)
		channels[d.settler]++
		seen[d.Message().ID] = true
		settles(t, d.Ack)
	}
	if len(channels) != 2 || len(seen) != n || channels[long.settler] > 2*jam {
		t.Errorf("%d of %d tasks came, on %d channels, %d of them on that of the long one", len(seen), n, len(channels), channels[long.settler])
	}
	if got := c.streamsOf("q"); got != 2 || !long.Live() {
		t.Errorf("%d channels are open, want 2; the long task can be settled: %t", got, long.Live())
	}
	settles(t, long.Ack)
	rabbittest.Eventually(t, soon, func() (bool, string) {
		got := c.streamsOf("q")
		return got == 1, fmt.Sprintf("%d channels are open", got)
	})
	c.close()
	eventuallyReady(t, bare(t, url), "q", 0)
}
