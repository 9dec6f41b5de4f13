package live_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener/internal/live"
	"github.com/warrener/warrener/internal/operate"
)

// sample is a look just now at one queue.
func sample(ready int) operate.Sample {
	return operate.Sample{At: time.Now(), Queues: []operate.Seen{{Queue: "q", Ready: ready}}}
}

// noted is an update, and when it came.
type noted struct {
	after time.Duration
	ready int
	rate  float64 // of growth; 0 when there is none
	err   error
}

// watched are the updates of a time, in which the looks after the first are answered by look.
func watched(t *testing.T, length time.Duration, look live.Look) []noted {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	begin := time.Now()
	var got []noted
	live.Watch(ctx, 2*time.Second, sample(0), look, func(u live.Update) {
		q := u.Frame.Queues[0]
		n := noted{after: time.Since(begin), ready: q.Ready, err: u.Err}
		if q.Growth != nil {
			n.rate = *q.Growth
		}
		got = append(got, n)
	})
	if took := time.Since(begin); took != length {
		t.Errorf("ended after %s, not %s", took, length)
	}
	return got
}

func TestWatchLooksEachInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ready := 0
		got := watched(t, 7*time.Second, func(context.Context) (operate.Sample, error) {
			ready += 10
			return sample(ready), nil
		})
		want := []noted{{}, {2 * time.Second, 10, 5, nil}, {4 * time.Second, 20, 5, nil}, {6 * time.Second, 30, 5, nil}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestWatchKeepsWhatItHadWhenALookFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost, looks := errors.New("lost"), 0
		got := watched(t, 7*time.Second, func(context.Context) (operate.Sample, error) {
			looks++
			if looks == 2 {
				return operate.Sample{}, lost
			}
			return sample(10 * looks), nil
		})
		want := []noted{{}, {2 * time.Second, 10, 5, nil}, {4 * time.Second, 10, 5, lost}, {6 * time.Second, 30, 5, nil}} // 20 more in 4 s
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestWatchIsCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := watched(t, 3*time.Second, func(ctx context.Context) (operate.Sample, error) {
			<-ctx.Done() // a broker that does not answer
			return operate.Sample{}, ctx.Err()
		})
		if !reflect.DeepEqual(got, []noted{{}}) {
			t.Errorf("shows %v, and there was one look", got)
		}
	})
}
