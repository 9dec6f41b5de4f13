package main

import (
	"fmt"
	"strconv"
	"strings"
)

// seeds is a range of seeds, both ends included.
type seeds struct{ first, last uint64 }

// parseSeeds reads "1-1000", or "17" for 17-17.
func parseSeeds(text string) (seeds, error) {
	low, high, found := strings.Cut(text, "-")
	if !found {
		high = low
	}
	first, err := strconv.ParseUint(low, 10, 64)
	if err != nil {
		return seeds{}, fmt.Errorf("seeds %q are not like 1-1000", text)
	}
	last, err := strconv.ParseUint(high, 10, 64)
	if err != nil || last < first {
		return seeds{}, fmt.Errorf("seeds %q are not like 1-1000", text)
	}
	return seeds{first, last}, nil
}

func (s seeds) count() int { return int(s.last - s.first + 1) }
