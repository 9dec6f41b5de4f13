package wire

import "fmt"

// Reply codes of AMQP 0-9-1.
const (
	ContentTooLarge    = 311
	NoRoute            = 312
	ConnectionForced   = 320
	InvalidPath        = 402
	AccessRefused      = 403
	NotFound           = 404
	ResourceLocked     = 405
	PreconditionFailed = 406
	FrameError         = 501
	SyntaxError        = 502
	CommandInvalid     = 503
	ChannelError       = 504
	UnexpectedFrame    = 505
	ResourceError      = 506
	NotAllowed         = 530
	NotImplemented     = 540
	InternalError      = 541
)

// Error is what a peer is told when it is wrong.
type Error struct {
	Code uint16
	Text string // begins with RabbitMQ's name of the code
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Text) }

// Hard says that the error ends the connection; others end the channel.
func (e *Error) Hard() bool {
	switch e.Code {
	case ContentTooLarge, NoRoute, AccessRefused, NotFound, ResourceLocked, PreconditionFailed:
		return false
	}
	return true
}

func syntaxError(what string) *Error {
	return &Error{SyntaxError, "SYNTAX_ERROR - " + what}
}

func frameError(format string, args ...any) *Error {
	return &Error{FrameError, "FRAME_ERROR - " + fmt.Sprintf(format, args...)}
}
