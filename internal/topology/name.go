package topology

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName leaves room in a routing key, which has at most 255 bytes, for the words before the name and for names
// made from it.
const maxName = 185

// CheckQueueName returns why a name cannot be a work queue's, or nil.
func CheckQueueName(name string) error {
	switch {
	case name == "":
		return errors.New("queue name is empty")
	case len(name) > maxName:
		return fmt.Errorf("queue name %.20q… has %d bytes, %d are allowed", name, len(name), maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("queue name %q is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("queue name %q has a control character", name)
	case strings.HasPrefix(name, "amq."):
		return fmt.Errorf("queue name %q begins with amq., which is the broker's own", name)
	case name == Unrouted, strings.HasPrefix(name, "warrener.delay."):
		return fmt.Errorf("queue name %q is taken: Warrener keeps delayed tasks there", name)
	case hasWildcard(name):
		return fmt.Errorf("queue name %q has * or # as a word, a wildcard in the binding for delayed tasks", name)
	}
	return nil
}

func hasWildcard(name string) bool {
	for word := range strings.SplitSeq(name, ".") {
		if word == "*" || word == "#" {
			return true
		}
	}
	return false
}
