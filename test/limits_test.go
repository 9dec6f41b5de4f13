package test

import (
	"errors"
	"strings"
	"testing"

	"github.com/warrener/warrener"
	"github.com/warrener/warrener/internal/rabbit/rabbittest"
)

// RabbitMQ would close the channel of all who publish on it, or the connection of each consumer that gets the message.
func TestOversizedTasksAreRefusedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	url := rabbittest.Vhost(t)
	client := dial(t, url, "q")
	many := map[string]any{}
	for _, letter := range "abcdefghijklmnopq" {
		many[string(letter)] = strings.Repeat("x", 1000)
	}
	for name, task := range map[string]warrener.Task{
		"a body over 1 MiB":      {Payload: make([]byte, 1<<20+1)},
		"a body over the hard":   {Payload: make([]byte, 16<<20+1)},
		"one header over 16 KiB": {Headers: map[string]any{"x": strings.Repeat("x", 16<<10)}},
		"many headers over that": {Headers: many},
	} {
		task.Name, task.Queue = "large", "q"
		if _, err := client.Publish(t.Context(), task); !errors.Is(err, warrener.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	publish(t, client, warrener.Task{Name: "fits", Queue: "q", Payload: make([]byte, 1<<20), Headers: map[string]any{"x": strings.Repeat("x", 16000)}})
	if got := take(t, channel(t, url), "q", 1)[0]; got.Type != "fits" {
		t.Errorf("%s arrived", got.Type)
	}
}

func TestTaskForAQueueThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	client := dial(t, rabbittest.Vhost(t), "here")
	for _, result := range client.PublishMany(t.Context(), []warrener.Task{
		{Name: "lost", Queue: "nowhere"},
		{Name: "lost", Queue: "nowhere", Delay: 1000},
	}) {
		if !errors.Is(result.Err, warrener.ErrUnroutable) {
			t.Errorf("publish to a queue that is not there: %v", result.Err)
		}
	}
	publish(t, client, warrener.Task{Name: "found", Queue: "here"})
}
