package warrener

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// says is a handler that tells its name by its error.
func says(name string) Handler {
	return HandlerFunc(func(context.Context, *Delivery) error { return errors.New(name) })
}

func TestMuxGivesEachTaskToItsHandler(t *testing.T) {
	t.Parallel()
	named := NewMux()
	named.Handle("a", says("a"))
	named.Handle("a.b", says("a.b"))
	withDefault := NewMux()
	withDefault.Handle("a", says("a"))
	withDefault.Default(says("default"))

	tests := []struct {
		name string
		mux  *Mux
		task string
		want string
	}{
		{"by name", named, "a", "a"},
		{"a longer name is another", named, "a.b", "a.b"},
		{"no prefix matches", named, "a.b.c", `unknown task: "a.b.c"`},
		{"case matters", named, "A", `unknown task: "A"`},
		{"plain message", named, "", `unknown task: ""`},
		{"name before default", withDefault, "a", "a"},
		{"other name", withDefault, "b", "default"},
		{"plain message to the default", withDefault, "", "default"},
		{"nothing registered", NewMux(), "a", `unknown task: "a"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.mux.HandleTask(t.Context(), &Delivery{Name: test.task})
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if unknown := strings.HasPrefix(test.want, "unknown"); errors.Is(err, ErrUnknownTask) != unknown {
				t.Errorf("%v is ErrUnknownTask: %t, want %t", err, !unknown, unknown)
			}
		})
	}
}

func TestMuxPanicsOnMistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		register func(*Mux)
		want     string
	}{
		{"empty name", func(m *Mux) { m.Handle("", says("x")) }, "empty task name"},
		{"nil handler", func(m *Mux) { m.Handle("a", nil) }, `nil handler for "a"`},
		{"nil function", func(m *Mux) { m.Handle("a", HandlerFunc(nil)) }, `nil handler for "a"`},
		{"two of a name", func(m *Mux) { m.Handle("a", says("x")); m.Handle("a", says("y")) }, `two handlers for "a"`},
		{"nil default", func(m *Mux) { m.Default(nil) }, "nil default handler"},
		{"two defaults", func(m *Mux) { m.Default(says("x")); m.Default(says("y")) }, "two default handlers"},
		{"nil middleware", func(m *Mux) { m.Use(nil) }, "nil middleware"},
		{"nil function of a definition", func(m *Mux) { m.Handle(Define[int]("a").Handler(nil)) }, `nil handler for "a"`},
		{"definition that was not defined", func(m *Mux) {
			m.Handle(Definition[int]{}.Handler(func(context.Context, int) error { return nil }))
		}, "empty task name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expectPanic(t, test.want, func() { test.register(NewMux()) })
		})
	}
}

func expectPanic(t *testing.T, want string, act func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		if !strings.HasPrefix(text, "warrener: ") || !strings.Contains(text, want) {
			t.Errorf("panicked with %q, want %q", text, want)
		}
	}()
	act()
}

func TestMuxMiddleware(t *testing.T) {
	t.Parallel()
	var seen []string
	layer := func(name string) Middleware {
		return func(next Handler) Handler {
			return HandlerFunc(func(ctx context.Context, d *Delivery) error {
				seen = append(seen, name)
				return next.HandleTask(ctx, d)
			})
		}
	}
	mux := NewMux()
	mux.Handle("before", says("handled"))
	mux.Use(layer("1"), layer("2"))
	mux.Use(layer("3"))
	mux.Handle("after", says("handled"))

	for _, name := range []string{"before", "after", "unknown"} {
		seen = nil
		if err := mux.HandleTask(t.Context(), &Delivery{Name: name}); err == nil {
			t.Errorf("%s: no error from the handler", name)
		}
		if want := []string{"1", "2", "3"}; !slices.Equal(seen, want) {
			t.Errorf("%s went through %v, want %v", name, seen, want)
		}
	}
}

func TestMuxMiddlewareCanStandInForTheHandler(t *testing.T) {
	t.Parallel()
	closed := errors.New("closed for today")
	mux := NewMux()
	mux.Handle("a", says("handled"))
	mux.Use(func(Handler) Handler {
		return HandlerFunc(func(context.Context, *Delivery) error { return closed })
	})
	if err := mux.HandleTask(t.Context(), &Delivery{Name: "a"}); !errors.Is(err, closed) {
		t.Errorf("got %v, want the error of the middleware", err)
	}
}

func TestMuxNamesAreSorted(t *testing.T) {
	t.Parallel()
	mux := NewMux()
	for _, name := range []string{"c", "f", "a", "e", "b", "d"} {
		mux.Handle(name, says(name))
	}
	mux.Default(says("default"))
	if got, want := mux.Names(), []string{"a", "b", "c", "d", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("names are %v, want %v", got, want)
	}
}

func TestDeliveryFromOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	if d := DeliveryFrom(t.Context()); d != nil {
		t.Errorf("got %+v, want nil", d)
	}
}

func TestDeliveryHasAllOfTheTask(t *testing.T) {
	t.Parallel()
	var task tasks.Task
	fill(reflect.ValueOf(&task).Elem())
	sameFields(t, *newDelivery(&task), task)
}

// fill gives every field a value of its own.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		fillField(v.Field(i), i+1)
	}
}

func fillField(f reflect.Value, n int) {
	switch f.Kind() {
	case reflect.String:
		f.SetString(strings.Repeat("x", n))
	case reflect.Int, reflect.Int64:
		f.SetInt(int64(n))
	case reflect.Uint8:
		f.SetUint(uint64(n))
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Slice:
		f.Set(reflect.ValueOf([]byte{byte(n)}))
	case reflect.Map:
		f.Set(reflect.ValueOf(map[string]any{"key": n}))
	case reflect.Struct:
		if f.Type() == reflect.TypeFor[time.Time]() {
			f.Set(reflect.ValueOf(time.Unix(int64(n), 0)))
			return
		}
		fill(f)
	default:
		panic("no value for a " + f.Type().String())
	}
}

// sameFields compares the fields of got with those of the same name in want: a field forgotten in a conversion is zero.
func sameFields(t *testing.T, got, want any, except ...string) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		name := g.Type().Field(i).Name
		if slices.Contains(except, name) {
			continue
		}
		field := w.FieldByName(name)
		if !field.IsValid() {
			t.Errorf("no field to compare %s with", name)
			continue
		}
		if !reflect.DeepEqual(g.Field(i).Interface(), field.Convert(g.Field(i).Type()).Interface()) {
			t.Errorf("%s is %v, want %v", name, g.Field(i), field)
		}
	}
}
