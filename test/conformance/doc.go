// Package conformance holds what brokers do that Warrener and its users rely on, as a list of named behaviours. It is written
// against the AMQP client library alone, and runs on RabbitMQ and on the embedded broker: what holds there holds here. Where
// versions of RabbitMQ differ a behaviour says so, and the embedded broker does as 4.3 does.
package conformance
