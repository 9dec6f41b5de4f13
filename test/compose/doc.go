// Package compose tries the system of deploy/docker-compose.yml from outside, as its users have it: in containers, with a
// service in Go and one in Python that publish. It needs Docker and python3 with pika; `make compose-test` runs it, and
// `make test` does not.
package compose
