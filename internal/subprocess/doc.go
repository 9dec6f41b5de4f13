// Package subprocess is a handler that runs a program for each task.
//
// # The command
//
// The command is split into words as a shell does it (quotes, backslashes), once, and then run without a shell: no
// variables, no globs, no pipes. Unlike in a shell, \n and \t outside of single quotes are a line end and a tab. The
// program is looked up when the handler is made. Whoever wants a shell writes one:
//
//	sh -c 'cd "$1" && make' sh {}
//
// Every {} stands for the payload when that is a JSON string, always within its one argument: spaces, quotes or
// newlines in it never make two of it. Without a {} in the command the payload, whatever it is, comes on stdin.
//
// A task must not be able to say more than the command lets it. So the payload cannot name the program, nor be code
// of a shell (sh -c 'rm {}' is refused when the handler is made), nor be an option: a payload that begins with a
// hyphen is refused where it would begin an argument, unless an argument -- stands before it, as in gofmt -l -- {}.
// Programs that read more into an argument than its hyphen, such as @file, are the operator's to know.
//
// # Its surroundings
//
// The program gets a small environment: PATH, HOME, TMPDIR, LANG, LC_* and TZ of the worker, what [Config.Env] adds, and
// the facts of the task as WARRENER_TASK_ID, WARRENER_TASK_NAME, WARRENER_QUEUE and WARRENER_ATTEMPT. The worker's own
// variables hold the broker's password, so they are not handed on.
//
// It leads a process group of its own. When the context ends, the group is asked to end (SIGTERM) and after a grace
// killed. When the program has ended by itself, whatever it left running in its group is killed at once: a task that is
// settled has no processes any more. A process that made itself a session of its own escapes this; it cannot hold up the
// worker. When the worker itself is killed, Linux kills the program with it, though not the program's children.
//
// # What its end means
//
//   - exit status 0: done.
//   - 64, 65, 78 (usage, data and configuration of sysexits.h), 126 and 127 (a shell's words for "cannot be run" and
//     "not found"): permanent.
//   - any other status, or death by a signal: another attempt.
//   - stopped because the context ended: another attempt, whatever the status; many programs answer SIGTERM with 0.
//   - cannot be started: permanent when the program is not there or not executable or the payload too long for an
//     argument; another attempt when the machine has no resources left.
//
// The end of what it wrote to stderr goes with the error. What it writes to stdout is dropped, or logged at level debug.
//
// Programs are run on Linux, macOS and the BSDs.
package subprocess
