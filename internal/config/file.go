package config

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// file is the configuration as it stands: the keys are names of flags. On top stand those that every program has, each
// program has a section for the rest:
//
//	url: amqps://rabbit.example/production
//	worker:
//	  queue: [emails=3, images]
//	  concurrency: 64
type file struct {
	path string
	top  *yaml.Node
}

// sections are the programs that share one file. What stands in the section of another program is not ours to judge.
func sections() []string { return []string{"producer", "worker", "warrener"} }

func parse(path string, content []byte) (file, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return file{}, fmt.Errorf("%s: %w", path, err)
	}
	f := file{path: path, top: &yaml.Node{Kind: yaml.MappingNode}}
	if len(document.Content) > 0 { // else it is empty
		f.top = document.Content[0]
	}
	if f.top.Kind != yaml.MappingNode {
		return file{}, fmt.Errorf("%s:%d: want a mapping, such as \"log-level: debug\"", path, f.top.Line)
	}
	return f, nil
}

// check says which key no command would read, for it is a mistake that would go unnoticed.
func (c file) check(program string, known []*pflag.Flag) error {
	has := func(name string, shared bool) bool {
		return slices.ContainsFunc(known, func(f *pflag.Flag) bool {
			return f.Name == name && name != "config" && (!shared || f.Annotations[sharedFlag] != nil)
		})
	}
	for key, value := range pairs(c.top) {
		switch {
		case slices.Contains(sections(), key.Value):
			if value.Kind != yaml.MappingNode && value.Tag != "!!null" {
				return fmt.Errorf("%s:%d: %s is a section: its keys stand below it, indented", c.path, key.Line, key.Value)
			}
		case has(key.Value, true):
		case has(key.Value, false):
			return fmt.Errorf("%s:%d: %s belongs into the section %s", c.path, key.Line, key.Value, program)
		default:
			return fmt.Errorf("%s:%d: unknown key %q: the keys are the names of flags, without dashes before them", c.path, key.Line, key.Value)
		}
	}
	for key := range pairs(find(c.top, program)) {
		if !has(key.Value, false) {
			return fmt.Errorf("%s:%d: unknown key %q: no command of %s has such a flag", c.path, key.Line, key.Value, program)
		}
	}
	return nil
}

// fill sets f from the program's section, else from the top when it is shared.
func (c file) fill(f *pflag.Flag, program string) error {
	value := find(find(c.top, program), f.Name)
	if value == nil && f.Annotations[sharedFlag] != nil {
		value = find(c.top, f.Name)
	}
	if value == nil || value.Tag == "!!null" {
		return nil
	}
	var values []string
	switch value.Kind {
	case yaml.ScalarNode:
		values = []string{value.Value}
	case yaml.SequenceNode:
		for _, entry := range value.Content {
			values = append(values, resolve(entry).Value)
		}
	default:
		return fmt.Errorf("%s:%d: %s wants a value or a list", c.path, value.Line, f.Name)
	}
	if err := set(f, values...); err != nil {
		return fmt.Errorf("%s:%d: %s: %w", c.path, value.Line, f.Name, err)
	}
	return nil
}

// find returns the value of key in a mapping; nil when there is none.
func find(mapping *yaml.Node, key string) *yaml.Node {
	for k, value := range pairs(mapping) {
		if k.Value == key {
			return value
		}
	}
	return nil
}

func pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if mapping == nil || mapping.Kind != yaml.MappingNode {
			return
		}
		for pair := range slices.Chunk(mapping.Content, 2) {
			if !yield(pair[0], resolve(pair[1])) {
				return
			}
		}
	}
}

// resolve follows a YAML alias to its anchor.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Alias != nil {
		return n.Alias
	}
	return n
}
