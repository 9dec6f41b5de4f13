package tasks

import (
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// publishable returns a header's value in the form in which AMQP carries it, or why it cannot. Tables and arrays are
// copied, integers become types that keep their value on the wire, and a time loses what AMQP does: all below a second.
func publishable(value any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch v := value.(type) {
	case nil, bool, int8, int16, int32, int64, uint8, uint16, uint32, float32, float64, []byte:
		return v, nil
	case int:
		return int64(v), nil
	case uint:
		return signed(uint64(v))
	case uint64:
		return signed(v)
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("string %.40q is not UTF-8: give bytes as []byte", v)
		}
		return v, nil
	case time.Time:
		return v.UTC().Truncate(time.Second), nil
	case []any:
		return publishableArray(v, depth)
	case map[string]any:
		return publishableTable(v, depth)
	}
	return nil, fmt.Errorf("%T cannot travel in an AMQP header", value)
}

func signed(v uint64) (any, error) {
	if v > math.MaxInt64 {
		return nil, fmt.Errorf("%d is over the largest integer of an AMQP header", v)
	}
	return int64(v), nil
}

func publishableArray(array []any, depth int) (any, error) {
	out := make([]any, len(array))
	for i, value := range array {
		v, err := publishable(value, depth+1)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		out[i] = v
	}
	return out, nil
}

func publishableTable(table map[string]any, depth int) (any, error) {
	out := make(map[string]any, len(table))
	for name, value := range table {
		if err := checkShort("field name", name); err != nil {
			return nil, err
		}
		v, err := publishable(value, depth+1)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

// received returns a header's value as users see it: tables are plain maps at every depth, whatever type the AMQP
// client has for them.
func received(value any) any {
	if array, ok := value.([]any); ok {
		out := make([]any, len(array))
		for i, v := range array {
			out[i] = received(v)
		}
		return out
	}
	table, ok := asTable(value)
	if !ok {
		return value
	}
	out := make(map[string]any, len(table))
	for name, v := range table {
		out[name] = received(v)
	}
	return out
}

// asTable returns the table that value is. AMQP clients have named types for it, which a type switch would miss.
func asTable(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case nil, bool, int8, int16, int32, int64, int, uint8, uint16, uint32, float32, float64, string, []byte, time.Time:
		return nil, false
	}
	plain := reflect.TypeFor[map[string]any]()
	v := reflect.ValueOf(value)
	if v.Kind() != reflect.Map || !v.CanConvert(plain) {
		return nil, false
	}
	return v.Convert(plain).Interface().(map[string]any), true
}

// encodedTable returns how many bytes a table takes on the wire.
func encodedTable(table map[string]any) int {
	n := 4
	for name, value := range table {
		n += encodedField(name, value)
	}
	return n
}

// encodedField returns how many bytes a table's field takes: the name with its length, the type, the value.
func encodedField(name string, value any) int { return 1 + len(name) + encodedValue(value) }

func encodedValue(value any) int {
	switch v := value.(type) {
	case nil:
		return 1
	case bool, int8, uint8:
		return 1 + 1
	case int16, uint16:
		return 1 + 2
	case int32, uint32, float32:
		return 1 + 4
	case string:
		return 1 + 4 + len(v)
	case []byte:
		return 1 + 4 + len(v)
	case []any:
		n := 1 + 4
		for _, item := range v {
			n += encodedValue(item)
		}
		return n
	}
	if table, ok := asTable(value); ok {
		return 1 + encodedTable(table)
	}
	return 1 + 8 // 64-bit numbers, times; more than the decimal type takes
}

// integer returns the value of any AMQP integer type.
func integer(value any) (int64, bool) {
	switch v := value.(type) {
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case int:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	}
	return 0, false
}
