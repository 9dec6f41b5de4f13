// Package wire turns the bytes of AMQP 0-9-1 into values and back, as a broker needs it: frames, methods, tables and content
// headers. It holds no state beyond a read buffer and decides nothing.
//
// What comes from outside is never trusted: lengths are held against what is there, tables are no deeper than they may be, and an
// error is an [*Error] with the code that the peer is to be told. Types are RabbitMQ's dialect of the specification's:
// 's' is a 16-bit and 'l' a 64-bit integer.
package wire
