package wire

// Methods of class basic.

// The ids of class basic.
const (
	IDBasicQos          ID = 60<<16 | 10
	IDBasicQosOk        ID = 60<<16 | 11
	IDBasicConsume      ID = 60<<16 | 20
	IDBasicConsumeOk    ID = 60<<16 | 21
	IDBasicCancel       ID = 60<<16 | 30
	IDBasicCancelOk     ID = 60<<16 | 31
	IDBasicPublish      ID = 60<<16 | 40
	IDBasicReturn       ID = 60<<16 | 50
	IDBasicDeliver      ID = 60<<16 | 60
	IDBasicGet          ID = 60<<16 | 70
	IDBasicGetOk        ID = 60<<16 | 71
	IDBasicGetEmpty     ID = 60<<16 | 72
	IDBasicAck          ID = 60<<16 | 80
	IDBasicReject       ID = 60<<16 | 90
	IDBasicRecoverAsync ID = 60<<16 | 100
	IDBasicRecover      ID = 60<<16 | 110
	IDBasicRecoverOk    ID = 60<<16 | 111
	IDBasicNack         ID = 60<<16 | 120
)

// BasicQos sets the prefetch.
type BasicQos struct {
	PrefetchSize  uint32
	PrefetchCount uint16
	Global        bool
}

// ID is the method's number.
func (*BasicQos) ID() ID { return IDBasicQos }

func (m *BasicQos) fields(c *codec) {
	c.uint32(&m.PrefetchSize)
	c.uint16(&m.PrefetchCount)
	c.bits(&m.Global)
}

// BasicQosOk agrees.
type BasicQosOk struct{}

// ID is the method's number.
func (*BasicQosOk) ID() ID { return IDBasicQosOk }

func (*BasicQosOk) fields(*codec) {}

// BasicConsume subscribes to a queue.
type BasicConsume struct {
	Queue                             string
	ConsumerTag                       string
	NoLocal, NoAck, Exclusive, NoWait bool
	Arguments                         Table
}

// ID is the method's number.
func (*BasicConsume) ID() ID { return IDBasicConsume }

func (m *BasicConsume) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.short(&m.ConsumerTag)
	c.bits(&m.NoLocal, &m.NoAck, &m.Exclusive, &m.NoWait)
	c.table(&m.Arguments)
}

// BasicConsumeOk agrees.
type BasicConsumeOk struct {
	ConsumerTag string
}

// ID is the method's number.
func (*BasicConsumeOk) ID() ID { return IDBasicConsumeOk }

func (m *BasicConsumeOk) fields(c *codec) { c.short(&m.ConsumerTag) }

// BasicCancel ends a subscription; from the broker, a notice that it has ended.
type BasicCancel struct {
	ConsumerTag string
	NoWait      bool
}

// ID is the method's number.
func (*BasicCancel) ID() ID { return IDBasicCancel }

func (m *BasicCancel) fields(c *codec) {
	c.short(&m.ConsumerTag)
	c.bits(&m.NoWait)
}

// BasicCancelOk agrees.
type BasicCancelOk struct {
	ConsumerTag string
}

// ID is the method's number.
func (*BasicCancelOk) ID() ID { return IDBasicCancelOk }

func (m *BasicCancelOk) fields(c *codec) { c.short(&m.ConsumerTag) }

// BasicPublish sends a message; its content follows.
type BasicPublish struct {
	Exchange             string
	RoutingKey           string
	Mandatory, Immediate bool
}

// ID is the method's number.
func (*BasicPublish) ID() ID { return IDBasicPublish }

func (m *BasicPublish) fields(c *codec) {
	c.reserved()
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
	c.bits(&m.Mandatory, &m.Immediate)
}

// BasicReturn gives a message back; its content follows.
type BasicReturn struct {
	ReplyCode  uint16
	ReplyText  string
	Exchange   string
	RoutingKey string
}

// ID is the method's number.
func (*BasicReturn) ID() ID { return IDBasicReturn }

func (m *BasicReturn) fields(c *codec) {
	c.uint16(&m.ReplyCode)
	c.short(&m.ReplyText)
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
}

// BasicDeliver hands a message to a consumer; its content follows.
type BasicDeliver struct {
	ConsumerTag string
	DeliveryTag uint64
	Redelivered bool
	Exchange    string
	RoutingKey  string
}

// ID is the method's number.
func (*BasicDeliver) ID() ID { return IDBasicDeliver }

func (m *BasicDeliver) fields(c *codec) {
	c.short(&m.ConsumerTag)
	c.uint64(&m.DeliveryTag)
	c.bits(&m.Redelivered)
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
}

// BasicGet asks for one message.
type BasicGet struct {
	Queue string
	NoAck bool
}

// ID is the method's number.
func (*BasicGet) ID() ID { return IDBasicGet }

func (m *BasicGet) fields(c *codec) {
	c.reserved()
	c.short(&m.Queue)
	c.bits(&m.NoAck)
}

// BasicGetOk is that message; its content follows.
type BasicGetOk struct {
	DeliveryTag  uint64
	Redelivered  bool
	Exchange     string
	RoutingKey   string
	MessageCount uint32
}

