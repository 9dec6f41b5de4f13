package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// shop is the service that takes orders, as its customers see it.
type shop struct{ address string }

// summary is what it says of itself.
type summary struct {
	Taken, Shipped, Again int
}

func (s shop) summary(t *testing.T) (got summary) {
	t.Helper()
	if err := json.Unmarshal(get(t, "http://"+s.address+"/orders"), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// order places so many orders, several at a time. Each that was taken is a promise.
func (s shop) order(ctx context.Context, count int) error {
	var customers sync.WaitGroup
	turns := make(chan struct{}, count)
	for range count {
		turns <- struct{}{}
	}
	close(turns)
	failed := make(chan error, count)
	for range 8 {
		customers.Go(func() {
			for range turns {
				if err := s.orderOne(ctx); err != nil {
					failed <- err
				}
			}
		})
	}
	customers.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s shop) orderOne(ctx context.Context) error {
	body := strings.NewReader(`{"item": "lamp", "count": 2}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/orders", body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("order: %s", response.Status)
	}
	return nil
}

// awaitShipped waits until every order is shipped that anybody has placed.
func (s shop) awaitShipped(t *testing.T, orders int) {
	t.Helper()
	var got summary
	if !eventually(t, 2*time.Minute, func() bool { got = s.summary(t); return got.Shipped >= orders }) {
		t.Fatalf("%d orders were placed, and only %+v", orders, got)
	}
	if got.Shipped != orders {
		t.Fatalf("%d orders were placed, and more shipped: %+v", orders, got)
	}
	t.Logf("%d orders shipped, %d calls twice", got.Shipped, got.Again)
}
