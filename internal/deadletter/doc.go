// Package deadletter reads what rests in a dead-letter queue, chooses among it, and moves it: back to where it came from, or out
// of the world. It decides and counts; internal/queue does what there is to do at the broker.
//
// Looking is a Pass through the whole queue, which removes nothing and keeps every message in its place. Only what is said of a
// message is kept of it, so that it takes no more memory for a hundred thousand than for one.
//
// Moving is a Pass too. What is chosen is published in batches, and acked once the broker has confirmed that it has it in the
// other queue and has not returned it; so a Move can be killed at any moment, and at worst the batch that was on its way exists
// twice. What is not chosen is given back.
package deadletter
