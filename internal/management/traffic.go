package management

import (
	"context"
	"encoding/json"
	"fmt"
)

// Counter is something that the broker counts, and how fast that grows. PerSecond is nil where the API gives the count alone.
type Counter struct {
	Total     int
	PerSecond *float64
}

// Traffic is what went through a queue since it was declared, or since its node began to count.
type Traffic struct {
	Published, Delivered, Acked Counter
}

type rate struct {
	PerSecond *float64 `json:"rate"`
}

// traffic reads message_stats, which a queue has once there has been any. A count that is not in it is 0.
func traffic(given json.RawMessage) *Traffic {
	var stats *struct {
		Published     int   `json:"publish"`
		PublishedRate *rate `json:"publish_details"`
		Delivered     int   `json:"deliver_get"`
		DeliveredRate *rate `json:"deliver_get_details"`
		Acked         int   `json:"ack"`
		AckedRate     *rate `json:"ack_details"`
	}
	if json.Unmarshal(given, &stats) != nil || stats == nil { // some versions have a list where there is nothing
		return nil
	}
	return &Traffic{
		Published: counter(stats.Published, stats.PublishedRate),
		Delivered: counter(stats.Delivered, stats.DeliveredRate),
		Acked:     counter(stats.Acked, stats.AckedRate),
	}
}

func counter(total int, r *rate) Counter {
	switch {
	case r != nil:
		return Counter{Total: total, PerSecond: r.PerSecond}
	case total == 0:
		return Counter{PerSecond: new(float64)}
	}
	return Counter{Total: total}
}

// Consumer is a subscription to a queue.
type Consumer struct {
	Queue      string
	Tag        string
	Prefetch   int
	Channel    string // as the broker names it
	Connection string // likewise: addresses and ports
}

// Consumers asks for all consumers of the virtual host.
func (c *Client) Consumers(ctx context.Context) ([]Consumer, error) {
	var answer []struct {
		Tag      string `json:"consumer_tag"`
		Prefetch int    `json:"prefetch_count"`
		Queue    struct {
			Name string `json:"name"`
		} `json:"queue"`
		Channel json.RawMessage `json:"channel_details"` // a list where the channel has just gone
	}
	if err := c.get(ctx, &answer, "consumers", c.vhost); err != nil {
		return nil, fmt.Errorf("ask the management API for the consumers: %w", err)
	}
	list := make([]Consumer, len(answer))
	for i, a := range answer {
		var channel struct {
			Name       string `json:"name"`
			Connection string `json:"connection_name"`
		}
		_ = json.Unmarshal(a.Channel, &channel) // then it has no name
		list[i] = Consumer{
			Queue: a.Queue.Name, Tag: a.Tag, Prefetch: a.Prefetch, Channel: channel.Name, Connection: channel.Connection,
		}
	}
	return list, nil
}

// ChannelsUnacked is how many deliveries each channel has not settled, by the broker's name of it, as far as the user may see
// the virtual host's channels and they are counted.
func (c *Client) ChannelsUnacked(ctx context.Context) (map[string]int, error) {
	var answer []struct {
		Name    string `json:"name"`
		Unacked *int   `json:"messages_unacknowledged"`
	}
	if err := c.get(ctx, &answer, "vhosts", c.vhost, "channels"); err != nil {
		return nil, fmt.Errorf("ask the management API for the channels: %w", err)
	}
	unacked := make(map[string]int, len(answer))
	for _, a := range answer {
		if a.Unacked != nil {
			unacked[a.Name] = *a.Unacked
		}
	}
	return unacked, nil
}

// ConnectionNames is what clients call their connections, by the broker's name, as far as the user may see them.
func (c *Client) ConnectionNames(ctx context.Context) (map[string]string, error) {
	var answer []struct {
		Name  string `json:"name"`
		Given string `json:"user_provided_name"`
	}
	if err := c.get(ctx, &answer, "vhosts", c.vhost, "connections"); err != nil {
		return nil, fmt.Errorf("ask the management API for the connections: %w", err)
	}
	names := make(map[string]string, len(answer))
	for _, a := range answer {
		names[a.Name] = a.Given
	}
	return names, nil
}
