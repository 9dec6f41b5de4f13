package warrener_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

// What a program outside of this module can name is a promise: a change of it is to be seen in review.
func TestPublicAPI(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	dirs := []string{"."}
	for _, file := range files {
		dirs = append(dirs, filepath.Dir(file))
	}
	var api strings.Builder
	for _, dir := range slices.Compact(dirs) {
		writePackage(t, &api, dir)
	}
	golden := filepath.Join("testdata", "api.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(api.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := api.String(); got != string(want) {
		t.Errorf("the public API has changed; if that is meant, run `make generate`:\n%s", firstDifference(string(want), got))
	}
}

// writePackage writes what the package in dir exports, without comments and in the order of its text.
func writePackage(t *testing.T, api *strings.Builder, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var decls []string
	fset := token.NewFileSet()
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		name = file.Name.Name
		decls = append(decls, exported(t, fset, file)...)
	}
	if name == "" || name == "main" {
		return
	}
	slices.Sort(decls)
	fmt.Fprintf(api, "package %s // %s\n\n%s\n\n", name, dir, strings.Join(decls, "\n"))
}

func exported(t *testing.T, fset *token.FileSet, file *ast.File) []string {
	t.Helper()
	if !ast.FileExports(file) {
		return nil
	}
	var decls []string
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			d.Body = nil
			decls = append(decls, source(t, fset, d))
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if d.Tok != token.IMPORT {
					decls = append(decls, d.Tok.String()+" "+source(t, fset, spec))
				}
			}
		}
	}
	return decls
}

func source(t *testing.T, fset *token.FileSet, node any) string {
	t.Helper()
	var text bytes.Buffer
	if err := printer.Fprint(&text, fset, node); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func firstDifference(want, got string) string {
	wanted, gotten := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(wanted), len(gotten)) {
		if wanted[i] != gotten[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, wanted[i], gotten[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(gotten), len(wanted))
}
