package vhost

import (
	"strconv"

	"github.com/warrener/warrener/internal/broker/wire"
)

// Message is a message as it was published, or as its last death has left it. It is not changed while it is in a queue.
type Message struct {
	Exchange, Key string
	Properties    wire.Properties
	Body          []byte

	keys   []string // all it is routed by: Key, and those of the CC and BCC headers
	hidden []string // those of BCC, which nobody is told of
	ttl    int64    // of its own, in ms; noTTL
	deaths []record // the latest first
}

const noTTL = -1

const persistentMode = 2

func (m *Message) persistent() bool { return m.Properties.DeliveryMode == persistentMode }

// prepare reads what routing and queues need from the properties, and refuses what makes no sense.
func (m *Message) prepare(user string) error {
	p := &m.Properties
	if p.Present&wire.HasUserID != 0 && p.UserID != user {
		return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - user_id property set to '%s' but authenticated user was '%s'", p.UserID, user)
	}
	m.ttl = noTTL
	if p.Present&wire.HasExpiration != 0 {
		ttl, err := strconv.ParseInt(p.Expiration, 10, 64)
		if err != nil || ttl < 0 || ttl > maxTTL {
			return invalidExpiration(p.Expiration, ttl, err)
		}
		m.ttl = ttl
	}
	m.keys = []string{m.Key}
	if p.Headers == nil {
		return nil
	}
	return m.copies()
}

func invalidExpiration(text string, ttl int64, err error) error {
	why := "no_integer"
	switch {
	case err == nil && ttl < 0:
		why = "value_negative," + text
	case err == nil:
		why = "value_too_large," + text
	}
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid expiration '%s': {%s}", text, why)
}

// copies adds the keys of the CC and BCC headers. The second is not passed on.
func (m *Message) copies() error {
	cc, err := keysOf(m.Properties.Headers, "CC")
	if err != nil {
		return err
	}
	m.hidden, err = keysOf(m.Properties.Headers, "BCC")
	if err != nil {
		return err
	}
	m.keys = append(append(m.keys, cc...), m.hidden...)
	delete(m.Properties.Headers, "BCC")
	return nil
}

func keysOf(headers wire.Table, name string) ([]string, error) {
	value, ok := headers[name]
	if !ok {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid %s header: it has to be a list of routing keys", name)
	}
	var keys []string
	for _, v := range list {
		if key, ok := v.(string); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
