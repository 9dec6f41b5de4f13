package config

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Secret is the value of a flag that may hold a password: it is never shown, not as a default either.
type Secret struct {
	value string
	file  string // to read the value from, in place of the field
	argv  bool   // the value stands on the command line
}

// Set takes the value from the command line.
func (s *Secret) Set(value string) error {
	*s = Secret{value: value, argv: true}
	return nil
}

// String is empty, whatever the value.
func (s *Secret) String() string { return "" }

// Type is the word for the value in a command's help.
func (s *Secret) Type() string { return "url" }

// Read returns the value; "" when there is none. One in a file is read anew each time, so that a password can change
// while a program runs.
func (s *Secret) Read() (string, error) {
	if s.file == "" {
		return s.value, nil
	}
	content, err := os.ReadFile(s.file)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	value := strings.TrimSpace(string(content))
	if value == "" {
		return "", fmt.Errorf("read a secret: %s is empty", s.file)
	}
	return value, nil
}

// Warn logs it when the value holds a password and stands on the command line, where every user of the machine can
// read it.
func (s *Secret) Warn(log *slog.Logger, flag string) {
	_, rest, _ := strings.Cut(s.value, "://")
	user, _, hasUser := strings.Cut(rest, "@")
	if s.argv && hasUser && strings.Contains(user, ":") {
		log.Warn("a password on the command line can be read by every user of this machine: give the flag's value by its variable or a file",
			"flag", "--"+flag)
	}
}

func isSecret(f *pflag.Flag) bool {
	_, ok := f.Value.(*Secret)
	return ok
}
