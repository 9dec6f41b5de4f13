package wire

// Methods of class channel.

// The ids of class channel.
const (
	IDChannelOpen    ID = 20<<16 | 10
	IDChannelOpenOk  ID = 20<<16 | 11
	IDChannelFlow    ID = 20<<16 | 20
	IDChannelFlowOk  ID = 20<<16 | 21
	IDChannelClose   ID = 20<<16 | 40
	IDChannelCloseOk ID = 20<<16 | 41
)

// ChannelOpen opens a channel.
type ChannelOpen struct{}

// ID is the method's number.
func (*ChannelOpen) ID() ID { return IDChannelOpen }

func (*ChannelOpen) fields(c *codec) { c.reservedShort() }

// ChannelOpenOk agrees.
type ChannelOpenOk struct{}

// ID is the method's number.
func (*ChannelOpenOk) ID() ID { return IDChannelOpenOk }

func (*ChannelOpenOk) fields(c *codec) { c.reservedLong() }

// ChannelFlow stops and starts the flow of messages.
type ChannelFlow struct {
	Active bool
}

// ID is the method's number.
func (*ChannelFlow) ID() ID { return IDChannelFlow }

func (m *ChannelFlow) fields(c *codec) { c.bits(&m.Active) }

// ChannelFlowOk agrees.
type ChannelFlowOk struct {
	Active bool
}

// ID is the method's number.
func (*ChannelFlowOk) ID() ID { return IDChannelFlowOk }

func (m *ChannelFlowOk) fields(c *codec) { c.bits(&m.Active) }

// ChannelClose ends the channel, and says why.
type ChannelClose struct {
	ReplyCode uint16
	ReplyText string
	Method    ID
}

// ID is the method's number.
func (*ChannelClose) ID() ID { return IDChannelClose }

func (m *ChannelClose) fields(c *codec) {
	c.uint16(&m.ReplyCode)
	c.short(&m.ReplyText)
	c.uint32((*uint32)(&m.Method))
}

// ChannelCloseOk agrees.
type ChannelCloseOk struct{}

// ID is the method's number.
func (*ChannelCloseOk) ID() ID { return IDChannelCloseOk }

func (*ChannelCloseOk) fields(*codec) {}

func newChannel(id ID) Method {
	switch id {
	case IDChannelOpen:
		return &ChannelOpen{}
	case IDChannelOpenOk:
		return &ChannelOpenOk{}
	case IDChannelFlow:
		return &ChannelFlow{}
	case IDChannelFlowOk:
		return &ChannelFlowOk{}
	case IDChannelClose:
		return &ChannelClose{}
	case IDChannelCloseOk:
		return &ChannelCloseOk{}
	}
	return nil
}

func nameChannel(id ID) string {
	switch id {
	case IDChannelOpen:
		return "channel.open"
	case IDChannelOpenOk:
		return "channel.open-ok"
	case IDChannelFlow:
		return "channel.flow"
	case IDChannelFlowOk:
		return "channel.flow-ok"
	case IDChannelClose:
		return "channel.close"
	case IDChannelCloseOk:
		return "channel.close-ok"
	}
	return ""
}
