package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestConfirm(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	if err := Confirm(strings.NewReader("q\n"), &out, true, "Delete queue q", "q"); err != nil || out.Len() > 0 {
		t.Errorf("with --yes: %v, %q", err, out.String())
	}
	err := Confirm(strings.NewReader("q\n"), &out, false, "Delete queue q", "q")
	if Code(err) != BadUsage || !strings.Contains(err.Error(), "say --yes") {
		t.Errorf("where nobody can be asked: %v with code %d", err, Code(err))
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		answer io.Reader
		ok     bool
	}{
		{strings.NewReader("emails\n"), true},
		{strings.NewReader(" emails"), true}, // and Ctrl-D
		{strings.NewReader("y\n"), false},
		{strings.NewReader(""), false},
		{iotest.ErrReader(errors.New("gone")), false},
	} {
		var out bytes.Buffer
		if err := ask(tt.answer, &out, "Delete queue emails", "emails"); (err == nil) != tt.ok {
			t.Errorf("got %v, want ok: %t", err, tt.ok)
		}
		if want := "Delete queue emails? It cannot be undone. Type emails to go on: "; out.String() != want {
			t.Errorf("asks %q, want %q", out.String(), want)
		}
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()

	type row struct {
		N int `json:"n"`
	}
	table := func(w io.Writer) error { _, err := io.WriteString(w, "N\n"); return err }
	for output, want := range map[Output]string{
		Table: "N\n", JSON: "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": 2\n  }\n]\n", JSONL: "{\"n\":1}\n{\"n\":2}\n",
	} {
		var out bytes.Buffer
		var chosen Output
		if err := chosen.Set(output.String()); err != nil {
			t.Fatal(err)
		}
		if err := Print(&out, chosen, []row{{1}, {2}}, table); err != nil || out.String() != want {
			t.Errorf("%s: got %q, %v, want %q", output, out.String(), err, want)
		}
	}
	var out bytes.Buffer
	if err := Print(&out, JSON, []row(nil), table); err != nil || out.String() != "[]\n" {
		t.Errorf("no rows: got %q, %v", out.String(), err)
	}
	var o Output
	if err := o.Set("xml"); err == nil {
		t.Error("xml: want an error")
	}
}
