package vhost

import (
	"fmt"

	"github.com/warrener/warrener/internal/broker/wire"
)

// The errors of a virtual host, with RabbitMQ's texts: clients read them.

func fail(code uint16, format string, args ...any) error {
	return &wire.Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

func (v *Vhost) missing(kind, name string) error {
	return fail(wire.NotFound, "NOT_FOUND - no %s '%s' in vhost '%s'", kind, name, v.name)
}

func (v *Vhost) inUse(kind, name string) error {
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - %s '%s' in vhost '%s' in use", kind, name, v.name)
}

// inequivalent says that something exists in another form.
func (v *Vhost) inequivalent(arg, kind, name string, received, current string) error {
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - inequivalent arg '%s' for %s '%s' in vhost '%s': received %s but current is %s",
		arg, kind, name, v.name, received, current)
}

func (v *Vhost) invalid(arg, kind, name, why string) error {
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - invalid arg '%s' for %s '%s' in vhost '%s': %s", arg, kind, name, v.name, why)
}

func reserved(kind, name string) error {
	return fail(wire.AccessRefused, "ACCESS_REFUSED - %s name '%s' contains reserved prefix 'amq.*'", kind, name)
}

func unknownTag(tag uint64) error {
	return fail(wire.PreconditionFailed, "PRECONDITION_FAILED - unknown delivery tag %d", tag)
}

func notImplemented(what string) error {
	return fail(wire.NotImplemented, "NOT_IMPLEMENTED - %s: the development broker does not have it", what)
}
