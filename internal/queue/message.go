package queue

import (
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrener/warrener/internal/tasks"
)

// lowestPriority stands on the wire for 0, which the client library leaves out: RabbitMQ 4.3 takes a message without a
// priority for one of 4, and a task given priority 2 would come after those given none.
const lowestPriority = 1

// publishing is a message in the client library's form. Every message is persistent.
func publishing(m *tasks.Message) amqp.Publishing {
	return amqp.Publishing{
		Headers:         table(m.Headers),
		ContentType:     m.ContentType,
		ContentEncoding: m.ContentEncoding,
		DeliveryMode:    amqp.Persistent,
		Priority:        max(m.Priority, lowestPriority),
		CorrelationId:   m.CorrelationID,
		ReplyTo:         m.ReplyTo,
		MessageId:       m.ID,
		Timestamp:       m.Timestamp,
		Type:            m.Type,
		AppId:           m.AppID,
		Body:            m.Body,
	}
}

// table makes the client library's type of a map and of all maps in it; it takes no other for a table.
func table(m map[string]any) amqp.Table {
	if len(m) == 0 {
		return nil
	}
	t := make(amqp.Table, len(m))
	for key, v := range m {
		t[key] = field(v)
	}
	return t
}

func field(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return table(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = field(v[i])
		}
		return list
	default:
		return v
	}
}

// received is a delivery in our form. A message's own expiration and user id are left behind on purpose: with them the next
// attempt would expire on its way through the delay levels, or be refused as somebody else's.
func received(d *amqp.Delivery, queue, consumer string) tasks.Message {
	return tasks.Message{
		ID:              d.MessageId,
		Type:            d.Type,
		ContentType:     d.ContentType,
		ContentEncoding: d.ContentEncoding,
		CorrelationID:   d.CorrelationId,
		ReplyTo:         d.ReplyTo,
		AppID:           d.AppId,
		Priority:        d.Priority,
		Timestamp:       d.Timestamp,
		Headers:         map[string]any(d.Headers),
		Body:            d.Body,
		Origin:          tasks.Origin{Queue: queue, Consumer: consumer, Tag: d.DeliveryTag, Redelivered: d.Redelivered},
	}
}
