package warrener

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/warrener/warrener/internal/tasks"
)

// Every hook there is, found by reflection: one that MergeHooks forgets would fall silent.
func TestMergeHooksCallsEachInOrder(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[Hooks]().Fields() {
		t.Run(field.Name, func(t *testing.T) {
			t.Parallel()
			var called []string
			record := func(name string) Hooks {
				var h Hooks
				hook := reflect.MakeFunc(field.Type, func(args []reflect.Value) []reflect.Value {
					called = append(called, fmt.Sprint(name, args))
					return nil
				})
				reflect.ValueOf(&h).Elem().FieldByIndex(field.Index).Set(hook)
				return h
			}
			merged := MergeHooks(record("first"), Hooks{}, record("second"), record("third"))

			args := make([]reflect.Value, field.Type.NumIn())
			for i := range args {
				args[i] = reflect.New(field.Type.In(i)).Elem()
			}
			reflect.ValueOf(merged).FieldByIndex(field.Index).Call(args)
			want := []string{fmt.Sprint("first", args), fmt.Sprint("second", args), fmt.Sprint("third", args)}
			if !slices.Equal(called, want) {
				t.Errorf("called %v, want %v", called, want)
			}
		})
	}
}

func TestMergeHooksLeavesOutWhatNobodySet(t *testing.T) {
	t.Parallel()
	merged := reflect.ValueOf(MergeHooks(Hooks{}, Hooks{}))
	for field, value := range merged.Fields() {
		if !value.IsNil() {
			t.Errorf("%s is set", field.Name)
		}
	}
}

func TestPublishOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want PublishOutcome
	}{
		{nil, PublishConfirmed},
		{fmt.Errorf("publish a: %w", ErrUnroutable), PublishReturned},
		{ErrRejected, PublishRejected},
		{ErrUnknownOutcome, PublishUnknown},
		{fmt.Errorf("%w: %w", ErrUnknownOutcome, ErrUnavailable), PublishUnknown},
		{ErrBlocked, PublishFailed},
		{ErrUnavailable, PublishFailed},
		{ErrInvalid, PublishFailed},
		{errors.New("anything else"), PublishFailed},
	}
	for _, test := range tests {
		if got := publishOutcome(test.err); got != test.want {
			t.Errorf("%v is %q, want %q", test.err, got, test.want)
		}
	}
}

func TestReasonsAreThoseOfTheWire(t *testing.T) {
	t.Parallel()
	reasons := map[Reason]tasks.Reason{
		ReasonPermanent:   tasks.ReasonPermanent,
		ReasonExhausted:   tasks.ReasonExhausted,
		ReasonMalformed:   tasks.ReasonMalformed,
		ReasonUnknownTask: tasks.ReasonUnknownTask,
		ReasonExpired:     tasks.ReasonExpired,
		ReasonCrashed:     tasks.ReasonCrashed,
	}
	for ours, theirs := range reasons {
		if string(ours) != string(theirs) {
			t.Errorf("%q is %q on the wire", ours, theirs)
		}
	}
}
