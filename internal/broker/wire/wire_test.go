package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everything is a table with a value of each type.
func everything() Table {
	return Table{
		"bool": true, "int8": int8(-8), "uint8": uint8(200), "int16": int16(-300), "uint16": uint16(60000), "int32": int32(-70000),
		"uint32": uint32(4e9), "int64": int64(math.MinInt64), "float32": float32(1.5), "float64": 2.5, "decimal": Decimal{2, -314},
		"string": "ä", "bytes": []byte{0, 255}, "array": []any{int32(1), "two", []any{}, Table{}}, "time": time.Unix(1700000000, 0).UTC(),
		"table": Table{"in": Table{"deep": nil}}, "nil": nil,
	}
}

// filled returns the method with a value in each of its fields.
func filled(m Method) Method {
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case string:
			f.SetString("text" + string(rune('a'+i)))
		case bool:
			f.SetBool(i%2 == 0)
		case Table:
			f.Set(reflect.ValueOf(everything()))
		default:
			f.SetUint(uint64(i + 7))
		}
	}
	return m
}

func methods() []Method {
	var all []Method
	for class := range ID(100) {
		for number := range ID(130) {
			if m := newMethod(class<<16 | number); m != nil {
				all = append(all, m)
			}
		}
	}
	return all
}

func TestMethodsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()

	if n := len(methods()); n != 61 {
		t.Errorf("%d methods", n)
	}
	for _, m := range methods() {
		filled(m)
		r := NewReader(bytes.NewReader(AppendMethod(nil, 9, m)))
		r.SetFrameMax(131072)
		f, err := r.Read()
		if err != nil || f.Type != FrameMethod || f.Channel != 9 {
			t.Fatalf("%s: %+v, %v", m.ID(), f, err)
		}
		got, err := DecodeMethod(f.Payload)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %+v, want %+v, %v", m.ID(), got, m, err)
		}
		if !strings.Contains(m.ID().String(), ".") || strings.ContainsAny(m.ID().String(), "0123456789") {
			t.Errorf("the name of %T is %s", m, m.ID())
		}
		for end := range f.Payload {
			if _, err := DecodeMethod(f.Payload[:end]); err == nil {
				t.Errorf("%s of %d bytes instead of %d", m.ID(), end, len(f.Payload))
			}
		}
	}
}

func TestPropertiesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()

	full := Properties{
		Present: ^unknownFlags, ContentType: "1", ContentEncoding: "2", Headers: everything(), DeliveryMode: 2, Priority: 9, CorrelationID: "3",
		ReplyTo: "4", Expiration: "5", MessageID: "6", Timestamp: time.Unix(1700000000, 0).UTC(), Type: "7", UserID: "8", AppID: "9", ClusterID: "10",
	}
	for present := range 1 << 14 {
		p := full
		p.Present = Flags(present << 2)
		b := AppendContent(nil, 1, Content{Properties: &p, FrameMax: 4096})
		h, err := DecodeHeader(b[headSize : len(b)-1])
		if err != nil || h.Class != classBasic || h.Properties.Present != p.Present {
			t.Fatalf("%016b: %+v, %v", p.Present, h, err)
		}
		if again := AppendContent(nil, 1, Content{Properties: &h.Properties, FrameMax: 4096}); !bytes.Equal(again, b) {
			t.Fatalf("%016b: other bytes", p.Present)
		}
	}
	b := AppendContent(nil, 1, Content{Properties: &full, FrameMax: 4096})
	if h, _ := DecodeHeader(b[headSize : len(b)-1]); !reflect.DeepEqual(h.Properties, full) {
		t.Errorf("%+v, want %+v", h.Properties, full)
	}
}

