package config_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/warrener/warrener/internal/config"
)

func TestManagementAddress(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"nothing", nil, nil, ""},
		{"RabbitMQ's variable", map[string]string{"RABBITMQ_MANAGEMENT_URL": "http://r"}, nil, "http://r"},
		{"ours wins", map[string]string{"RABBITMQ_MANAGEMENT_URL": "http://r", "WARRENER_MANAGEMENT_URL": "http://w"}, nil, "http://w"},
		{"the flag wins", map[string]string{"WARRENER_MANAGEMENT_URL": "http://w"}, []string{"--management-url", "http://f"}, "http://f"},
	} {
		var shared config.Shared
		var m config.Management
		flags := pflag.NewFlagSet("show", pflag.ContinueOnError)
		shared.Flags(flags, slog.LevelInfo)
		m.Flags(flags, "for what AMQP does not tell")
		if err := flags.Parse(tt.args); err != nil {
			t.Fatal(err)
		}
		source := config.Source{Program: "warrener", Getenv: func(name string) string { return tt.env[name] }}
		if err := source.Apply(flags); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Address(); got != tt.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestManagementPasswordOnTheCommandLineWarns(t *testing.T) {
	t.Parallel()

	var m config.Management
	flags := pflag.NewFlagSet("show", pflag.ContinueOnError)
	m.Flags(flags, "")
	if err := flags.Parse([]string{"--management-url", "http://ann:CANARY@h"}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	m.Warn(slog.New(slog.NewTextHandler(&out, nil)))
	if text := out.String(); !strings.Contains(text, "--management-url") || strings.Contains(text, "CANARY") {
		t.Errorf("logged %q", text)
	}
}
