package subprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-shellwords"
)

// placeholder stands for the payload in an argument.
const placeholder = "{}"

// command is a program found, and its arguments as the operator wrote them.
type command struct {
	name   string // as it was written; the program sees it as its own name
	path   string // absolute
	args   []string
	inArgs bool // an argument holds the placeholder, so the payload does not come on stdin
}

func parseCommand(line string) (command, error) {
	words, err := split(line)
	if err != nil {
		return command{}, err
	}
	name, args := words[0], words[1:]
	if strings.Contains(name, placeholder) {
		return command{}, errors.New("a payload cannot name the program: {} has to stand in an argument")
	}
	if err := refuseShellCode(name, args); err != nil {
		return command{}, err
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return command{}, err
	}
	path, err = filepath.Abs(path)
	return command{name: name, path: path, args: args, inArgs: slices.ContainsFunc(args, holdsPlaceholder)}, err
}

func holdsPlaceholder(arg string) bool { return strings.Contains(arg, placeholder) }

func split(line string) ([]string, error) {
	parser := &shellwords.Parser{} // the zero Parser expands nothing, whatever the package's variables say
	words, err := parser.Parse(line)
	switch {
	case err != nil:
		return nil, errors.New("it does not split into words: a quote or a parenthesis is not closed or not quoted")
	case parser.Position >= 0: // the parser leaves out the rest
		return nil, errors.New("it is run without a shell: quote ; & | < and >, or run sh -c '…'")
	case len(words) == 0 || words[0] == "":
		return nil, errors.New("it is empty")
	}
	return words, nil
}

// refuseShellCode guards against the one mistake that gives the machine to whoever may publish.
func refuseShellCode(name string, args []string) error {
	shells := []string{"sh", "ash", "bash", "dash", "fish", "ksh", "mksh", "zsh"}
	if !slices.Contains(shells, filepath.Base(name)) {
		return nil
	}
	takesCode := regexp.MustCompile(`^-[a-zA-Z]*c$`)
	for i, arg := range args[:max(len(args)-1, 0)] {
		if takesCode.MatchString(arg) && holdsPlaceholder(args[i+1]) {
			return fmt.Errorf(`%s would run the payload as code: write "$1" in place of {}, and after the code: %s {}`, name, name)
		}
	}
	return nil
}

// fill returns the arguments and the standard input, nil for none, with which a payload is run.
func (c command) fill(payload []byte) (args []string, stdin []byte, err error) {
	if !c.inArgs {
		return c.args, payload, nil
	}
	text, err := stringPayload(payload)
	if err != nil {
		return nil, nil, err
	}
	args = make([]string, len(c.args))
	optionsEnded := false
	for i, arg := range c.args {
		if strings.HasPrefix(arg, placeholder) && strings.HasPrefix(text, "-") && !optionsEnded {
			return nil, nil, errors.New("the payload begins with a hyphen, and the command has no -- before {}: it would be read as an option")
		}
		optionsEnded = optionsEnded || arg == "--"
		args[i] = strings.ReplaceAll(arg, placeholder, text)
	}
	return args, nil, nil
}

// stringPayload is as strict as a file name deserves: nothing is replaced or cut.
func stringPayload(payload []byte) (string, error) {
	var text *string // null leaves it nil
	if err := json.Unmarshal(payload, &text); err != nil || text == nil {
		return "", errors.New("the payload is not a JSON string, which {} in the command stands for")
	}
	switch {
	case !utf8.Valid(payload):
		return "", errors.New("the payload is not valid UTF-8")
	case strings.ContainsRune(*text, 0):
		return "", errors.New("the payload holds a NUL character, which an argument cannot")
	}
	return *text, nil
}
