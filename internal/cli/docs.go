package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Document replaces a program's part of the page that documents all commands by what the commands themselves say, so that the
// page cannot lag behind. The part stands between two comments.
func Document(page string, root *cobra.Command) (string, error) {
	begin := fmt.Sprintf("<!-- %s: written by make generate -->\n", root.Name())
	end := fmt.Sprintf("<!-- end of %s -->\n", root.Name())
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("the page has no part of %s: want the lines\n%s%s", root.Name(), begin, end)
	}
	var part strings.Builder
	for _, c := range append([]*cobra.Command{root}, below(root)...) {
		if c != root && !c.HasFlags() && !c.HasSubCommands() {
			continue // cobra's own
		}
		heading := "##"
		if c != root {
			heading = "###"
		}
		fmt.Fprintf(&part, "%s %s\n\n```text\n%s```\n\n", heading, c.CommandPath(), help(c))
	}
	return before + begin + "\n" + part.String() + end + after, nil
}

// help is what --help prints.
func help(c *cobra.Command) string {
	var text strings.Builder
	out := c.OutOrStdout()
	c.SetOut(&text)
	defer c.SetOut(out)
	c.InitDefaultHelpFlag()
	c.HelpFunc()(c, nil)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}
