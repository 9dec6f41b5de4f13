package deadletter

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/tasks"
)

// Filter chooses dead letters. Its zero value chooses all.
type Filter struct {
	IDs     []string
	Tasks   []string
	Reasons []string
	Before  time.Time // died before; one that does not say when it died is not chosen
	After   time.Time
	Text    string // in the id, the error or the payload, upper or lower case
}

// Everything says whether nothing is left out.
func (f *Filter) Everything() bool {
	return len(f.IDs)+len(f.Tasks)+len(f.Reasons)+len(f.Text) == 0 && f.Before.IsZero() && f.After.IsZero()
}

// Match says whether a dead letter is chosen.
func (f *Filter) Match(l *Letter, m *tasks.Message) bool {
	switch {
	case len(f.IDs) > 0 && !slices.Contains(f.IDs, l.ID),
		len(f.Tasks) > 0 && !slices.Contains(f.Tasks, l.Task),
		len(f.Reasons) > 0 && !slices.Contains(f.Reasons, l.Reason),
		!f.Before.IsZero() && (l.Died.IsZero() || !l.Died.Before(f.Before)),
		!f.After.IsZero() && !l.Died.After(f.After):
		return false
	}
	return f.Text == "" || f.contains(l.ID) || f.contains(l.Error) || bytes.Contains(bytes.ToLower(m.Body), []byte(strings.ToLower(f.Text)))
}

func (f *Filter) contains(text string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(f.Text))
}
