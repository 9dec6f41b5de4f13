package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/warrener/warrener"
)

// Order is the payload of the task.
type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

var shipOrder = warrener.Define[Order]("order.ship")

// Summary is what GET /orders answers.
type Summary struct {
	Taken   int `json:"taken"`
	Shipped int `json:"shipped"` // each order counts once
	Again   int `json:"again"`   // calls for an order that was shipped before
}

type shop struct {
	client *warrener.Client
	queue  string
	work   time.Duration

	mu      sync.Mutex // guards all below
	taken   int
	shipped map[string]bool
	again   int
}

func newShop(queue string, work time.Duration) *shop {
	return &shop{queue: queue, work: work, shipped: map[string]bool{}}
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.take)
	mux.HandleFunc("GET /orders", s.show)
	mux.HandleFunc("POST /ship", s.ship)
	return mux
}

// take answers when the order can no longer be lost.
func (s *shop) take(w http.ResponseWriter, r *http.Request) {
	var order Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&order); err != nil || order.Item == "" || order.Count < 1 {
		http.Error(w, `want {"item": "lamp", "count": 2}`, http.StatusBadRequest)
		return
	}
	id, err := shipOrder.Publish(r.Context(), s.client, order, warrener.OnQueue(s.queue))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.mu.Lock()
	s.taken++
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	answer(w, map[string]string{"id": id})
}

// ship is the work. The worker says whose it is, and calls again if it has no answer.
func (s *shop) ship(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Warrener-Task-Id")
	if id == "" {
		http.Error(w, "want the header Warrener-Task-Id", http.StatusBadRequest)
		return
	}
	if !pause(r.Context(), s.work) {
		return // nobody waits for the answer, and the order is not shipped
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shipped[id] {
		s.again++
	}
	s.shipped[id] = true
	w.WriteHeader(http.StatusNoContent)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *shop) show(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	summary := Summary{Taken: s.taken, Shipped: len(s.shipped), Again: s.again}
	s.mu.Unlock()
	answer(w, summary)
}

func answer(w http.ResponseWriter, value any) {
	_ = json.NewEncoder(w).Encode(value) // whoever asked may have gone
}
