package tasks_test

import (
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

func plainMessage() tasks.Message {
	return tasks.Message{
		ID: idV7, Type: "email.send", ContentType: "application/json", Timestamp: madeV7(), Body: []byte(`{"to":"ann@example.com"}`),
		Origin: tasks.Origin{Queue: "emails", Consumer: "c", Tag: 7},
	}
}

func BenchmarkDecodePlain(b *testing.B) {
	m := plainMessage()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tasks.Decode(&m, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodePlain(b *testing.B) {
	task := tasks.Task{Name: "email.send", Queue: "emails", Payload: []byte(`{"to":"ann@example.com"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tasks.Encode(&task, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	m := plainMessage()
	task := tasks.Task{ID: idV7, Queue: "emails", Attempt: 1}
	b.ReportAllocs()
	for b.Loop() {
		tasks.Next(&m, &task, time.Second, madeV7())
	}
}

// The hot path: a plain task costs no memory to read.
func TestDecodePlainDoesNotAllocate(t *testing.T) {
	m := plainMessage()
	if n := testing.AllocsPerRun(100, func() { _, _ = tasks.Decode(&m, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
