// Package check has only tests: they hold the files of deploy/ against the code, and against the libraries of the programs
// that read them.
package check
