package vhost

import "strings"

// route returns the queues that a message goes to, each once, however many ways lead there. The slice is good until the next
// message is routed.
func (v *Vhost) route(x *exchange, keys []string) []*queue {
	v.routing++
	v.routed = v.routed[:0]
	route{v, keys}.through(x)
	return v.routed
}

// route is the way of one message. What it has come by is marked with its number, so that circles end.
type route struct {
	v    *Vhost
	keys []string
}

// through follows an exchange's bindings; what none of them takes goes to its alternate exchange.
func (r route) through(x *exchange) {
	if x.visited == r.v.routing {
		return
	}
	x.visited = r.v.routing
	taken := false
	for _, key := range r.keys {
		if r.follow(x, key) {
			taken = true
		}
	}
	if taken || x.alternate == "" {
		return
	}
	if alternate, ok := r.v.exchanges[x.alternate]; ok {
		r.through(alternate)
	}
}

// follow says whether a binding of the exchange takes the key.
func (r route) follow(x *exchange, key string) (taken bool) {
	switch {
	case x.name == "": // the default exchange: every queue is bound to it by its name
		q, ok := r.v.queues[key]
		if ok {
			r.to(q)
		}
		return ok
	case x.kind == direct:
		for _, b := range x.byKey[key] {
			r.along(b)
		}
		return len(x.byKey[key]) > 0
	case x.kind == fanout:
		for _, b := range x.bindings {
			r.along(b)
		}
		return len(x.bindings) > 0
	}
	words := split(key)
	for _, b := range x.bindings {
		if matches(b.words, words) {
			r.along(b)
			taken = true
		}
	}
	return taken
}

func (r route) along(b *binding) {
	if b.next != nil {
		r.through(b.next)
		return
	}
	r.to(b.queue)
}

func (r route) to(q *queue) {
	if q.visited != r.v.routing {
		q.visited = r.v.routing
		r.v.routed = append(r.v.routed, q)
	}
}

// split returns a key's words. The empty key has none.
func split(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// matches says whether a topic binding's words take a routing key's: * stands for one word, # for any number of them.
// It remembers the last # only and tries again one word later: an earlier one could take no more than this one can.
func matches(pattern, words []string) bool {
	hash, resume := -1, 0
	p, w := 0, 0
	for w < len(words) {
		switch {
		case p < len(pattern) && pattern[p] == "#":
			hash, resume = p, w
			p++
		case p < len(pattern) && (pattern[p] == "*" || pattern[p] == words[w]):
			p, w = p+1, w+1
		case hash >= 0:
			resume++
			p, w = hash+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "#" {
		p++
	}
	return p == len(pattern)
}
