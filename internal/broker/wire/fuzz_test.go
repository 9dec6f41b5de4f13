package wire

import (
	"bytes"
	"testing"
)

// Whatever comes from outside is read or refused, and what was read is written so that it reads the same.

func FuzzReader(f *testing.F) {
	f.Add(AppendHeartbeat(nil))
	for _, m := range methods() {
		f.Add(AppendMethod(nil, 1, filled(m)))
	}
	f.Add(AppendContent(nil, 1, Content{Properties: &Properties{Present: HasHeaders, Headers: everything()}, Body: make([]byte, 5000), FrameMax: MinFrameMax}))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		read := 0
		for {
			frame, err := r.Read()
			if err != nil {
				break
			}
			read += len(frame.Payload) + overhead
			if frame.Type == FrameMethod {
				_, _ = DecodeMethod(frame.Payload) // may be refused
			}
		}
		if read > len(data) {
			t.Errorf("%d bytes read of %d", read, len(data))
		}
	})
}

func FuzzMethod(f *testing.F) {
	for _, m := range methods() {
		b := AppendMethod(nil, 1, filled(m))
		f.Add(b[headSize : len(b)-1])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := DecodeMethod(payload)
		if err != nil {
			return
		}
		once := AppendMethod(nil, 1, m)
		again, err := DecodeMethod(once[headSize : len(once)-1])
		if err != nil {
			t.Fatalf("%s does not read again: %v", m.ID(), err)
		}
		if twice := AppendMethod(nil, 1, again); !bytes.Equal(once, twice) {
			t.Errorf("%s: %x, then %x", m.ID(), once, twice)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, p := range []*Properties{{}, {Present: ^unknownFlags, Headers: everything(), Type: "t"}} {
		b := AppendContent(nil, 1, Content{Properties: p, FrameMax: MinFrameMax})
		f.Add(b[headSize : len(b)-1])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := DecodeHeader(payload)
		if err != nil {
			return
		}
		once := AppendContent(nil, 1, Content{Properties: &h.Properties, FrameMax: MinFrameMax})
		again, err := DecodeHeader(once[headSize : len(once)-1])
		if err != nil {
			t.Fatalf("does not read again: %v", err)
		}
		if twice := AppendContent(nil, 1, Content{Properties: &again.Properties, FrameMax: MinFrameMax}); !bytes.Equal(once, twice) {
			t.Errorf("%x, then %x", once, twice)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add(appendTable(nil, everything()))
	f.Add(appendTable(nil, nested(40)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := cursor{b: b}
		table := c.table(1)
		if c.err != nil {
			return
		}
		once := appendTable(nil, table)
		again := cursor{b: once}
		if twice := appendTable(nil, again.table(1)); again.err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%x, then %x, %v", once, twice, again.err)
		}
	})
}
