package wire

import (
	"encoding/binary"
	"time"
)

// Flags say which properties are there.
type Flags uint16

// The properties, in the order in which they travel.
const (
	HasContentType Flags = 1 << (15 - iota)
	HasContentEncoding
	HasHeaders
	HasDeliveryMode
	HasPriority
	HasCorrelationID
	HasReplyTo
	HasExpiration
	HasMessageID
	HasTimestamp
	HasType
	HasUserID
	HasAppID
	HasClusterID

	unknownFlags Flags = 3 // one says that more flags follow, which no property of AMQP 0-9-1 needs
)

// Properties are the basic properties of a message. One that is not present is zero.
type Properties struct {
	Present                                       Flags
	ContentType, ContentEncoding                  string
	Headers                                       Table
	DeliveryMode, Priority                        uint8
	CorrelationID, ReplyTo, Expiration, MessageID string
	Timestamp                                     time.Time
	Type, UserID, AppID, ClusterID                string
}

// Header is the content header of a message.
type Header struct {
	Class      uint16
	BodySize   uint64
	Properties Properties
}

// DecodeHeader reads a content header.
func DecodeHeader(payload []byte) (Header, error) {
	c := &cursor{b: payload}
	var h Header
	h.Class = c.uint16()
	c.take(2) // weight, unused
	h.BodySize = c.uint64()
	h.Properties.read(c)
	if c.err != nil {
		return Header{}, c.err
	}
	return h, nil
}

func (p *Properties) read(c *cursor) {
	p.Present = Flags(c.uint16())
	if p.Present&unknownFlags != 0 {
		c.fail("unknown property flags")
		return
	}
	for _, f := range p.texts() {
		if p.Present&f.flag == 0 {
			continue
		}
		switch f.flag {
		case HasHeaders:
			p.Headers = c.table(1)
		case HasDeliveryMode:
			p.DeliveryMode = c.uint8()
		case HasPriority:
			p.Priority = c.uint8()
		case HasTimestamp:
			p.Timestamp = c.time()
		default:
			*f.text = c.short()
		}
	}
}

// property is one property's place; those without a text are of another type.
type property struct {
	flag Flags
	text *string
}

// texts lists the properties in the order in which they travel.
func (p *Properties) texts() [14]property {
	return [14]property{
		{HasContentType, &p.ContentType}, {HasContentEncoding, &p.ContentEncoding}, {HasHeaders, nil}, {HasDeliveryMode, nil},
		{HasPriority, nil}, {HasCorrelationID, &p.CorrelationID}, {HasReplyTo, &p.ReplyTo}, {HasExpiration, &p.Expiration},
		{HasMessageID, &p.MessageID}, {HasTimestamp, nil}, {HasType, &p.Type}, {HasUserID, &p.UserID}, {HasAppID, &p.AppID},
		{HasClusterID, &p.ClusterID},
	}
}

func (p *Properties) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(p.Present))
	for _, f := range p.texts() {
		if p.Present&f.flag == 0 {
			continue
		}
		switch f.flag {
		case HasHeaders:
			b = appendTable(b, p.Headers)
		case HasDeliveryMode:
			b = append(b, p.DeliveryMode)
		case HasPriority:
			b = append(b, p.Priority)
		case HasTimestamp:
			b = appendTime(b, p.Timestamp)
		default:
			b = appendShort(b, *f.text)
		}
	}
	return b
}

// Content is a message to be sent after its method.
type Content struct {
	Properties *Properties
	Body       []byte
	FrameMax   uint32
}

// AppendContent appends the header frame and the body frames of a message.
func AppendContent(b []byte, channel uint16, c Content) []byte {
	b, start := openFrame(b, FrameHeader, channel)
	b = append(b, 0, classBasic, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(len(c.Body)))
	b = closeFrame(c.Properties.append(b), start)
	for body := c.Body; len(body) > 0; {
		n := min(len(body), int(c.FrameMax)-overhead)
		b, start = openFrame(b, FrameBody, channel)
		b = closeFrame(append(b, body[:n]...), start)
		body = body[n:]
	}
	return b
}
