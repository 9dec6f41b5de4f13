package tasks_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/warrener/warrener/internal/tasks"
)

// ids with the time 2024-05-01T12:00:00.123Z
const (
	idV7 = "018f3406-9e7b-7000-8000-000000000001"
	idV4 = "018f3406-9e7b-4000-8000-000000000001"
)

func madeV7() time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 123e6, time.UTC) }

func TestNewIDHoldsItsTime(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Millisecond)
	id := tasks.NewID()
	task, err := tasks.Decode(&tasks.Message{ID: id}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if task.CreatedAt.Before(before) || task.CreatedAt.After(time.Now().Add(time.Second)) {
		t.Errorf("the id %s says %v, it is %v", id, task.CreatedAt, before)
	}
	if again := tasks.NewID(); again <= id {
		t.Errorf("id %s is not after %s", again, id)
	}
}

func TestEnsureID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 200)
	tests := []struct {
		name    string
		message tasks.Message
		want    string
	}{
		{"has one", tasks.Message{ID: "a", Origin: tasks.Origin{Consumer: "c", Tag: 7}}, "a"},
		{"made up", tasks.Message{Origin: tasks.Origin{Consumer: "c", Tag: 7}}, "c.7"},
		{"not received", tasks.Message{}, ""},
		{"long consumer tag", tasks.Message{Origin: tasks.Origin{Consumer: long, Tag: 7}}, long[:252] + ".7"},
		{"not UTF-8", tasks.Message{Origin: tasks.Origin{Consumer: "\xff", Tag: 7}}, "\uFFFD.7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			task, err := tasks.Decode(&test.message, 0)
			if err != nil || task.ID != test.want {
				t.Errorf("Decode has id %q, %v, want %q", task.ID, err, test.want)
			}
			tasks.EnsureID(&test.message)
			if test.message.ID != test.want || len(test.message.ID) > 255 || !utf8.ValidString(test.message.ID) {
				t.Errorf("id is %q, want %q", test.message.ID, test.want)
			}
		})
	}
}

func TestDueAt(t *testing.T) {
	t.Parallel()
	early, late := madeV7(), madeV7().Add(time.Hour)
	tests := []struct {
		name string
		task tasks.Task
		want time.Time
	}{
		{"not delayed", tasks.Task{PublishedAt: early}, early},
		{"delayed", tasks.Task{PublishedAt: early, NotBefore: late}, late},
		{"delay over before it was published", tasks.Task{PublishedAt: late, NotBefore: early}, late},
		{"unknown", tasks.Task{}, time.Time{}},
	}
	for _, test := range tests {
		if got := test.task.DueAt(); !got.Equal(test.want) {
			t.Errorf("%s: due at %v, want %v", test.name, got, test.want)
		}
	}
}
