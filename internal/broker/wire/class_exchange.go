package wire

// Methods of class exchange.

// The ids of class exchange.
const (
	IDExchangeDeclare   ID = 40<<16 | 10
	IDExchangeDeclareOk ID = 40<<16 | 11
	IDExchangeDelete    ID = 40<<16 | 20
	IDExchangeDeleteOk  ID = 40<<16 | 21
	IDExchangeBind      ID = 40<<16 | 30
	IDExchangeBindOk    ID = 40<<16 | 31
	IDExchangeUnbind    ID = 40<<16 | 40
	IDExchangeUnbindOk  ID = 40<<16 | 51
)

// ExchangeDeclare makes or checks an exchange.
type ExchangeDeclare struct {
	Exchange                                       string
	Type                                           string
	Passive, Durable, AutoDelete, Internal, NoWait bool
	Arguments                                      Table
}

// ID is the method's number.
func (*ExchangeDeclare) ID() ID { return IDExchangeDeclare }

func (m *ExchangeDeclare) fields(c *codec) {
	c.reserved()
	c.short(&m.Exchange)
	c.short(&m.Type)
	c.bits(&m.Passive, &m.Durable, &m.AutoDelete, &m.Internal, &m.NoWait)
	c.table(&m.Arguments)
}

// ExchangeDeclareOk agrees.
type ExchangeDeclareOk struct{}

// ID is the method's number.
func (*ExchangeDeclareOk) ID() ID { return IDExchangeDeclareOk }

func (*ExchangeDeclareOk) fields(*codec) {}

// ExchangeDelete deletes an exchange.
type ExchangeDelete struct {
	Exchange         string
	IfUnused, NoWait bool
}

// ID is the method's number.
func (*ExchangeDelete) ID() ID { return IDExchangeDelete }

func (m *ExchangeDelete) fields(c *codec) {
	c.reserved()
	c.short(&m.Exchange)
	c.bits(&m.IfUnused, &m.NoWait)
}

// ExchangeDeleteOk agrees.
type ExchangeDeleteOk struct{}

// ID is the method's number.
func (*ExchangeDeleteOk) ID() ID { return IDExchangeDeleteOk }

func (*ExchangeDeleteOk) fields(*codec) {}

// ExchangeBind makes an exchange route to another.
type ExchangeBind struct {
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool
	Arguments   Table
}

// ID is the method's number.
func (*ExchangeBind) ID() ID { return IDExchangeBind }

func (m *ExchangeBind) fields(c *codec) {
	c.reserved()
	c.short(&m.Destination)
	c.short(&m.Source)
	c.short(&m.RoutingKey)
	c.bits(&m.NoWait)
	c.table(&m.Arguments)
}

// ExchangeBindOk agrees.
type ExchangeBindOk struct{}

// ID is the method's number.
func (*ExchangeBindOk) ID() ID { return IDExchangeBindOk }

func (*ExchangeBindOk) fields(*codec) {}

// ExchangeUnbind takes that back.
type ExchangeUnbind struct {
	Destination string
	Source      string
	RoutingKey  string
	NoWait      bool
	Arguments   Table
}

// ID is the method's number.
func (*ExchangeUnbind) ID() ID { return IDExchangeUnbind }

func (m *ExchangeUnbind) fields(c *codec) {
	c.reserved()
	c.short(&m.Destination)
	c.short(&m.Source)
	c.short(&m.RoutingKey)
	c.bits(&m.NoWait)
	c.table(&m.Arguments)
}

// ExchangeUnbindOk agrees.
type ExchangeUnbindOk struct{}

// ID is the method's number.
func (*ExchangeUnbindOk) ID() ID { return IDExchangeUnbindOk }

func (*ExchangeUnbindOk) fields(*codec) {}

func newExchange(id ID) Method {
	switch id {
	case IDExchangeDeclare:
		return &ExchangeDeclare{}
	case IDExchangeDeclareOk:
		return &ExchangeDeclareOk{}
	case IDExchangeDelete:
		return &ExchangeDelete{}
	case IDExchangeDeleteOk:
		return &ExchangeDeleteOk{}
	case IDExchangeBind:
		return &ExchangeBind{}
	case IDExchangeBindOk:
		return &ExchangeBindOk{}
	case IDExchangeUnbind:
		return &ExchangeUnbind{}
	case IDExchangeUnbindOk:
		return &ExchangeUnbindOk{}
	}
	return nil
}

func nameExchange(id ID) string {
	switch id {
	case IDExchangeDeclare:
		return "exchange.declare"
	case IDExchangeDeclareOk:
		return "exchange.declare-ok"
	case IDExchangeDelete:
		return "exchange.delete"
	case IDExchangeDeleteOk:
		return "exchange.delete-ok"
	case IDExchangeBind:
		return "exchange.bind"
	case IDExchangeBindOk:
		return "exchange.bind-ok"
	case IDExchangeUnbind:
		return "exchange.unbind"
	case IDExchangeUnbindOk:
		return "exchange.unbind-ok"
	}
	return ""
}
