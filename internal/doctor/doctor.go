// Package doctor finds what is wrong with a broker for Warrener, and says how to mend it. It gathers facts, over AMQP and
// where there is one over the management API, and changes nothing; its checks are pure functions of these facts.
package doctor

import (
	"slices"
	"time"

	"github.com/warrener/warrener/internal/topology"
)

// Role is whose permissions are checked.
type Role string

// The roles.
const (
	Producer Role = "producer"
	Worker   Role = "worker"
	Operator Role = "operator"
)

// Want is what the broker is held against.
type Want struct {
	Role        Role
	Passive     bool // the program declares nothing
	Queues      []topology.WorkQueue
	TaskTimeout time.Duration // 0: none
	MaxDelay    time.Duration // the longest delay in use
}

// Severity says how bad a finding is.
type Severity string

// The severities, from the best to the worst.
const (
	OK        Severity = "ok"
	Unchecked Severity = "unchecked" // it could not be found out
	Warning   Severity = "warning"   // it works, but not always, or not safely
	Mismatch  Severity = "mismatch"  // something will be refused or lost
)

// Finding is the result of a check.
type Finding struct {
	Check    string   `json:"check"`
	Object   string   `json:"object,omitempty"` // what it is about, such as "queue emails"
	Severity Severity `json:"severity"`
	Found    string   `json:"found"`
	Fix      string   `json:"fix,omitempty"`
}

// Worst is the severity of the worst finding.
func Worst(findings []Finding) Severity {
	order := []Severity{OK, Unchecked, Warning, Mismatch}
	worst := 0
	for _, f := range findings {
		worst = max(worst, slices.Index(order, f.Severity))
	}
	return order[worst]
}

// Examine makes all checks. Each has one finding at least.
func Examine(want Want, facts *Facts) []Finding {
	var all []Finding
	for _, c := range []struct {
		name  string
		check func(*report)
	}{
		{"version", version},
		{"security", security},
		{"permission", permissions},
		{"alarm", alarm},
		{"exchange", exchanges},
		{"queue", queues},
		{"binding", bindings},
		{"delay-level", levels},
		{"delivery-limit", deliveryLimits},
		{"dead-letter-route", deadLetterRoutes},
		{"policy", policies},
		{"replicas", replicas},
		{"consumer-timeout", consumerTimeouts},
		{"retained", retained},
		{"parked", parked},
		{"clock", clock},
	} {
		r := &report{check: c.name, want: want, facts: facts}
		c.check(r)
		all = append(all, r.findings...)
	}
	return all
}

// report gathers the findings of one check.
type report struct {
	check    string
	want     Want
	facts    *Facts
	findings []Finding
}

func (r *report) add(severity Severity, object, found, fix string) {
	r.findings = append(r.findings, Finding{Check: r.check, Object: object, Severity: severity, Found: found, Fix: fix})
}

func (r *report) mismatch(object, found, fix string) { r.add(Mismatch, object, found, fix) }
func (r *report) warn(object, found, fix string)     { r.add(Warning, object, found, fix) }
func (r *report) unchecked(found, fix string)        { r.add(Unchecked, "", found, fix) }

// ok is the finding of a check that has found nothing else.
func (r *report) ok(found string) {
	if len(r.findings) == 0 {
		r.add(OK, "", found, "")
	}
}

// needsAPI reports that a check cannot be made without the management API; false when it can.
func (r *report) needsAPI(what string) bool {
	if r.facts.API {
		return false
	}
	r.unchecked(what+" not checked: "+r.facts.NoAPI, "give the management API's address by --management-url")
	return true
}
