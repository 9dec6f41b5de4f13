// Package poison names the tasks that are no good to their workers.
package poison

// The names of tasks.
const (
	Healthy   = "healthy"
	Shaky     = "shaky"     // fails in its first attempt, and is healthy then
	Fails     = "fails"     // with an error each time
	Permanent = "permanent" // with an error that says not to try again
	Panics    = "panics"
	Exits     = "exits"  // os.Exit in the handler
	Killed    = "killed" // its process is killed, as by an out-of-memory killer
	Unknown   = "unknown"
	Malformed = "malformed" // the message is none of ours, and cannot be read
)

// Classes are all kinds of poison.
func Classes() []string {
	return []string{Fails, Permanent, Panics, Exits, Killed, Unknown, Malformed}
}

// Class is the kind of the n-th poison.
func Class(n int) string {
	all := Classes()
	return all[n%len(all)]
}

// Reason is why a dead letter of a class is one, as docs/protocol.md has it.
func Reason(class string) string {
	switch class {
	case Fails, Panics:
		return "exhausted"
	case Permanent:
		return "permanent"
	case Exits, Killed:
		return "crashed"
	case Unknown:
		return "unknown_task"
	default:
		return "malformed"
	}
}
