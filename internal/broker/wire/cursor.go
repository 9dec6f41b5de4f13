package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// maxDepth is how deep tables and arrays may be nested.
const maxDepth = 32

// cursor reads values one after the other. After the first error it returns zeros.
type cursor struct {
	b   []byte
	err *Error
}

func (c *cursor) fail(what string) {
	if c.err == nil {
		c.err = syntaxError(what)
	}
	c.b = nil
}

// take returns the next n bytes; nil when there are fewer.
func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.fail("too short")
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) uint8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) short() string { return string(c.take(int(c.uint8()))) }

func (c *cursor) long() []byte {
	n := c.uint32()
	if n > uint32(len(c.b)) {
		c.fail("too short")
		return nil
	}
	return c.take(int(n))
}

// time reads a timestamp, which is in seconds.
func (c *cursor) time() time.Time { return time.Unix(int64(c.uint64()), 0).UTC() }

func (c *cursor) table(depth int) Table {
	b := c.long()
	if depth > maxDepth {
		c.fail("table nested too deep")
	}
	if c.err != nil {
		return nil
	}
	inner := cursor{b: b}
	t := Table{}
	for len(inner.b) > 0 && inner.err == nil {
		name := inner.short()
		t[name] = inner.value(depth)
	}
	c.adopt(inner)
	return t
}

func (c *cursor) array(depth int) []any {
	b := c.long()
	if depth > maxDepth {
		c.fail("array nested too deep")
	}
	if c.err != nil {
		return nil
	}
	inner := cursor{b: b}
	list := []any{}
	for len(inner.b) > 0 && inner.err == nil {
		list = append(list, inner.value(depth))
	}
	c.adopt(inner)
	return list
}

func (c *cursor) adopt(inner cursor) {
	if inner.err != nil {
		c.err, c.b = inner.err, nil
	}
}

// value reads a field of a table or an array, by the letter of its type.
func (c *cursor) value(depth int) any {
	switch letter := c.uint8(); letter {
	case 't':
		return c.uint8() != 0
	case 'b':
		return int8(c.uint8())
	case 'B':
		return c.uint8()
	case 's':
		return int16(c.uint16())
	case 'u':
		return c.uint16()
	case 'I':
		return int32(c.uint32())
	case 'i':
		return c.uint32()
	case 'l':
		return int64(c.uint64())
	case 'f':
		return math.Float32frombits(c.uint32())
	case 'd':
		return math.Float64frombits(c.uint64())
	case 'D':
		return Decimal{Scale: c.uint8(), Value: int32(c.uint32())}
	case 'S':
		return string(c.long())
	case 'x':
		return append([]byte{}, c.long()...)
	case 'A':
		return c.array(depth + 1)
	case 'T':
		return c.time()
	case 'F':
		return c.table(depth + 1)
	case 'V':
		return nil
	default:
		c.fail("unknown type of a table's field")
		return nil
	}
}