func TestBodyIsCutIntoFrames(t *testing.T) {
	t.Parallel()

	for _, size := range []int{0, 1, 4088, 4089, 10000} {
		body := bytes.Repeat([]byte("x"), size)
		r := NewReader(bytes.NewReader(AppendContent(nil, 1, Content{Properties: &Properties{}, Body: body, FrameMax: MinFrameMax})))
		f, err := r.Read()
		if err != nil || f.Type != FrameHeader {
			t.Fatal(f, err)
		}
		h, err := DecodeHeader(f.Payload)
		if err != nil || h.BodySize != uint64(size) {
			t.Fatal(h, err)
		}
		got := 0
		for got < size {
			f, err := r.Read()
			if err != nil || f.Type != FrameBody {
				t.Fatal(f, err)
			}
			got += len(f.Payload)
		}
		if _, err := r.Read(); !errors.Is(err, io.EOF) || got != size {
			t.Errorf("%d bytes, want %d, then %v", got, size, err)
		}
	}
}

func nested(depth int) Table {
	t := Table{}
	for range depth {
		t = Table{"t": t}
	}
	return t
}

func TestMistakesHaveTheirCode(t *testing.T) {
	t.Parallel()

	method := func(m Method) []byte {
		b := AppendMethod(nil, 0, m)
		return b[headSize : len(b)-1]
	}
	table := func(fields ...byte) []byte {
		b := method(&QueueBind{}) // whose table is the last field
		return append(append(b[:len(b)-4], 0, 0, 0, byte(len(fields))), fields...)
	}
	for name, tt := range map[string]struct {
		payload []byte
		code    uint16
	}{
		"nothing":              {nil, SyntaxError},
		"unknown method":       {[]byte{0, 60, 0, 99}, NotImplemented},
		"unknown class":        {[]byte{9, 9, 0, 1}, NotImplemented},
		"unknown type":         {table(1, 'k', '?'), SyntaxError},
		"name beyond the end":  {table(9, 'k'), SyntaxError},
		"array beyond the end": {table(1, 'k', 'A', 0, 0, 1, 0), SyntaxError},
		"string of 4 GB":       {table(1, 'k', 'S', 255, 255, 255, 255), SyntaxError},
		"33 tables deep":       {method(&QueueBind{Arguments: nested(33)}), SyntaxError},
	} {
		_, err := DecodeMethod(tt.payload)
		var e *Error
		if !errors.As(err, &e) || e.Code != tt.code || !e.Hard() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DecodeMethod(method(&QueueBind{Arguments: nested(maxDepth - 1)})); err != nil {
		t.Errorf("%d tables deep: %v", maxDepth-1, err)
	}
	if _, err := DecodeHeader([]byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}); err == nil {
		t.Error("flags that go on")
	}
}

func TestFramesAreChecked(t *testing.T) {
	t.Parallel()

	good := AppendHeartbeat(nil)
	for name, tt := range map[string]struct {
		bytes []byte
		err   string
	}{
		"good":       {good, ""},
		"wrong end":  {append(good[:len(good)-1:len(good)-1], 0), "501 FRAME_ERROR - type 8, channel 0: ends with 0 instead of 206"},
		"too large":  {[]byte{1, 0, 1, 0, 0, 16, 0}, "501 FRAME_ERROR - type 1, channel 1: payload of 4096 bytes does not fit a frame of 4096"},
		"4 GB":       {[]byte{1, 0, 1, 255, 255, 255, 255}, "501 FRAME_ERROR - type 1, channel 1: payload of 4294967295 bytes does not fit a frame of 4096"},
		"cut short":  {good[:5], "EOF"},
		"cut at end": {good[:len(good)-1], "EOF"},
	} {
		_, err := NewReader(bytes.NewReader(tt.bytes)).Read()
		if got := errorText(err); got != tt.err {
			t.Errorf("%s: %q, want %q", name, got, tt.err)
		}
	}
	for text, want := range map[string]error{"AMQP\x00\x00\x09\x01": nil, "AMQP\x00\x01\x00\x00": ErrProtocol, "GET / HT": ErrProtocol, "AMQP": io.ErrUnexpectedEOF} {
		if err := NewReader(strings.NewReader(text)).ReadProtocolHeader(); !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
