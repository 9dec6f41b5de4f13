// Package house holds no code. Its test reads the imports of every package of the module and holds
// them against a table, so that the picture of the house and the house stay the same: nothing
// imports upward, and a third-party module is imported by the one package that is there to know it.
//
// The table stands three times: in the test, which judges by it; in .golangci.yml, for depguard; and
// in docs/architecture.md, for the reader. The test holds the three against each other and prints the
// lines it misses. A new package needs a row. A row whose package is gone fails as well: a rule
// that guards nothing is a rule nobody reads.
package house
