package config

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Annotations of a flag. A shared one means the same in every program, so that its variable does not name one.
const (
	sharedFlag    = "shared"
	variablesFlag = "variables"
)

// Variables are the environment variables that f is read from, the first that is set wins: WARRENER_LOG_LEVEL for a flag
// that all programs have, WARRENER_WORKER_PREFETCH for one of worker's own. Plain WARRENER_QUEUE and the like are
// what a program started by a worker finds in its environment, about its task; they must not change how another task
// is published.
func Variables(f *pflag.Flag, program string) []string {
	if names := f.Annotations[variablesFlag]; names != nil {
		return names
	}
	name := "WARRENER_"
	if f.Annotations[sharedFlag] == nil {
		name += upper(program) + "_"
	}
	return []string{name + upper(f.Name)}
}

// ReadFrom names the variables that f is read from, in place of the one made from its name.
func ReadFrom(f *pflag.Flag, variables ...string) { annotate(f, variablesFlag, variables...) }

func upper(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

func (s Source) fromEnvironment(f *pflag.Flag) error {
	for _, name := range Variables(f, s.Program) {
		value := s.Getenv(name)
		if secret, ok := f.Value.(*Secret); ok {
			path := s.Getenv(name + "_FILE")
			if path != "" && value != "" {
				return fmt.Errorf("%s and %s_FILE are both set: unset one", name, name)
			}
			if path != "" {
				*secret = Secret{file: path}
				f.Changed = true
				_, err := secret.Read()
				return err
			}
		}
		if value == "" {
			continue
		}
		if err := set(f, words(f, value)...); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
		return nil
	}
	return nil
}

// words are the values in one variable: a list is separated by commas as in the flag, or stands one a line where a
// value may have commas of its own.
func words(f *pflag.Flag, value string) []string {
	split := func(separator string) []string {
		var list []string
		for word := range strings.SplitSeq(value, separator) {
			if word = strings.TrimSpace(word); word != "" {
				list = append(list, word)
			}
		}
		return list
	}
	switch f.Value.Type() {
	case "stringSlice":
		return split(",")
	case "stringArray":
		return split("\n")
	case "bool":
		if f.Name == "no-color" && value != "" { // https://no-color.org: any value
			return []string{"true"}
		}
	}
	return []string{value}
}
