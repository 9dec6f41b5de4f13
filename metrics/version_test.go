package metrics

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()

	const sdk = "github.com/warrener/warrener"
	shop := debug.Module{Path: "example.com/shop", Version: "v7.0.0"}
	tests := map[string]struct {
		build *debug.BuildInfo
		ok    bool
		want  string
	}{
		"no build info":     {build: nil, want: "unknown"},
		"a dependency":      {&debug.BuildInfo{Main: shop, Deps: []*debug.Module{{Path: sdk, Version: "v1.4.0"}}}, true, "v1.4.0"},
		"our own commands":  {&debug.BuildInfo{Main: debug.Module{Path: sdk, Version: "v1.5.0"}}, true, "v1.5.0"},
		"built without VCS": {&debug.BuildInfo{Main: debug.Module{Path: sdk}}, true, "unknown"},
		"not among them":    {&debug.BuildInfo{Main: shop}, true, "unknown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := version(test.build, test.ok); got != test.want {
				t.Errorf("version is %q, want %q", got, test.want)
			}
		})
	}
}
