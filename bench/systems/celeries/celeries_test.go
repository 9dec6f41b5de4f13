package celeries

import (
	"strings"
	"testing"

	"github.com/warrener/warrener/bench/systems"
)

func TestArguments(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		pool, slots int
		want        string
	}{
		{0, systems.Slots, "-P prefork -c 4 -Q q -O fair --prefetch-multiplier 64 "},
		{1, systems.Slots, "-P threads -c 50 -Q q -O fair --prefetch-multiplier 5 "},
		{2, systems.Slots, "-P gevent -c 50 -Q q -O fair --prefetch-multiplier 5 "},
		{2, 10000, "-P gevent -c 10000 -Q q -O fair --prefetch-multiplier 1 "},
	} {
		got := strings.Join(pools()[test.pool].arguments(systems.Config{Queue: "q", Slots: test.slots}), " ")
		if !strings.Contains(got, test.want) {
			t.Errorf("%s with %d slots: %s, want %s", pools()[test.pool].name, test.slots, got, test.want)
		}
	}
}
