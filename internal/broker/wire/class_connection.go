package wire

// Methods of class connection.

// The ids of class connection.
const (
	IDConnectionStart          ID = 10<<16 | 10
	IDConnectionStartOk        ID = 10<<16 | 11
	IDConnectionSecure         ID = 10<<16 | 20
	IDConnectionSecureOk       ID = 10<<16 | 21
	IDConnectionTune           ID = 10<<16 | 30
	IDConnectionTuneOk         ID = 10<<16 | 31
	IDConnectionOpen           ID = 10<<16 | 40
	IDConnectionOpenOk         ID = 10<<16 | 41
	IDConnectionClose          ID = 10<<16 | 50
	IDConnectionCloseOk        ID = 10<<16 | 51
	IDConnectionBlocked        ID = 10<<16 | 60
	IDConnectionUnblocked      ID = 10<<16 | 61
	IDConnectionUpdateSecret   ID = 10<<16 | 70
	IDConnectionUpdateSecretOk ID = 10<<16 | 71
)

// ConnectionStart opens the handshake.
type ConnectionStart struct {
	VersionMajor     uint8
	VersionMinor     uint8
	ServerProperties Table
	Mechanisms       string
	Locales          string
}

// ID is the method's number.
func (*ConnectionStart) ID() ID { return IDConnectionStart }

func (m *ConnectionStart) fields(c *codec) {
	c.uint8(&m.VersionMajor)
	c.uint8(&m.VersionMinor)
	c.table(&m.ServerProperties)
	c.long(&m.Mechanisms)
	c.long(&m.Locales)
}

// ConnectionStartOk is the login.
type ConnectionStartOk struct {
	ClientProperties Table
	Mechanism        string
	Response         string
	Locale           string
}

// ID is the method's number.
func (*ConnectionStartOk) ID() ID { return IDConnectionStartOk }

func (m *ConnectionStartOk) fields(c *codec) {
	c.table(&m.ClientProperties)
	c.short(&m.Mechanism)
	c.long(&m.Response)
	c.short(&m.Locale)
}

// ConnectionSecure asks for more of a login.
type ConnectionSecure struct {
	Challenge string
}

// ID is the method's number.
func (*ConnectionSecure) ID() ID { return IDConnectionSecure }

func (m *ConnectionSecure) fields(c *codec) { c.long(&m.Challenge) }

// ConnectionSecureOk is more of a login.
type ConnectionSecureOk struct {
	Response string
}

// ID is the method's number.
func (*ConnectionSecureOk) ID() ID { return IDConnectionSecureOk }

func (m *ConnectionSecureOk) fields(c *codec) { c.long(&m.Response) }

// ConnectionTune proposes limits.
type ConnectionTune struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID is the method's number.
func (*ConnectionTune) ID() ID { return IDConnectionTune }

func (m *ConnectionTune) fields(c *codec) {
	c.uint16(&m.ChannelMax)
	c.uint32(&m.FrameMax)
	c.uint16(&m.Heartbeat)
}

// ConnectionTuneOk says which limits hold.
type ConnectionTuneOk struct {
	ChannelMax uint16
	FrameMax   uint32
	Heartbeat  uint16
}

// ID is the method's number.
func (*ConnectionTuneOk) ID() ID { return IDConnectionTuneOk }

func (m *ConnectionTuneOk) fields(c *codec) {
	c.uint16(&m.ChannelMax)
	c.uint32(&m.FrameMax)
	c.uint16(&m.Heartbeat)
}

// ConnectionOpen names the virtual host.
type ConnectionOpen struct {
	VirtualHost string
}

// ID is the method's number.
func (*ConnectionOpen) ID() ID { return IDConnectionOpen }

func (m *ConnectionOpen) fields(c *codec) {
	c.short(&m.VirtualHost)
	c.reservedShort()
	c.bits()
}

// ConnectionOpenOk ends the handshake.
type ConnectionOpenOk struct{}

// ID is the method's number.
func (*ConnectionOpenOk) ID() ID { return IDConnectionOpenOk }

func (*ConnectionOpenOk) fields(c *codec) { c.reservedShort() }

