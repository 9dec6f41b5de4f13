// Package broker is an AMQP 0-9-1 broker in memory, for development and tests. The unmodified client library talks to it, over TCP
// ([Broker.Serve]) or in the same process without a network ([Broker.Dial]), in a testing/synctest bubble as well.
//
// It does what RabbitMQ 4.3 does, as far as Warrener and its users' tests need it, and answers 540 to the rest: transactions, the
// headers exchange, a prefetch for a whole channel. It stores nothing and is one node. The suite in test/conformance runs
// on it and on RabbitMQ.
//
// A connection has two goroutines: one reads frames and acts on them, under the lock of its virtual host
// (package vhost), the other writes what has gathered in its output. So writing never holds up reading, and many small
// frames leave in one write. Whoever does not read, or sends what makes no sense, costs no more than its connection.
//
// For tests there are faults: [Broker.Inject], [Broker.Cut], [Broker.Stop], [Broker.Alarm] and others.
package broker
