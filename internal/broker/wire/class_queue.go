package wire

// Methods of class queue.

// The ids of class queue.
const (
	IDQueueDeclare   ID = 50<<16 | 10
	IDQueueDeclareOk ID = 50<<16 | 11
	IDQueueBind      ID = 50<<16 | 20
	IDQueueBindOk    ID = 50<<16 | 21
	IDQueuePurge     ID = 50<<16 | 30
	IDQueuePurgeOk   ID = 50<<16 | 31
	IDQueueDelete    ID = 50<<16 | 40
	IDQueueDeleteOk  ID = 50<<16 | 41
	IDQueueUnbind    ID = 50<<16 | 50
	IDQueueUnbindOk  ID = 50<<16 | 51
)

// QueueDeclare makes or checks a queue.
type QueueDeclare struct {
	Queue                                           string
	Passive, Durable, Exclusive, AutoDelete, NoWait bool
	Arguments                                       Table
}

// ID is the method's number.
func (*QueueDeclare) ID() ID { return IDQueueDeclare }

func (m *QueueDeclare) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.bits(&m.Passive, &m.Durable, &m.Exclusive, &m.AutoDelete, &m.NoWait)
	c.table(&m.Arguments)
}

// QueueDeclareOk agrees, and counts.
type QueueDeclareOk struct {
	Queue         string
	MessageCount  uint32
	ConsumerCount uint32
}

// ID is the method's number.
func (*QueueDeclareOk) ID() ID { return IDQueueDeclareOk }

func (m *QueueDeclareOk) fields(c *codec) {
	c.short(&m.Queue)
	c.uint32(&m.MessageCount)
	c.uint32(&m.ConsumerCount)
}

// QueueBind makes an exchange route to a queue.
type QueueBind struct {
	Queue      string
	Exchange   string
	RoutingKey string
	NoWait     bool
	Arguments  Table
}

// ID is the method's number.
func (*QueueBind) ID() ID { return IDQueueBind }

func (m *QueueBind) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
	c.bits(&m.NoWait)
	c.table(&m.Arguments)
}

// QueueBindOk agrees.
type QueueBindOk struct{}

// ID is the method's number.
func (*QueueBindOk) ID() ID { return IDQueueBindOk }

func (*QueueBindOk) fields(*codec) {}

// QueuePurge throws away what is ready.
type QueuePurge struct {
	Queue  string
	NoWait bool
}

// ID is the method's number.
func (*QueuePurge) ID() ID { return IDQueuePurge }

func (m *QueuePurge) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.bits(&m.NoWait)
}

// QueuePurgeOk says how much that was.
type QueuePurgeOk struct {
	MessageCount uint32
}

// ID is the method's number.
func (*QueuePurgeOk) ID() ID { return IDQueuePurgeOk }

func (m *QueuePurgeOk) fields(c *codec) { c.uint32(&m.MessageCount) }

// QueueDelete deletes a queue.
type QueueDelete struct {
	Queue                     string
	IfUnused, IfEmpty, NoWait bool
}

// ID is the method's number.
func (*QueueDelete) ID() ID { return IDQueueDelete }

func (m *QueueDelete) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.bits(&m.IfUnused, &m.IfEmpty, &m.NoWait)
}

// QueueDeleteOk says what was in it.
type QueueDeleteOk struct {
	MessageCount uint32
}

// ID is the method's number.
func (*QueueDeleteOk) ID() ID { return IDQueueDeleteOk }

func (m *QueueDeleteOk) fields(c *codec) { c.uint32(&m.MessageCount) }

// QueueUnbind takes a binding back.
type QueueUnbind struct {
	Queue      string
	Exchange   string
	RoutingKey string
	Arguments  Table
}

// ID is the method's number.
func (*QueueUnbind) ID() ID { return IDQueueUnbind }

func (m *QueueUnbind) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
	c.table(&m.Arguments)
}

// QueueUnbindOk agrees.
type QueueUnbindOk struct{}

// ID is the method's number.
func (*QueueUnbindOk) ID() ID { return IDQueueUnbindOk }

func (*QueueUnbindOk) fields(*codec) {}

func newQueue(id ID) Method {
	switch id {
	case IDQueueDeclare:
		return &QueueDeclare{}
	case IDQueueDeclareOk:
		return &QueueDeclareOk{}
	case IDQueueBind:
		return &QueueBind{}
	case IDQueueBindOk:
		return &QueueBindOk{}
	case IDQueuePurge:
		return &QueuePurge{}
	case IDQueuePurgeOk:
		return &QueuePurgeOk{}
	case IDQueueDelete:
		return &QueueDelete{}
	case IDQueueDeleteOk:
		return &QueueDeleteOk{}
	case IDQueueUnbind:
		return &QueueUnbind{}
	case IDQueueUnbindOk:
		return &QueueUnbindOk{}
	}
	return nil
}

func nameQueue(id ID) string {
	switch id {
	case IDQueueDeclare:
		return "queue.declare"
	case IDQueueDeclareOk:
		return "queue.declare-ok"
	case IDQueueBind:
		return "queue.bind"
	case IDQueueBindOk:
		return "queue.bind-ok"
	case IDQueuePurge:
		return "queue.purge"
	case IDQueuePurgeOk:
		return "queue.purge-ok"
	case IDQueueDelete:
		return "queue.delete"
	case IDQueueDeleteOk:
		return "queue.delete-ok"
	case IDQueueUnbind:
		return "queue.unbind"
	case IDQueueUnbindOk:
		return "queue.unbind-ok"
	}
	return ""
}
