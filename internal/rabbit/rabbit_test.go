package rabbit

import (
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts  Options
		given bool
		want  []Kind
	}{
		"nothing said":              {Options{}, false, []Kind{Docker, Installed}},
		"a broker is given":         {Options{}, true, []Kind{URL}},
		"given, but an own is due":  {Options{Own: true}, true, []Kind{Docker, Installed}},
		"given, but one kind asked": {Options{Kind: Installed}, true, []Kind{Installed}},
		"the given one asked":       {Options{Kind: URL}, false, []Kind{URL}},
	} {
		if got := candidates(test.opts, test.given); !slices.Equal(got, test.want) {
			t.Errorf("%s: candidates = %q, want %q", name, got, test.want)
		}
	}
}

func TestFindSaysWhatWasTriedAndWhatHelps(t *testing.T) {
	t.Parallel()
	_, err := Find(t.Context(), Options{Kind: "podman"})
	for _, want := range []string{"podman: unknown kind", "AMQP_URL", "RABBITMQ_MANAGEMENT_URL", "docker pull", "apt-get"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
