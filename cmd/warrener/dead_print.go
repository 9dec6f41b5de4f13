package main

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

func outputFlag(flags *pflag.FlagSet, output *string, first string, others ...string) {
	flags.StringVarP(output, "output", "o", first, "`format`: "+first+" or "+strings.Join(others, " or "))
}

func encoder(out io.Writer, indent string) *json.Encoder {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e
}

// cell is a text from a message as it can stand in a table, or a dash. Anybody may have published the message: what a terminal
// would obey is not printed.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	return printable(text)
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, text)
}

// short is the beginning of a longer text, on one line.
func short(text string) string {
	const limit = 80
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) > limit {
		text = string(runes[:limit-1]) + "…"
	}
	return cell(text)
}

// readable says whether a payload can be printed as text.
func readable(payload []byte) bool {
	if !utf8.Valid(payload) {
		return false
	}
	return !strings.ContainsFunc(string(payload), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' || unicode.Is(unicode.Cf, r)
	})
}
