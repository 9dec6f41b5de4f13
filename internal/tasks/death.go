package tasks

// DeathOf reads how a dead letter ended: from the headers of [Dead], or, when it was the broker that gave it up, from the
// broker's. ok is false when neither says anything.
func DeathOf(m *Message) (d Death, ok bool) {
	if reason := text(m.Headers[headerReason]); reason != "" {
		d = Death{Reason: Reason(reason), Err: text(m.Headers[headerError]), Worker: text(m.Headers[headerWorker])}
		d.At, _ = parseTime(text(m.Headers[headerDiedAt])) // a dead letter without a good date is still one
		return d, true
	}
	switch reason := brokersReason(m.Headers); reason {
	case "":
		return Death{}, false
	case "delivery_limit":
		return Death{Reason: ReasonCrashed, Err: "came back from its workers more often than the queue's delivery limit allows"}, true
	default:
		return Death{Reason: Reason(reason), Err: "dead-lettered by the broker"}, true
	}
}

// brokersReason is why the broker dead-lettered the message last. x-death has the latest death first; a task that was delayed has
// died before, of the level's TTL.
func brokersReason(headers map[string]any) string {
	deaths, _ := headers["x-death"].([]any)
	if len(deaths) == 0 {
		return ""
	}
	latest, _ := asTable(deaths[0])
	return text(latest["reason"])
}
