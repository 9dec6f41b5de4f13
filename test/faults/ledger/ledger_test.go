package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, dir, name string, entries ...Entry) {
	t.Helper()
	w, err := Open(filepath.Join(dir, name+".ledger"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Commit(e.Kind, e.ID, e.Note); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, a *Account) Sum {
	t.Helper()
	if err := a.Read(); err != nil {
		t.Fatal(err)
	}
	return a.Sum()
}

func TestSum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "producer",
		Entry{Kind: Try, ID: "done"}, Entry{Kind: Accepted, ID: "done"},
		Entry{Kind: Try, ID: "twice"}, Entry{Kind: Accepted, ID: "twice"},
		Entry{Kind: Try, ID: "dead"}, Entry{Kind: Accepted, ID: "dead"},
		Entry{Kind: Try, ID: "both"}, Entry{Kind: Accepted, ID: "both"},
		Entry{Kind: Try, ID: "lost"}, Entry{Kind: Accepted, ID: "lost"},
		Entry{Kind: Try, ID: "begun"}, Entry{Kind: Accepted, ID: "begun"},
		Entry{Kind: Try, ID: "unsure"}, Entry{Kind: Refused, ID: "unsure", Note: "nobody\tknows\n"},
		Entry{Kind: Try, ID: "unsent"}, Entry{Kind: Refused, ID: "unsent"},
	)
	a := NewAccount(dir)
	if s := sum(t, a); len(s.Lost) != 6 {
		t.Errorf("before any work: %+v", s)
	}
	write(t, dir, "worker",
		Entry{Kind: Begin, ID: "done"}, Entry{Kind: Effect, ID: "done"}, Entry{Kind: Begin, ID: "begun"},
		Entry{Kind: Effect, ID: "twice"}, Entry{Kind: Effect, ID: "unsure"}, Entry{Kind: Effect, ID: "nobody's"},
		Entry{Kind: Effect, ID: "both"},
	)
	write(t, dir, "worker2", Entry{Kind: Effect, ID: "twice"})
	a.Dead("dead")
	a.Dead("both")
	got := sum(t, a)
	want := Sum{
		Accepted: 6, Effects: 6, Dead: 2, Duplicates: 2, Unsure: 1,
		Lost: []string{"begun", "lost"}, Foreign: []string{"nobody's"},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	line, err := a.Timeline("unsure")
	if err != nil || !strings.Contains(line, "nobody knows") || !strings.Contains(line, "worker") {
		t.Errorf("timeline %q, %v", line, err)
	}
	if n := len(a.Begun()); n != 2 {
		t.Errorf("%d begins", n)
	}
}

// A killed program may leave half a line, which counts when the rest is there and not before.
func TestHalfALineIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "p.ledger")
	whole := Entry{Kind: Accepted, ID: "a"}.String()
	if err := os.WriteFile(path, []byte(whole+whole[:10]), 0o600); err != nil {
		t.Fatal(err)
	}
	a := NewAccount(dir)
	if s := sum(t, a); s.Accepted != 1 {
		t.Errorf("%+v", s)
	}
	if err := os.WriteFile(path, []byte(whole+strings.Replace(whole, "\ta\t", "\tb\t", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := sum(t, a); s.Accepted != 2 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsNoLedger(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"no fields\n", "x\taccepted\ta\t\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "p.ledger"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := NewAccount(dir).Read(); err == nil {
			t.Errorf("%q is taken for a ledger", text)
		}
	}
}

func TestManyWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := Open(filepath.Join(dir, "p.ledger"))
	if err != nil {
		t.Fatal(err)
	}
	var lanes sync.WaitGroup
	for lane := range 16 {
		lanes.Go(func() {
			for i := range 20 {
				if err := w.Commit(Accepted, fmt.Sprintf("%d-%d", lane, i), ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	lanes.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(Accepted, "late", ""); err == nil {
		t.Error("a closed ledger takes an entry")
	}
	if s := sum(t, NewAccount(dir)); s.Accepted != 320 || !slices.IsSorted(s.Lost) {
		t.Errorf("%d accepted", s.Accepted)
	}
}
