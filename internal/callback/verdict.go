package callback

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener"
)

// MaxRetryAfter bounds the wait that an endpoint can ask for.
const MaxRetryAfter = 24 * time.Hour

// excerpt is how many bytes of an answer go with the error. A dead letter keeps 2 KiB of an error.
const excerpt = 1 << 10

// verdict says what an answer means for the task, in the terms of a handler.
func verdict(resp *http.Response, beginning []byte) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err := problem(resp.StatusCode, beginning)
	if !passing(resp.StatusCode) {
		return warrener.Permanent(err)
	}
	if wait, ok := retryAfter(resp.Header, time.Now()); ok {
		return warrener.RetryAfter(wait, err)
	}
	return err
}

// passing reports whether another attempt may see another status.
func passing(status int) bool {
	others := []int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}
	return status/100 == 5 || slices.Contains(others, status)
}

func problem(status int, beginning []byte) error {
	text := strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
	if status/100 == 3 {
		text += ": redirects are not followed, the worker needs the final URL"
	}
	if body := strings.TrimSpace(strings.ToValidUTF8(string(beginning), "")); body != "" {
		text += ": " + body
	}
	return errors.New(text)
}

// retryAfter returns the wait that the endpoint asks for. One that is over or not understood leaves it to the backoff.
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 64)
	wait := time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second
	if err != nil && !errors.Is(err, strconv.ErrRange) { // of too large a number ParseUint returns the largest
		until, err := http.ParseTime(value)
		if err != nil {
			return 0, false
		}
		// By the endpoint's own clock, for the two may differ.
		if date, err := http.ParseTime(header.Get("Date")); err == nil {
			now = date
		}
		wait = min(until.Sub(now), MaxRetryAfter)
	}
	return wait, wait > 0
}