// ConnectionClose ends the connection, and says why.
type ConnectionClose struct {
	ReplyCode uint16
	ReplyText string
	Method    ID
}

// ID is the method's number.
func (*ConnectionClose) ID() ID { return IDConnectionClose }

func (m *ConnectionClose) fields(c *codec) {
	c.uint16(&m.ReplyCode)
	c.short(&m.ReplyText)
	c.uint32((*uint32)(&m.Method))
}

// ConnectionCloseOk agrees.
type ConnectionCloseOk struct{}

// ID is the method's number.
func (*ConnectionCloseOk) ID() ID { return IDConnectionCloseOk }

func (*ConnectionCloseOk) fields(*codec) {}

// ConnectionBlocked says that the broker takes no messages for now.
type ConnectionBlocked struct {
	Reason string
}

// ID is the method's number.
func (*ConnectionBlocked) ID() ID { return IDConnectionBlocked }

func (m *ConnectionBlocked) fields(c *codec) { c.short(&m.Reason) }

// ConnectionUnblocked says that it does again.
type ConnectionUnblocked struct{}

// ID is the method's number.
func (*ConnectionUnblocked) ID() ID { return IDConnectionUnblocked }

func (*ConnectionUnblocked) fields(*codec) {}

// ConnectionUpdateSecret renews a login.
type ConnectionUpdateSecret struct {
	NewSecret string
	Reason    string
}

// ID is the method's number.
func (*ConnectionUpdateSecret) ID() ID { return IDConnectionUpdateSecret }

func (m *ConnectionUpdateSecret) fields(c *codec) {
	c.long(&m.NewSecret)
	c.short(&m.Reason)
}

// ConnectionUpdateSecretOk agrees.
type ConnectionUpdateSecretOk struct{}

// ID is the method's number.
func (*ConnectionUpdateSecretOk) ID() ID { return IDConnectionUpdateSecretOk }

func (*ConnectionUpdateSecretOk) fields(*codec) {}

func newConnection(id ID) Method {
	switch id {
	case IDConnectionStart:
		return &ConnectionStart{}
	case IDConnectionStartOk:
		return &ConnectionStartOk{}
	case IDConnectionSecure:
		return &ConnectionSecure{}
	case IDConnectionSecureOk:
		return &ConnectionSecureOk{}
	case IDConnectionTune:
		return &ConnectionTune{}
	case IDConnectionTuneOk:
		return &ConnectionTuneOk{}
	case IDConnectionOpen:
		return &ConnectionOpen{}
	case IDConnectionOpenOk:
		return &ConnectionOpenOk{}
	case IDConnectionClose:
		return &ConnectionClose{}
	case IDConnectionCloseOk:
		return &ConnectionCloseOk{}
	case IDConnectionBlocked:
		return &ConnectionBlocked{}
	case IDConnectionUnblocked:
		return &ConnectionUnblocked{}
	case IDConnectionUpdateSecret:
		return &ConnectionUpdateSecret{}
	case IDConnectionUpdateSecretOk:
		return &ConnectionUpdateSecretOk{}
	}
	return nil
}

func nameConnection(id ID) string {
	switch id {
	case IDConnectionStart:
		return "connection.start"
	case IDConnectionStartOk:
		return "connection.start-ok"
	case IDConnectionSecure:
		return "connection.secure"
	case IDConnectionSecureOk:
		return "connection.secure-ok"
	case IDConnectionTune:
		return "connection.tune"
	case IDConnectionTuneOk:
		return "connection.tune-ok"
	case IDConnectionOpen:
		return "connection.open"
	case IDConnectionOpenOk:
		return "connection.open-ok"
	case IDConnectionClose:
		return "connection.close"
	case IDConnectionCloseOk:
		return "connection.close-ok"
	case IDConnectionBlocked:
		return "connection.blocked"
	case IDConnectionUnblocked:
		return "connection.unblocked"
	case IDConnectionUpdateSecret:
		return "connection.update-secret"
	case IDConnectionUpdateSecretOk:
		return "connection.update-secret-ok"
	}
	return ""
}
