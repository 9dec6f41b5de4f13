package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/queue"
)

func version(r *report) {
	v := r.facts.Version
	switch {
	case v == "":
		r.unchecked("the broker does not say its version: is it RabbitMQ?", "")
	case !queue.AtLeast(v, 3, 10):
		r.mismatch("", "RabbitMQ "+v+" is too old: delay levels and safe dead-lettering need at-least-once dead letters",
			"upgrade to 3.10 or later, best to 4.3")
	case !queue.AtLeast(v, 3, 12):
		r.add(OK, "", "RabbitMQ "+v+": before 3.12 a queue has no consumer timeout of its own; before 4.0 no queue has a delivery limit"+
			" unless it is declared; before 4.3 consumers of quorum queues are not counted, and a consumer timeout closes the channel", "")
	case !queue.AtLeast(v, 4, 0):
		r.add(OK, "", "RabbitMQ "+v+": before 4.0 no queue has a delivery limit unless it is declared; before 4.3 consumers of"+
			" quorum queues are not counted, and a consumer timeout closes the channel", "")
	case !queue.AtLeast(v, 4, 3):
		r.add(OK, "", "RabbitMQ "+v+": before 4.3 consumers of quorum queues are not counted, quorum queues have two priorities only,"+
			" and a consumer timeout closes the channel", "")
	}
	r.ok("RabbitMQ " + v)
}

func security(r *report) {
	host := r.facts.Host
	if !host.TLS && !host.Loopback {
		r.warn("", "amqp:// to "+host.Addr+" is not encrypted: passwords and tasks can be read on the way",
			"use amqps:// (port 5671), or a tunnel")
	}
	if host.User == "guest" {
		r.warn("user guest", "everybody knows this user and its password",
			"rabbitmqctl add_user NAME; rabbitmqctl set_permissions …; rabbitmqctl delete_user guest")
	}
	r.ok("user " + host.User + " at " + host.Addr)
}

func permissions(r *report) {
	who := "user " + r.facts.Host.User
	for _, refused := range r.facts.Refused {
		r.mismatch(who, fmt.Sprintf("a %s has to %s: %s", r.want.Role, refused.Doing, refused.Reason), r.want.grant(r.facts.Host))
	}
	if r.facts.Untried != "" {
		r.unchecked("the permission to publish not checked: "+r.facts.Untried, "run doctor again when the alarm is over")
	}
	r.ok(fmt.Sprintf("user %s has the %d permissions of a %s", r.facts.Host.User, r.facts.Tried, r.want.describe()))
}

func (w Want) describe() string {
	if w.Passive {
		return "passive " + string(w.Role)
	}
	return string(w.Role)
}

// grant is the command that gives the role what it needs, and no more.
func (w Want) grant(host queue.Host) string {
	configure, write, read := w.patterns()
	return fmt.Sprintf("rabbitmqctl set_permissions -p %s %s %s %s %s", quote(host.Vhost), quote(host.User),
		quote(configure), quote(write), quote(read))
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func alarm(r *report) {
	switch {
	case r.facts.Blocked != "":
		r.warn("", "the broker takes nothing from publishers: "+r.facts.Blocked,
			"free memory or disk on the broker's nodes; rabbitmq-diagnostics alarms says which")
	case r.facts.Untried != "":
		r.unchecked("alarms not checked: "+r.facts.Untried, "run doctor again")
	}
	r.ok("the broker accepts messages")
}

// Clocks closer than this do no harm: times of tasks are given in seconds or more.
const skewAllowed = 5 * time.Second

func clock(r *report) {
	if r.needsAPI("the broker's clock") {
		return
	}
	skew := r.facts.Skew
	if skew.Abs() > skewAllowed {
		which := "ahead of"
		if skew < 0 {
			which = "behind"
		}
		r.warn("", fmt.Sprintf("the broker's clock is %s %s the one here: times for which tasks are scheduled, and when they expire,"+
			" mean another moment there", skew.Abs().Round(time.Second), which), "synchronise both by NTP (chronyc tracking)")
	}
	r.ok("the broker's clock and the one here agree")
}
