package subprocess

import (
	"slices"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()

	workers := []string{
		"PATH=/bin", "HOME=/root", "TMPDIR=/t", "LANG=C", "LC_ALL=C.UTF-8", "TZ=UTC",
		"WARRENER_URL=amqp://u:secret@h/", "AMQP_URL=amqp://u:secret@h/", "AWS_SECRET_ACCESS_KEY=secret", "PATHS=x", "LD_PRELOAD=x",
		"CACHE=/c=d",
	}
	clean := workers[:6]
	tests := []struct {
		name        string
		extra, want []string
		err         string
	}{
		{name: "clean", want: clean},
		{name: "handed on", extra: []string{"CACHE"}, want: append(slices.Clone(clean), "CACHE=/c=d")},
		{name: "set", extra: []string{"MODE=a=b", "EMPTY="}, want: append(slices.Clone(clean), "MODE=a=b", "EMPTY=")},
		{name: "not set", extra: []string{"NO_SUCH"}, want: clean},
		{name: "no name", extra: []string{"=x"}, err: "no name"},
		{name: "address", extra: []string{"WARRENER_URL"}, err: "access to the broker"},
		{name: "address file", extra: []string{"AMQP_URL_FILE"}, err: "access to the broker"},
		{name: "address of a cloud", extra: []string{"CLOUDAMQP_URL"}, err: "access to the broker"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := environment(workers, tt.extra)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want something about %q", err, tt.err)
				}
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
