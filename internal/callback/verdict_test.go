package callback

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/tasks"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		name, value, date string
		want              time.Duration
	}{
		{name: "none"},
		{name: "seconds", value: "120", want: 2 * time.Minute},
		{name: "zero", value: "0"},
		{name: "negative", value: "-5"},
		{name: "a fraction", value: "1.5"},
		{name: "words", value: "soon"},
		{name: "a week", value: "604800", want: MaxRetryAfter},
		{name: "beyond a duration", value: "9223372036854775807", want: MaxRetryAfter},
		{name: "beyond a number", value: "99999999999999999999999", want: MaxRetryAfter},
		{name: "a date", value: at(90 * time.Second), want: 90 * time.Second},
		{name: "a date of old", value: now.Add(90 * time.Second).Format("Monday, 02-Jan-06 15:04:05 GMT"), want: 90 * time.Second},
		{name: "a date gone by", value: at(-time.Hour)},
		{name: "a date next year", value: at(8760 * time.Hour), want: MaxRetryAfter},
		{name: "a date by another clock", value: at(time.Hour), date: at(time.Hour - time.Minute), want: time.Minute},
		{name: "a date by a broken clock", value: at(time.Minute), date: "noon", want: time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := retryAfter(http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}, now)
			if ok != (tt.want > 0) || ok && got != tt.want {
				t.Errorf("%v, %v, want %v", got, ok, tt.want)
			}
		})
	}
}

// From the answer to what the engine will do, in virtual time.
func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()

	const unset = -1 // the backoff of a first attempt, by a random number just below 1
	tests := []struct {
		name   string
		status int
		value  func() string
		want   time.Duration
	}{
		{"seconds", 429, func() string { return "3600" }, time.Hour},
		{"date", 503, func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) }, time.Hour},
		{"too long", 500, func() string { return "604800" }, 24 * time.Hour},
		{"none", 503, func() string { return "" }, unset},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answer := roundTrip(func(*http.Request) (*http.Response, error) {
					header := http.Header{"Retry-After": {tt.value()}}
					return &http.Response{StatusCode: tt.status, Header: header, Body: http.NoBody}, nil
				})
				got := decide(newHandler(t, Config{URL: "http://h", Transport: answer}).HandleTask(t.Context(), &warrener.Delivery{}))
				if got.Verdict != tasks.Retry || tt.want != unset && got.Delay != tt.want || tt.want == unset && got.Delay > time.Minute {
					t.Errorf("%+v, want another attempt after %v", got, tt.want)
				}
			})
		})
	}
}

func TestRetryAfterOfAPermanentStatusIsIgnored(t *testing.T) {
	t.Parallel()

	resp := &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{"Retry-After": {"60"}}}
	if got := decide(verdict(resp, nil)); got.Reason != tasks.ReasonPermanent {
		t.Errorf("%+v", got)
	}
}
