// Package config fills a command's flags from where they were not given: flags win, then the environment, then the
// configuration file, then the defaults. Nothing else in a command needs to know where a value came from.
package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Source is where the values of a program's flags come from, the command line aside.
type Source struct {
	// Program names the section of the file and the variables that are the program's own.
	Program string

	// Getenv is os.Getenv. A variable that is empty counts as not set.
	Getenv func(string) string

	// Known lists the flags of all of the program's commands, for a file is shared by them: what is known to none of them
	// is a mistake in the file.
	Known []*pflag.Flag
}

// Describe adds to each flag's usage the variables it is read from.
func Describe(flags *pflag.FlagSet, program string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" {
			return
		}
		names := slices.Clone(Variables(f, program))
		for i := range names {
			names[i] = "$" + names[i]
		}
		text := strings.Join(names, ", ")
		if isSecret(f) {
			text += "; with _FILE, a file to read it from"
		}
		f.Usage += " [" + text + "]"
	})
}

// Apply sets every flag that the command line did not. The file is the one that the flag "config" names.
func (s Source) Apply(flags *pflag.FlagSet) error {
	if err := each(flags, s.fromEnvironment); err != nil {
		return err
	}
	path := flags.Lookup("config").Value.String()
	if path == "" {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	file, err := parse(path, content)
	if err != nil {
		return err
	}
	if err := file.check(s.Program, s.Known); err != nil {
		return err
	}
	return each(flags, func(f *pflag.Flag) error { return file.fill(f, s.Program) })
}

// each calls fill for the flags that have no value yet.
func each(flags *pflag.FlagSet, fill func(*pflag.Flag) error) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if first != nil || f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		first = fill(f)
	})
	return first
}

// set gives f the value, or for a list the values, in the words that the command line would use.
func set(f *pflag.Flag, values ...string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		if err := list.Replace(values); err != nil {
			return err
		}
		f.Changed = true
		return nil
	}
	if len(values) != 1 {
		return fmt.Errorf("want one value, not %d", len(values))
	}
	if secret, ok := f.Value.(*Secret); ok {
		*secret = Secret{value: values[0]}
	} else if err := f.Value.Set(values[0]); err != nil {
		return fmt.Errorf("%q: %w", values[0], err)
	}
	f.Changed = true
	return nil
}
