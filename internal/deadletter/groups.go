package deadletter

import (
	"cmp"
	"slices"
	"time"
)

// Group is what the dead letters of one task and one reason have in common.
type Group struct {
	Task   string    `json:"task"`
	Reason string    `json:"reason"`
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	ID     string    `json:"id"` // of the newest
	Error  string    `json:"error,omitempty"`
}

// Groups counts dead letters by task and reason.
type Groups struct {
	Total  int
	groups map[groupKey]*Group
}

type groupKey struct{ task, reason string }

// maxGroups bounds what names that somebody makes up for each message can cost.
const (
	maxGroups = 1000
	Others    = "(others)" // the task of the groups beyond
)

// Add counts a dead letter.
func (g *Groups) Add(l *Letter) {
	g.Total++
	key := groupKey{l.Task, l.Reason}
	group := g.groups[key]
	if group == nil && len(g.groups) >= maxGroups {
		key.task = Others
		group = g.groups[key]
	}
	if group == nil {
		if g.groups == nil {
			g.groups = map[groupKey]*Group{}
		}
		group = &Group{Task: key.task, Reason: key.reason}
		g.groups[key] = group
	}
	group.add(l)
}

func (g *Group) add(l *Letter) {
	g.Count++
	if !l.Died.IsZero() && (g.Oldest.IsZero() || l.Died.Before(g.Oldest)) {
		g.Oldest = l.Died
	}
	if g.ID == "" || !l.Died.Before(g.Newest) {
		g.Newest, g.ID, g.Error = l.Died, l.ID, l.Error
	}
}

// List returns the groups, the largest first.
func (g *Groups) List() []Group {
	list := make([]Group, 0, len(g.groups))
	for _, group := range g.groups {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Task, b.Task), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}
