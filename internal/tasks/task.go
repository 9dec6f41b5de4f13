package tasks

import (
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Message is a task as it stands on the wire: AMQP's basic properties, headers and body, but not AMQP itself.
type Message struct {
	ID, Type, ContentType, ContentEncoding, CorrelationID, ReplyTo, AppID string

	Priority  uint8
	Timestamp time.Time
	Headers   map[string]any // nil on a plain task
	Body      []byte
	Origin    Origin // how it was received; zero for a message to be published
}

// Origin is where a message was received.
type Origin struct {
	Queue       string
	Consumer    string
	Tag         uint64 // the delivery tag
	Redelivered bool
}

// Task is a message understood.
type Task struct {
	ID, Name      string
	Queue         string // where it is to go, or where it was received from
	Payload       []byte
	ContentType   string
	CorrelationID string
	ReplyTo       string
	AppID         string
	Priority      uint8
	Headers       map[string]any // the user's own: neither ours, nor the broker's, nor the trace context

	Attempt     int           // 1 or more
	MaxAttempts int           // 0: not stated
	Timeout     time.Duration // 0: not stated
	Backoff     Backoff       // zero: not stated

	CreatedAt   time.Time // from the UUIDv7, else the timestamp; zero if unknown
	PublishedAt time.Time // of this attempt
	NotBefore   time.Time // zero: not delayed
	ExpiresAt   time.Time // zero: never

	TraceParent, TraceState string

	Redelivered   bool
	DeliveryCount int // how often the broker saw it come back
}

// DueAt is the later of PublishedAt and NotBefore: how long the task has waited is counted from here.
func (t Task) DueAt() time.Time {
	if t.NotBefore.After(t.PublishedAt) {
		return t.NotBefore
	}
	return t.PublishedAt
}

// Limits of a message. They are held when a task is published, and again when it is received, since anyone can publish.
const (
	DefaultMaxBody = 1 << 20  // of the body, unless told otherwise
	HardMaxBody    = 16 << 20 // RabbitMQ 4 closes the channel of a publisher that exceeds it
	MaxHeaders     = 16 << 10 // of all headers together, as AMQP encodes them

	maxShort    = 255 // of a property or a header's name: AMQP's short string
	maxDepth    = 8   // of tables and arrays in a header
	maxAttempts = 1_000_000
	maxTimeout  = 365 * 24 * time.Hour
	maxWait     = (1<<32 - 1) * 100 * time.Millisecond // what the delay levels can count
)

var (
	// ErrTooLarge means that a body or the headers are over the limit.
	ErrTooLarge = errors.New("task too large")
	// ErrInvalid means that a task may not be published as it is.
	ErrInvalid = errors.New("invalid task")
)

func bodyLimit(maxBody int) int {
	if maxBody <= 0 {
		return DefaultMaxBody
	}
	return min(maxBody, HardMaxBody)
}

// NewID returns a new task id, a UUIDv7: it holds the millisecond in which it was made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// idTime returns the time that a UUIDv7 holds, and false for any other id.
func idTime(id string) (time.Time, bool) {
	const versionAt = 14
	if len(id) != 36 || id[versionAt] != '7' {
		return time.Time{}, false
	}
	u, err := uuid.Parse(id)
	if err != nil || u.Variant() != uuid.RFC4122 {
		return time.Time{}, false
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC(), true
}

// EnsureID gives a message without an id one made up from its delivery, which is good for as long as the delivery is.
func EnsureID(m *Message) { m.ID = m.id() }

func (m *Message) id() string {
	if m.ID != "" || m.Origin == (Origin{}) {
		return m.ID
	}
	tag := "." + strconv.FormatUint(m.Origin.Tag, 10)
	return cut(m.Origin.Consumer, maxShort-len(tag)) + tag
}
