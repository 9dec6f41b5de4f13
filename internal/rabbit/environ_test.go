package rabbit

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestManagementURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ amqp, given, want string }{
		{"amqp://guest:guest@127.0.0.1:5672/", "", "http://127.0.0.1:15672"},
		{"amqp://rabbit.example.com", "", "http://rabbit.example.com:15672"},
		{"amqp://u:p@[::1]:5673/v", "", "http://[::1]:15672"},
		{"amqps://rabbit.example.com/", "", "https://rabbit.example.com:15671"},
		{"amqp://a:5672", "http://b:8080", "http://b:8080"},
		{"amqp://a:5672", "https://u:p@b/rabbit/", "https://u:p@b/rabbit"},
	} {
		got, err := managementURL(test.amqp, test.given)
		if err != nil || got != test.want {
			t.Errorf("managementURL(%q, %q) = %q, %v, want %q", test.amqp, test.given, got, err, test.want)
		}
	}
}

func TestURLErrorsKeepThePassword(t *testing.T) {
	t.Parallel()
	for _, urls := range [][2]string{
		{"amqp://u:s3cret@a:port", ""},
		{"u:s3cret@a", ""},
		{"amqp://a", "http://u:s3cret@b:port"},
	} {
		_, err := managementURL(urls[0], urls[1])
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("managementURL(%q, %q): error %v", urls[0], urls[1], err)
		}
	}
}

func TestBrokerIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	b := &Broker{URL: "amqp://ann:s3cret@127.0.0.1:5672/", Version: "4.3.6", Kind: Docker}
	if got, want := b.String(), "RabbitMQ 4.3.6 (docker), amqp://127.0.0.1:5672/"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestVhostURL(t *testing.T) {
	t.Parallel()
	got, err := vhostURL("amqps://guest:guest@h:5671/old", "a/b c", url.UserPassword("a/b c", "p"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "amqps://a%2Fb%20c:p@h:5671/a%2Fb%20c"; got != want {
		t.Errorf("vhostURL = %q, want %q", got, want)
	}
}

func TestEnvironOfABrokerThatIsNotOursSaysNothingOfItsKind(t *testing.T) {
	t.Parallel()
	b := &Broker{URL: "amqp://h/", ManagementURL: "http://h:15672", Version: "4.3.6", Kind: URL}
	want := []string{"AMQP_URL=amqp://h/", "RABBITMQ_MANAGEMENT_URL=http://h:15672", "WARRENER_BROKER_VERSION=4.3.6"}
	if got := b.Environ(); !slices.Equal(got, want) {
		t.Errorf("Environ() = %q, want %q", got, want)
	}
}

func TestNodeEnvIsPrivate(t *testing.T) {
	t.Parallel()
	p := ports{AMQP: 1, Management: 2, Prometheus: 3, Dist: 4, Epmd: 5}
	got := nodeEnv("/n", "/bin", p)
	for _, want := range []string{
		"HOME=/n", "PATH=/bin", "RABBITMQ_NODENAME=rabbit-1@localhost", "RABBITMQ_NODE_PORT=1", "RABBITMQ_DIST_PORT=4", "ERL_EPMD_PORT=5",
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "ERL_EPMD_ADDRESS=127.0.0.1",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, variable := range got { // whatever is a path is below the node's directory
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(value, "/") && name != "PATH" && !strings.HasPrefix(value, "/n") {
			t.Errorf("%s points out of the node's directory", variable)
		}
	}
	for _, line := range []string{"management.tcp.ip = 127.0.0.1", "management.tcp.port = 2", "prometheus.tcp.ip = 127.0.0.1", "prometheus.tcp.port = 3"} {
		if !strings.Contains(nodeConfig(p), line+"\n") {
			t.Errorf("the configuration lacks %q", line)
		}
	}
}
