package wire

import "encoding/binary"

// codec reads a method's fields, or writes them: each method lists them once, for both.
type codec struct {
	cursor         // reading
	out     []byte // writing
	writing bool
}

func (c *codec) uint8(v *uint8) {
	if c.writing {
		c.out = append(c.out, *v)
		return
	}
	*v = c.cursor.uint8()
}

func (c *codec) uint16(v *uint16) {
	if c.writing {
		c.out = binary.BigEndian.AppendUint16(c.out, *v)
		return
	}
	*v = c.cursor.uint16()
}

func (c *codec) uint32(v *uint32) {
	if c.writing {
		c.out = binary.BigEndian.AppendUint32(c.out, *v)
		return
	}
	*v = c.cursor.uint32()
}

func (c *codec) uint64(v *uint64) {
	if c.writing {
		c.out = binary.BigEndian.AppendUint64(c.out, *v)
		return
	}
	*v = c.cursor.uint64()
}

func (c *codec) short(v *string) {
	if c.writing {
		c.out = appendShort(c.out, *v)
		return
	}
	*v = c.cursor.short()
}

func (c *codec) long(v *string) {
	if c.writing {
		c.out = appendLong(c.out, *v)
		return
	}
	*v = string(c.cursor.long())
}

func (c *codec) table(v *Table) {
	if c.writing {
		c.out = appendTable(c.out, *v)
		return
	}
	*v = c.cursor.table(1)
}

// bits packs up to eight of them into an octet, the first into the lowest bit.
func (c *codec) bits(bits ...*bool) {
	var octet uint8
	if !c.writing {
		octet = c.cursor.uint8()
	}
	for i, bit := range bits {
		if c.writing && *bit {
			octet |= 1 << i
		}
		if !c.writing {
			*bit = octet&(1<<i) != 0
		}
	}
	if c.writing {
		c.out = append(c.out, octet)
	}
}

// reserved, reservedShort and reservedLong are fields that older versions used.
func (c *codec) reserved() {
	var unused uint16
	c.uint16(&unused)
}

func (c *codec) reservedLong() {
	var unused string
	c.long(&unused)
}

func (c *codec) reservedShort() {
	var unused string
	c.short(&unused)
}

// DecodeMethod reads a method.
func DecodeMethod(payload []byte) (Method, error) {
	c := codec{cursor: cursor{b: payload}}
	id := ID(c.cursor.uint32())
	if c.err != nil {
		return nil, c.err
	}
	m := newMethod(id)
	if m == nil {
		return nil, &Error{NotImplemented, "NOT_IMPLEMENTED - method " + id.String()}
	}
	m.fields(&c)
	if c.err != nil {
		return nil, c.err
	}
	return m, nil
}

// AppendMethod appends a method's frame.
func AppendMethod(b []byte, channel uint16, m Method) []byte {
	b, start := openFrame(b, FrameMethod, channel)
	c := codec{out: binary.BigEndian.AppendUint32(b, uint32(m.ID())), writing: true}
	m.fields(&c)
	return closeFrame(c.out, start)
}