// ID is the method's number.
func (*BasicGetOk) ID() ID { return IDBasicGetOk }

func (m *BasicGetOk) fields(c *codec) {
	c.uint64(&m.DeliveryTag)
	c.bits(&m.Redelivered)
	c.short(&m.Exchange)
	c.short(&m.RoutingKey)
	c.uint32(&m.MessageCount)
}

// BasicGetEmpty says that there is none.
type BasicGetEmpty struct{}

// ID is the method's number.
func (*BasicGetEmpty) ID() ID { return IDBasicGetEmpty }

func (*BasicGetEmpty) fields(c *codec) { c.reservedShort() }

// BasicAck settles deliveries; from the broker, confirms messages.
type BasicAck struct {
	DeliveryTag uint64
	Multiple    bool
}

// ID is the method's number.
func (*BasicAck) ID() ID { return IDBasicAck }

func (m *BasicAck) fields(c *codec) {
	c.uint64(&m.DeliveryTag)
	c.bits(&m.Multiple)
}

// BasicReject refuses a delivery.
type BasicReject struct {
	DeliveryTag uint64
	Requeue     bool
}

// ID is the method's number.
func (*BasicReject) ID() ID { return IDBasicReject }

func (m *BasicReject) fields(c *codec) {
	c.uint64(&m.DeliveryTag)
	c.bits(&m.Requeue)
}

// BasicRecoverAsync gives deliveries back, without an answer.
type BasicRecoverAsync struct {
	Requeue bool
}

// ID is the method's number.
func (*BasicRecoverAsync) ID() ID { return IDBasicRecoverAsync }

func (m *BasicRecoverAsync) fields(c *codec) { c.bits(&m.Requeue) }

// BasicRecover gives deliveries back.
type BasicRecover struct {
	Requeue bool
}

// ID is the method's number.
func (*BasicRecover) ID() ID { return IDBasicRecover }

func (m *BasicRecover) fields(c *codec) { c.bits(&m.Requeue) }

// BasicRecoverOk agrees.
type BasicRecoverOk struct{}

// ID is the method's number.
func (*BasicRecoverOk) ID() ID { return IDBasicRecoverOk }

func (*BasicRecoverOk) fields(*codec) {}

// BasicNack refuses deliveries; from the broker, messages.
type BasicNack struct {
	DeliveryTag       uint64
	Multiple, Requeue bool
}

// ID is the method's number.
func (*BasicNack) ID() ID { return IDBasicNack }

func (m *BasicNack) fields(c *codec) {
	c.uint64(&m.DeliveryTag)
	c.bits(&m.Multiple, &m.Requeue)
}

func newBasic(id ID) Method {
	switch id {
	case IDBasicQos:
		return &BasicQos{}
	case IDBasicQosOk:
		return &BasicQosOk{}
	case IDBasicConsume:
		return &BasicConsume{}
	case IDBasicConsumeOk:
		return &BasicConsumeOk{}
	case IDBasicCancel:
		return &BasicCancel{}
	case IDBasicCancelOk:
		return &BasicCancelOk{}
	case IDBasicPublish:
		return &BasicPublish{}
	case IDBasicReturn:
		return &BasicReturn{}
	case IDBasicDeliver:
		return &BasicDeliver{}
	case IDBasicGet:
		return &BasicGet{}
	case IDBasicGetOk:
		return &BasicGetOk{}
	case IDBasicGetEmpty:
		return &BasicGetEmpty{}
	case IDBasicAck:
		return &BasicAck{}
	case IDBasicReject:
		return &BasicReject{}
	case IDBasicRecoverAsync:
		return &BasicRecoverAsync{}
	case IDBasicRecover:
		return &BasicRecover{}
	case IDBasicRecoverOk:
		return &BasicRecoverOk{}
	case IDBasicNack:
		return &BasicNack{}
	}
	return nil
}

func nameBasic(id ID) string {
	switch id {
	case IDBasicQos:
		return "basic.qos"
	case IDBasicQosOk:
		return "basic.qos-ok"
	case IDBasicConsume:
		return "basic.consume"
	case IDBasicConsumeOk:
		return "basic.consume-ok"
	case IDBasicCancel:
		return "basic.cancel"
	case IDBasicCancelOk:
		return "basic.cancel-ok"
	case IDBasicPublish:
		return "basic.publish"
	case IDBasicReturn:
		return "basic.return"
	case IDBasicDeliver:
		return "basic.deliver"
	case IDBasicGet:
		return "basic.get"
	case IDBasicGetOk:
		return "basic.get-ok"
	case IDBasicGetEmpty:
		return "basic.get-empty"
	case IDBasicAck:
		return "basic.ack"
	case IDBasicReject:
		return "basic.reject"
	case IDBasicRecoverAsync:
		return "basic.recover-async"
	case IDBasicRecover:
		return "basic.recover"
	case IDBasicRecoverOk:
		return "basic.recover-ok"
	case IDBasicNack:
		return "basic.nack"
	}
	return ""
}
