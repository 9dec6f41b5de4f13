package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxBody is the most that any client may publish; its own limit is checked by the client.
const maxBody = 16 << 20

// readJSON reads one JSON value. White space around it is not part of the payload.
func readJSON(name string, from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("payload in %s: more than %d bytes: store the data elsewhere and publish where it is", name, maxBody)
	}
	if err := checkJSON(body); err != nil {
		return nil, fmt.Errorf("payload in %s: %w", name, err)
	}
	return bytes.TrimSpace(body), nil
}

// checkJSON says where text stops to be one JSON value.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	if json.Valid(text) {
		return nil
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("not JSON: empty")
	}
	var value json.RawMessage
	return explainJSON(text, json.Unmarshal(text, &value))
}

// explainJSON adds the place to an error of encoding/json.
func explainJSON(text []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w", err)
	}
	end := min(int(syntax.Offset), len(text))
	before := text[:max(end-1, 0)]
	if line := bytes.Count(before, []byte("\n")) + 1; line > 1 {
		return fmt.Errorf("not JSON: line %d, column %d: %w", line, len(before)-bytes.LastIndexByte(before, '\n'), err)
	}
	return fmt.Errorf("not JSON: byte %d: %w", syntax.Offset, err)
}
