package wire

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
)

// Table holds the arguments of a method or the headers of a message. Its values are bool, int8, uint8, int16, uint16, int32,
// uint32, int64, float32, float64, [Decimal], string, []byte, []any of the same, [time.Time], Table and nil.
type Table map[string]any

// Decimal is Value / 10^Scale.
type Decimal struct {
	Scale uint8
	Value int32
}

// maxShort is the length of a short string: a name, most properties.
const maxShort = 255

func appendShort(b []byte, s string) []byte {
	s = s[:min(len(s), maxShort)] // all of them came in as short strings, or are ours
	return append(append(b, byte(len(s))), s...)
}

func appendLong[T string | []byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
}

// appendTable writes the fields in the order of their names, so that the same table is the same bytes.
func appendTable(b []byte, t Table) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		b = appendShort(b, name)
		b = appendValue(b, t[name])
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendArray(b []byte, list []any) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, v := range list {
		b = appendValue(b, v)
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return appendBool(append(b, 't'), v)
	case int8:
		return append(b, 'b', byte(v))
	case uint8:
		return append(b, 'B', v)
	case int16:
		return binary.BigEndian.AppendUint16(append(b, 's'), uint16(v))
	case uint16:
		return binary.BigEndian.AppendUint16(append(b, 'u'), v)
	case int32:
		return binary.BigEndian.AppendUint32(append(b, 'I'), uint32(v))
	case uint32:
		return binary.BigEndian.AppendUint32(append(b, 'i'), v)
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'l'), uint64(v))
	case float32:
		return binary.BigEndian.AppendUint32(append(b, 'f'), math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'd'), math.Float64bits(v))
	case Decimal:
		return binary.BigEndian.AppendUint32(append(b, 'D', v.Scale), uint32(v.Value))
	case string:
		return appendLong(append(b, 'S'), v)
	case []byte:
		return appendLong(append(b, 'x'), v)
	case []any:
		return appendArray(append(b, 'A'), v)
	case time.Time:
		return appendTime(append(b, 'T'), v)
	case Table:
		return appendTable(append(b, 'F'), v)
	default:
		return append(b, 'V')
	}
}
