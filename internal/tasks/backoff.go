package tasks

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Backoff is the wait before the next attempt: exponential from Min to Max, with full jitter.
type Backoff struct{ Min, Max time.Duration }

// ParseBackoff reads "1s..1h", or "30s" for "30s..30s". The empty string is the zero value.
func ParseBackoff(s string) (Backoff, error) {
	if s == "" {
		return Backoff{}, nil
	}
	low, high, found := strings.Cut(s, "..")
	if !found {
		high = low
	}
	var b Backoff
	var errMin, errMax error
	b.Min, errMin = time.ParseDuration(low)
	b.Max, errMax = time.ParseDuration(high)
	if err := errors.Join(errMin, errMax); err != nil {
		return Backoff{}, fmt.Errorf("backoff %q is not like 1s..1h", s)
	}
	if err := b.check(); err != nil {
		return Backoff{}, err
	}
	return b, nil
}

func (b Backoff) check() error {
	if b.Min <= 0 || b.Max < b.Min || b.Max > maxWait {
		return fmt.Errorf("backoff %v..%v is not a range within 1ns..%v", b.Min, b.Max, maxWait)
	}
	return nil
}

// String returns what ParseBackoff reads.
func (b Backoff) String() string {
	switch {
	case b == Backoff{}:
		return ""
	case b.Min == b.Max:
		return short(b.Min)
	}
	return short(b.Min) + ".." + short(b.Max)
}

// short writes 1h for what time.Duration calls 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// Delay returns the wait after so many failed attempts: a uniformly random time between 0 and Min·2^(failed-1), but no
// more than Max. random returns a number in [0,1); nil is math/rand/v2. This is "full jitter" from Marc Brooker's article "Exponential
// Backoff And Jitter" in the AWS Architecture Blog (2015): of the variants measured there it keeps callers that failed
// together from coming back together, at the least work.
func (b Backoff) Delay(failed int, random func() float64) time.Duration {
	if random == nil {
		random = rand.Float64
	}
	doublings := max(failed-1, 0)
	limit := b.Max
	if b.Min <= b.Max>>doublings { // else Min<<doublings would be over Max, if it did not overflow
		limit = b.Min << doublings
	}
	return min(time.Duration(random()*float64(limit)), limit) // a float64 cannot tell the longest apart
}
