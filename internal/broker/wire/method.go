package wire

import "fmt"

// ID is a method's number: its class and its own.
type ID uint32

// Method is one of AMQP's methods; its fields are those of its type.
type Method interface {
	ID() ID
	fields(c *codec)
}

// The classes.
const (
	classConnection = 10
	classChannel    = 20
	classExchange   = 40
	classQueue      = 50
	classBasic      = 60
	classConfirm    = 85
	classTx         = 90
)

// String is the name as AMQP's specification has it.
func (id ID) String() string {
	name := ""
	switch id >> 16 {
	case classConnection:
		name = nameConnection(id)
	case classChannel:
		name = nameChannel(id)
	case classExchange:
		name = nameExchange(id)
	case classQueue:
		name = nameQueue(id)
	case classBasic:
		name = nameBasic(id)
	case classConfirm:
		name = nameConfirm(id)
	case classTx:
		name = nameTx(id)
	}
	if name == "" {
		return fmt.Sprintf("%d.%d", id>>16, id&0xffff)
	}
	return name
}

// newMethod returns an empty method; nil for a number that none has.
func newMethod(id ID) Method {
	switch id >> 16 {
	case classConnection:
		return newConnection(id)
	case classChannel:
		return newChannel(id)
	case classExchange:
		return newExchange(id)
	case classQueue:
		return newQueue(id)
	case classBasic:
		return newBasic(id)
	case classConfirm:
		return newConfirm(id)
	case classTx:
		return newTx(id)
	}
	return nil
}
