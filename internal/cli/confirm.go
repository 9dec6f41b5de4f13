package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Confirm asks whether something may be done that cannot be undone, and wants the word back that the question is about. Where
// nobody can be asked, yes has to be said on the command line.
func Confirm(in io.Reader, out io.Writer, yes bool, question, word string) error {
	if yes {
		return nil
	}
	if file, ok := in.(io.Writer); !ok || !IsTerminal(file) {
		return Usagef("%s? Nobody can be asked here: say --yes", question)
	}
	return ask(in, out, question, word)
}

func ask(in io.Reader, out io.Writer, question, word string) error {
	fmt.Fprintf(out, "%s? It cannot be undone. Type %s to go on: ", question, word)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != word {
		return errors.New("not confirmed: nothing was done")
	}
	return nil
}
