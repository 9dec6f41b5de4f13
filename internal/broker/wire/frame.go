package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Frame types.
const (
	FrameMethod    = 1
	FrameHeader    = 2
	FrameBody      = 3
	FrameHeartbeat = 8
)

const (
	frameEnd  = 0xCE
	headSize  = 7            // type, channel, size
	overhead  = headSize + 1 // of a frame, with its end
	readAhead = 64 << 10
	// MinFrameMax is the least that a peer may ask frames to be.
	MinFrameMax = 4096
)

// protocolHeader opens a connection.
const protocolHeader = "AMQP\x00\x00\x09\x01"

// ErrProtocol means that the peer speaks something else. It is answered with our protocol header, and hung up on.
var ErrProtocol = errors.New("not AMQP 0-9-1")

// Frame is one frame as read.
type Frame struct {
	Type    byte
	Channel uint16
	Payload []byte // until the next Read
}

// Reader reads frames.
type Reader struct {
	r       *bufio.Reader
	max     uint32
	payload []byte
}

// NewReader makes a reader that takes frames of the smallest size there is, until SetFrameMax.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, readAhead), max: MinFrameMax}
}

// SetFrameMax sets the largest frame that is taken, its overhead included.
func (r *Reader) SetFrameMax(n uint32) { r.max = n }

// Buffered says that another frame, or a part of it, has been read already.
func (r *Reader) Buffered() bool { return r.r.Buffered() > 0 }

// ReadProtocolHeader reads what a connection begins with.
func (r *Reader) ReadProtocolHeader() error {
	var header [len(protocolHeader)]byte
	if _, err := io.ReadFull(r.r, header[:]); err != nil {
		return err
	}
	if string(header[:]) != protocolHeader {
		return ErrProtocol
	}
	return nil
}

// Read reads the next frame. A frame that is too large is refused before it is read.
func (r *Reader) Read() (Frame, error) {
	head, err := r.r.Peek(headSize)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Type: head[0], Channel: binary.BigEndian.Uint16(head[1:])}
	size := binary.BigEndian.Uint32(head[3:])
	if size > r.max-overhead {
		return Frame{}, frameError("type %d, channel %d: payload of %d bytes does not fit a frame of %d", f.Type, f.Channel, size, r.max)
	}
	_, _ = r.r.Discard(headSize) // it was peeked at
	if cap(r.payload) < int(size)+1 {
		r.payload = make([]byte, int(size)+1)
	}
	r.payload = r.payload[:int(size)+1]
	if _, err := io.ReadFull(r.r, r.payload); err != nil {
		return Frame{}, err
	}
	if end := r.payload[size]; end != frameEnd {
		return Frame{}, frameError("type %d, channel %d: ends with %d instead of 206", f.Type, f.Channel, end)
	}
	f.Payload = r.payload[:size]
	return f, nil
}

// AppendProtocolHeader appends what a peer that speaks something else is answered.
func AppendProtocolHeader(b []byte) []byte { return append(b, protocolHeader...) }

// AppendHeartbeat appends a heartbeat frame.
func AppendHeartbeat(b []byte) []byte {
	b, start := openFrame(b, FrameHeartbeat, 0)
	return closeFrame(b, start)
}

// openFrame appends a frame's head, whose size closeFrame fills in.
func openFrame(b []byte, kind byte, channel uint16) (frame []byte, start int) {
	start = len(b)
	b = append(b, kind)
	b = binary.BigEndian.AppendUint16(b, channel)
	return append(b, 0, 0, 0, 0), start
}

func closeFrame(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start+3:], uint32(len(b)-start-headSize))
	return append(b, frameEnd)
}
