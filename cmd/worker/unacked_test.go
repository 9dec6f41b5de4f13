package main

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/warrener/warrener"
)

func TestUnackedFillsInWhatIsKnown(t *testing.T) {
	t.Parallel()

	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/queues///emails" {
			_, _ = w.Write([]byte(`{"messages_unacknowledged": 7}`))
			return
		}
		http.NotFound(w, r)
	}))
	defer broker.Close()
	opts := &runOptions{}
	if err := opts.managementURL.Set(broker.URL); err != nil {
		t.Fatal(err)
	}
	u, err := opts.unacked(silent(), []warrener.Queue{{Name: "emails"}, {Name: "gone"}})
	if err != nil {
		t.Fatal(err)
	}
	u.counts["gone"] = 3 // what was true once
	u.ask(t.Context())

	var got warrener.Depths
	hooks := u.hooks(warrener.Hooks{Depths: func(d warrener.Depths) { got = d }})
	hooks.Depths(warrener.Depths{Queues: []warrener.QueueDepth{{Queue: "emails", Unacked: -1}, {Queue: "gone", Unacked: -1}}})
	want := warrener.Depths{Queues: []warrener.QueueDepth{{Queue: "emails", Unacked: 7}, {Queue: "gone", Unacked: -1}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWithoutManagementNobodyIsAsked(t *testing.T) {
	t.Parallel()

	u, err := (&runOptions{}).unacked(silent(), nil)
	if u != nil || err != nil {
		t.Fatalf("got %v, %v", u, err)
	}
	told := false
	u.hooks(warrener.Hooks{Depths: func(warrener.Depths) { told = true }}).Depths(warrener.Depths{})
	if u.start(t.Context())(); !told {
		t.Error("the depths got lost")
	}
}
