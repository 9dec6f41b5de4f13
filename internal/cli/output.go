package cli

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/pflag"
)

// Output is how a command that lists something shows it: as a table for people, or as JSON.
type Output string

// The ways to show it.
const (
	Table = Output("table")
	JSON  = Output("json")
	JSONL = Output("jsonl") // an object a line
)

// Flag adds --output to a command.
func (o *Output) Flag(flags *pflag.FlagSet) {
	*o = Table
	flags.VarP(o, "output", "o", "table, json or jsonl")
}

// Set takes one of the three.
func (o *Output) Set(value string) error {
	switch Output(value) {
	case Table, JSON, JSONL:
		*o = Output(value)
		return nil
	}
	return errors.New("want table, json or jsonl")
}

// String is the word that was set.
func (o *Output) String() string { return string(*o) }

// Type is the word for the value in a command's help.
func (o *Output) Type() string { return "format" }

// Print writes a list in the way asked for; table writes the table.
func Print[T any](w io.Writer, o Output, list []T, table func(io.Writer) error) error {
	encoder := json.NewEncoder(w)
	switch o {
	case JSON:
		encoder.SetIndent("", "  ")
		if list == nil {
			list = []T{}
		}
		return encoder.Encode(list)
	case JSONL:
		for _, item := range list {
			if err := encoder.Encode(item); err != nil {
				return err
			}
		}
		return nil
	}
	return table(w)
}
