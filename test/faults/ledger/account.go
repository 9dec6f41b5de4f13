package ledger

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fate is what is known of one task.
type fate struct {
	accepted bool
	tried    bool
	effects  int
	dead     int
}

// Account is what the ledgers of a directory say in sum. It reads them again and again, each time only what is new.
type Account struct {
	dir     string
	readers map[string]*reader
	fates   map[string]*fate
	open    map[string]map[string]time.Time // by ledger: the tasks begun and not ended there

	// Since the last Forget; their note is the ledger.
	begun    []Entry
	accepted []Entry
	refused  []Entry
	news     []Entry // Subscribed
	stats    []Entry
}

// NewAccount accounts for the ledgers of a directory: the files that end in .ledger.
func NewAccount(dir string) *Account {
	return &Account{dir: dir, readers: map[string]*reader{}, fates: map[string]*fate{}, open: map[string]map[string]time.Time{}}
}

// Read takes in what is new.
func (a *Account) Read() error {
	paths, err := filepath.Glob(filepath.Join(a.dir, "*.ledger"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".ledger")
		if a.readers[name] == nil {
			a.readers[name] = &reader{path: path}
		}
		if err := a.readers[name].next(func(e Entry) { a.take(name, e) }); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) take(ledger string, e Entry) {
	switch e.Kind {
	case Try:
		a.of(e.ID).tried = true
	case Accepted:
		a.of(e.ID).accepted = true
		a.accepted = append(a.accepted, Entry{e.At, Accepted, e.ID, ledger})
	case Refused:
		a.refused = append(a.refused, e)
	case Effect:
		a.of(e.ID).effects++
		delete(a.open[ledger], e.ID)
	case Failed:
		delete(a.open[ledger], e.ID)
	case Begin:
		if a.open[ledger] == nil {
			a.open[ledger] = map[string]time.Time{}
		}
		a.open[ledger][e.ID] = e.At
		a.begun = append(a.begun, Entry{e.At, Begin, e.ID, ledger})
	case Subscribed:
		a.news = append(a.news, Entry{e.At, Subscribed, e.ID, ledger})
	case Stats:
		a.stats = append(a.stats, Entry{e.At, Stats, ledger, e.Note})
	case Fault: // for a timeline
	}
}

func (a *Account) of(id string) *fate {
	f := a.fates[id]
	if f == nil {
		f = &fate{}
		a.fates[id] = f
	}
	return f
}

// Dead takes in a dead letter.
func (a *Account) Dead(id string) { a.of(id).dead++ }

// Forget drops the entries that were kept with their times, to keep memory small in a long run.
func (a *Account) Forget() {
	a.begun, a.accepted, a.refused, a.news = a.begun[:0], a.accepted[:0], a.refused[:0], a.news[:0]
}

// FirstBegin is when a ledger's program first began a task after a time; zero when it did not.
func (a *Account) FirstBegin(ledger string, since time.Time) (first time.Time) {
	for _, e := range a.begun {
		if e.Note == ledger && e.At.After(since) && (first.IsZero() || e.At.Before(first)) {
			first = e.At
		}
	}
	return first
}

// FirstAccepted is when a task was first accepted after a time; zero when none was.
func (a *Account) FirstAccepted(since time.Time) (first time.Time) {
	for _, e := range a.accepted {
		if e.At.After(since) && (first.IsZero() || e.At.Before(first)) {
			first = e.At
		}
	}
	return first
}

// Begun are the begins since the last Forget, with the ledger as their note.
func (a *Account) Begun() []Entry { return a.begun }

// Refused are the errors that producers got since the last Forget.
func (a *Account) Refused() []Entry { return a.refused }

// Subscriptions counts those of workers that subscribed after a time, and says when the last of them did.
func (a *Account) Subscriptions(since time.Time) (n int, last time.Time) {
	seen := map[string]bool{}
	for _, e := range a.news {
		key := e.Note + " " + e.ID
		if e.At.Before(since) || seen[key] {
			continue
		}
		seen[key] = true
		if e.At.After(last) {
			last = e.At
		}
	}
	return len(seen), last
}

// Open are the tasks that a ledger's program has begun and not ended.
func (a *Account) Open(ledger string) (ids []string) {
	for id := range a.open[ledger] {
		ids = append(ids, id)
	}
	return ids
}

// Gap is the longest time since the last Forget in which no task was accepted.
func (a *Account) Gap() (longest time.Duration) {
	slices.SortFunc(a.accepted, func(x, y Entry) int { return x.At.Compare(y.At) })
	for i := 1; i < len(a.accepted); i++ {
		longest = max(longest, a.accepted[i].At.Sub(a.accepted[i-1].At))
	}
	return longest
}

// Stats are what programs said of themselves; their id is the ledger.
func (a *Account) Stats() []Entry { return a.stats }

// Sum is what the ledgers come to.
type Sum struct {
	Accepted   int      // tasks that a producer was told the broker has
	Effects    int      // times that a task was done
	Dead       int      // dead letters
	Duplicates int      // times that a task was done or dead-lettered after the first
	Unsure     int      // tasks with an effect that no producer was told is at the broker: the answer was lost
	Lost       []string // accepted, and neither done nor a dead letter
	Foreign    []string // done or dead, and published by nobody
}

// Sum counts.
func (a *Account) Sum() Sum {
	var s Sum
	for id, f := range a.fates {
		s.Effects += f.effects
		s.Dead += f.dead
		s.Duplicates += max(0, f.effects+f.dead-1)
		ended := f.effects+f.dead > 0
		switch {
		case f.accepted:
			s.Accepted++
			if !ended {
				s.Lost = append(s.Lost, id)
			}
		case ended && f.tried:
			s.Unsure++
		case ended:
			s.Foreign = append(s.Foreign, id)
		}
	}
	slices.Sort(s.Lost)
	slices.Sort(s.Foreign)
	return s
}

// Effects is how often a task was done.
func (a *Account) Effects(id string) int { return a.of(id).effects }

// Timeline is all that the ledgers say of one task, and of the faults around it.
func (a *Account) Timeline(id string) (string, error) {
	type line struct {
		Entry
		ledger string
	}
	var all []line
	for name, r := range a.readers {
		again := reader{path: r.path}
		err := again.next(func(e Entry) {
			if e.ID == id || e.Kind == Fault {
				all = append(all, line{e, name})
			}
		})
		if err != nil {
			return "", err
		}
	}
	slices.SortStableFunc(all, func(x, y line) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.ledger, y.ledger)) })
	var b strings.Builder
	fmt.Fprintf(&b, "task %s\n", id)
	for _, l := range all {
		fmt.Fprintf(&b, "  %s  %-12s %-10s %s\n", l.At.Format("15:04:05.000000"), l.ledger, l.Kind, l.Note)
	}
	return b.String(), nil
}
