package broker

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// handshake is all up to connection.open-ok.
func (c *connection) handshake() error {
	_ = c.socket.SetReadDeadline(time.Now().Add(c.broker.limits.Handshake)) // a closed socket says so at the read
	if err := c.reader.ReadProtocolHeader(); err != nil {
		if err == wire.ErrProtocol { //nolint:errorlint // it comes as it is
			c.out.add(wire.AppendProtocolHeader)
		}
		return err
	}
	c.send(0, &wire.ConnectionStart{VersionMinor: 9, ServerProperties: serverProperties(), Mechanisms: "PLAIN", Locales: "en_US"})
	user, err := c.login()
	if err != nil {
		return err
	}
	if err := c.tune(); err != nil {
		return err
	}
	return c.open(user)
}

func serverProperties() wire.Table {
	return wire.Table{
		"product": "Warrener development broker", "version": "4.3.0", "platform": "Go",
		"information": "for development and tests: everything is in memory",
		"capabilities": wire.Table{
			"publisher_confirms": true, "exchange_exchange_bindings": true, "basic.nack": true, "consumer_cancel_notify": true,
			"connection.blocked": true, "consumer_priorities": true, "authentication_failure_close": true, "per_consumer_qos": true,
		},
	}
}

// next reads the next method of the handshake.
func next[M wire.Method](c *connection) (M, error) {
	var none M
	for {
		f, err := c.reader.Read()
		if err != nil {
			return none, err
		}
		if f.Type == wire.FrameHeartbeat {
			continue
		}
		if f.Type != wire.FrameMethod || f.Channel != 0 {
			return none, unexpected(f)
		}
		m, err := wire.DecodeMethod(f.Payload)
		if err != nil {
			return none, err
		}
		if err, cut := c.fault(m.ID().String()); cut {
			return none, err
		}
		wanted, ok := m.(M)
		if !ok {
			return none, &wire.Error{Code: wire.CommandInvalid, Text: "COMMAND_INVALID - unexpected method " + m.ID().String() + " in the handshake"}
		}
		return wanted, nil
	}
}

// login checks user and password. Only a client that says it would understand is told why it is refused.
func (c *connection) login() (user string, err error) {
	m, err := next[*wire.ConnectionStartOk](c)
	if err != nil {
		return "", err
	}
	capabilities, _ := m.ClientProperties["capabilities"].(wire.Table)
	understands := func(what string) bool { b, _ := capabilities[what].(bool); return b }
	c.cancels, c.blockable = understands("consumer_cancel_notify"), understands("connection.blocked")
	if m.Mechanism != "PLAIN" {
		return "", &wire.Error{Code: wire.NotAllowed, Text: "NOT_ALLOWED - unknown authentication mechanism '" + m.Mechanism + "'"}
	}
	name, _ := m.ClientProperties["connection_name"].(string)
	parts := strings.Split(m.Response, "\x00")
	if len(parts) == 3 && c.broker.knows(parts[1], parts[2]) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.info.Name, c.info.User = name, parts[1]
		return parts[1], nil
	}
	refused := &wire.Error{Code: wire.AccessRefused, Text: "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. " +
		"For details see the broker logfile."}
	if !understands("authentication_failure_close") {
		return "", fmt.Errorf("hung up: %s", refused.Text)
	}
	return "", refused
}

func (b *Broker) knows(user, password string) bool {
	want, ok := b.users[user]
	return ok && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

// tune proposes limits and takes the client's, where they are no more than that.
func (c *connection) tune() error {
	limits := c.broker.limits
	c.send(0, &wire.ConnectionTune{ChannelMax: limits.Channels, FrameMax: limits.FrameMax, Heartbeat: uint16(limits.Heartbeat / time.Second)})
	m, err := next[*wire.ConnectionTuneOk](c)
	if err != nil {
		return err
	}
	if m.ChannelMax == 0 {
		m.ChannelMax = limits.Channels
	}
	if m.FrameMax == 0 {
		m.FrameMax = limits.FrameMax
	}
	switch {
	case m.ChannelMax > limits.Channels:
		return notAllowed("negotiated channel_max = %d is higher than the maximum allowed value (%d)", m.ChannelMax, limits.Channels)
	case m.FrameMax > limits.FrameMax:
		return notAllowed("negotiated frame_max = %d is higher than the maximum allowed value (%d)", m.FrameMax, limits.FrameMax)
	case m.FrameMax < wire.MinFrameMax:
		return notAllowed("negotiated frame_max = %d is lower than the minimum allowed value (%d)", m.FrameMax, wire.MinFrameMax)
	}
	c.channelMax, c.frameMax = m.ChannelMax, m.FrameMax
	c.reader.SetFrameMax(m.FrameMax)
	if interval := time.Duration(m.Heartbeat) * time.Second; interval > 0 {
		c.silence = 2 * interval
		c.out.heartbeats(interval / 2)
	}
	return nil
}

func notAllowed(format string, args ...any) *wire.Error {
	return &wire.Error{Code: wire.NotAllowed, Text: "NOT_ALLOWED - " + fmt.Sprintf(format, args...)}
}

func (c *connection) open(user string) error {
	m, err := next[*wire.ConnectionOpen](c)
	if err != nil {
		return err
	}
	v := c.broker.Vhost(m.VirtualHost)
	if v == nil {
		return notAllowed("vhost %s not found", m.VirtualHost)
	}
	c.owner = v.Connect(user)
	c.mu.Lock()
	c.info.Vhost = m.VirtualHost
	c.mu.Unlock()
	_ = c.socket.SetReadDeadline(time.Time{}) // a closed socket says so at the read
	c.send(0, &wire.ConnectionOpenOk{})
	c.log.Debug("connection open", "user", user, "vhost", m.VirtualHost)
	return nil
}
