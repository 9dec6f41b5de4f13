package vhost

import "time"

// expire ends the messages at the heads whose time is over. One behind a head waits, however old it is.
func (q *queue) expire(now time.Time) {
	if q.expiring == 0 {
		return
	}
	for again := true; again; {
		again = false
		for it := range q.ready.heads() {
			if it.expired(now) {
				q.take(it)
				q.die(it, reasonExpired)
				again = true
			}
		}
	}
}

// arm sets the timer to when the first head expires. A timer that is set to an earlier moment is left alone: it will find
// nothing to do, and be set again.
func (q *queue) arm(now time.Time) {
	if q.expiring == 0 || q.gone {
		return
	}
	var first time.Time
	for it := range q.ready.heads() {
		if !it.expires.IsZero() && (first.IsZero() || it.expires.Before(first)) {
			first = it.expires
		}
	}
	if first.IsZero() || !q.expiresAt.IsZero() && !q.expiresAt.After(first) {
		return
	}
	if q.expiry != nil {
		q.expiry.Stop()
	}
	q.expiresAt = first
	// Expired is what is past its time: at that very moment a consumer may still have it.
	q.expiry = q.v.after(first.Sub(now)+1, func(now time.Time) {
		q.expiresAt = time.Time{}
		q.dispatch(now)
	})
}

// used puts off the end of a queue that deletes itself when nobody uses it.
func (q *queue) used() {
	if q.expires == 0 {
		return
	}
	if q.unused != nil {
		q.unused.Stop()
	}
	q.unused = q.v.after(q.expires, func(time.Time) {
		if len(q.consumers) == 0 && !q.gone {
			q.v.remove(q)
		}
	})
}
