package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/warrener/warrener"
)

// entry is a task as a line has it, read and written.
type entry struct {
	Task        string          `json:"task"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	ID          string          `json:"id,omitempty"`
	Queue       string          `json:"queue,omitempty"`
	Delay       duration        `json:"delay,omitempty"`
	At          time.Time       `json:"at,omitzero"`
	Expires     duration        `json:"expires,omitempty"`
	Timeout     duration        `json:"timeout,omitempty"`
	MaxAttempts int             `json:"max_attempts,omitempty"`
	Priority    uint8           `json:"priority,omitempty"`
	Headers     map[string]any  `json:"headers,omitempty"`
}

// duration is one as people write it, "1h30m".
type duration time.Duration

// UnmarshalJSON takes no numbers: nobody could tell whether they are seconds.
func (d *duration) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf(`%s is no duration such as "10s"`, text)
	}
	value, err := time.ParseDuration(s)
	if err != nil || value < 0 {
		return fmt.Errorf(`%q is no duration such as "10s"`, s)
	}
	*d = duration(value)
	return nil
}

// MarshalJSON writes it as it is read.
func (d duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// format says what a line is.
type format struct {
	task  string // the lines are payloads of this task
	text  bool   // and no JSON
	queue string // of tasks that name none
}

// blank says whether the line is to be left out.
func (f format) blank(line []byte) bool { return !f.text && len(bytes.TrimSpace(line)) == 0 }

// entry reads one line. Every task gets its id here, so that what is published again is the same task.
func (f format) entry(line []byte) (entry, error) {
	e, err := f.parse(line)
	if err != nil {
		return entry{}, err
	}
	if e.Task == "" {
		return entry{}, errors.New(`no "task": it says what is to be run; with --task NAME each line is a payload alone`)
	}
	if e.Queue == "" {
		e.Queue = f.queue
	}
	if e.ID == "" {
		e.ID = warrener.NewID()
	}
	return e, nil
}

func (f format) parse(line []byte) (entry, error) {
	if f.text {
		if !utf8.Valid(line) {
			return entry{}, errors.New("not UTF-8")
		}
		payload, err := marshal(string(line))
		return entry{Task: f.task, Payload: payload}, err
	}
	if f.task != "" {
		err := checkJSON(line)
		return entry{Task: f.task, Payload: bytes.TrimSpace(line)}, err
	}
	return parseEntry(line)
}

func parseEntry(line []byte) (entry, error) {
	if err := checkJSON(line); err != nil {
		return entry{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	decoder.UseNumber() // a header of 2^60 stays what it is
	var e entry
	if err := decoder.Decode(&e); err != nil {
		return entry{}, explainField(err)
	}
	for name, value := range e.Headers {
		number, ok := value.(json.Number)
		if !ok {
			continue
		}
		if whole, err := number.Int64(); err == nil {
			e.Headers[name] = whole
		} else if e.Headers[name], err = number.Float64(); err != nil {
			return entry{}, fmt.Errorf("header %q: %w", name, err)
		}
	}
	return e, nil
}

// explainField puts an error of encoding/json into the words of the file.
func explainField(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return fmt.Errorf("%q cannot be: %s", kind.Field, kind.Value)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// task is the entry as the client takes it.
func (e entry) task() warrener.Task {
	t := warrener.Task{
		Name: e.Task, Payload: e.Payload, ID: e.ID, Queue: e.Queue,
		Delay: time.Duration(e.Delay), NotBefore: e.At,
		Timeout: time.Duration(e.Timeout), MaxAttempts: e.MaxAttempts, Priority: e.Priority, Headers: e.Headers,
	}
	if t.Payload == nil {
		t.Payload = []byte("null")
	}
	if e.Expires > 0 {
		t.ExpiresAt = time.Now().Add(time.Duration(e.Expires))
	}
	return t
}

// marshal is json.Marshal without its care for HTML.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}
