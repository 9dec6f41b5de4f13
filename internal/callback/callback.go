package callback

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/warrener/warrener"
)

// Defaults of a Config.
const (
	DefaultResponseLimit = 64 << 10
	DefaultConcurrency   = 64
)

// drainPatience is how long the body of an answer may take. The verdict stands by then.
const drainPatience = 5 * time.Second

// Config says which endpoint to call, and how.
type Config struct {
	// URL of the endpoint, http or https.
	URL string

	// Timeout bounds one call; by default only the task's own timeout does.
	Timeout time.Duration

	// Concurrency is how many idle connections are kept for the next call: as many as there are calls at once, or each
	// call opens a new one. DefaultConcurrency by default.
	Concurrency int

	// ResponseLimit is how many bytes of an answer are read; DefaultResponseLimit by default.
	ResponseLimit int64

	// TLS configures https; the system's roots by default. Transport, when set, makes the calls in place of the
	// handler's own, which is then without effect together with TLS and Concurrency.
	TLS       *tls.Config
	Transport http.RoundTripper

	// Log gets a line for each answer, at level debug; slog.Default() by default.
	Log *slog.Logger
}

// Handler calls an HTTP endpoint for each task. It is safe for concurrent use.
type Handler struct {
	url       *url.URL // without the user
	user      *url.Userinfo
	timeout   time.Duration
	limit     int64
	transport http.RoundTripper
	log       *slog.Logger
}

var _ warrener.Handler = (*Handler)(nil)

// New returns the handler of an endpoint. An error is one of the configuration; the endpoint is not called yet.
func New(cfg Config) (*Handler, error) {
	endpoint, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.TLS, cmp.Or(cfg.Concurrency, DefaultConcurrency))
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	h := &Handler{
		user:      endpoint.User,
		url:       endpoint,
		timeout:   cfg.Timeout,
		limit:     cmp.Or(cfg.ResponseLimit, DefaultResponseLimit),
		transport: cfg.Transport,
		log:       cfg.Log.With("component", "callback", "endpoint", endpoint.Scheme+"://"+endpoint.Host),
	}
	h.url.User = nil
	return h, nil
}

// parseURL says nothing of the URL in its errors: what does not parse may be a password in the wrong place.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("callback: not a valid URL (a password in it has to be percent-encoded)")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("callback: the URL has to begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("callback: the URL names no host")
	}
	return u, nil
}

// newTransport has neither a proxy nor cookies, and it decodes nothing, so that what is counted is what was sent.
func newTransport(config *tls.Config, concurrency int) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// HandleTask calls the endpoint once and returns what its answer means for the task.
func (h *Handler) HandleTask(ctx context.Context, d *warrener.Delivery) error {
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.timeout)
		defer cancel()
	}
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := h.request(calling, d)
	if err != nil {
		return warrener.Permanent(err)
	}
	sent := time.Now()
	// No http.Client: it would follow redirects, and put the URL into its errors.
	resp, err := h.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("call %s://%s: %w", h.url.Scheme, h.url.Host, err)
	}
	defer resp.Body.Close()
	h.log.DebugContext(ctx, "callback answered", "task_id", d.ID, "task", d.Name, "queue", d.Queue, "attempt", d.Attempt,
		"status", resp.StatusCode, "took", time.Since(sent))
	patience := time.AfterFunc(drainPatience, cancel)
	defer patience.Stop()
	return verdict(resp, h.read(resp))
}

func (h *Handler) request(ctx context.Context, d *warrener.Delivery) (*http.Request, error) {
	facts := map[string]string{
		"Content-Type":       d.ContentType,
		"Idempotency-Key":    d.ID,
		"Warrener-Task-Id":   d.ID,
		"Warrener-Task-Name": d.Name,
		"Warrener-Queue":     d.Queue,
		"Warrener-Attempt":   strconv.Itoa(d.Attempt),
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url.String(), bytes.NewReader(d.Payload))
	if err != nil {
		return nil, errors.New("the endpoint's URL makes no request")
	}
	for name, value := range facts {
		if !fitsHeader(value) {
			return nil, fmt.Errorf("the task has control characters in what would be the header %s", name)
		}
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	// A broken trace is no reason to lose a task.
	if d.TraceParent != "" && fitsHeader(d.TraceParent+d.TraceState) {
		req.Header.Set("Traceparent", d.TraceParent)
		if d.TraceState != "" {
			req.Header.Set("Tracestate", d.TraceState)
		}
	}
	req.Header.Set("User-Agent", "warrener")
	if h.user != nil {
		password, _ := h.user.Password()
		req.SetBasicAuth(h.user.Username(), password)
	}
	return req, nil
}

// fitsHeader reports whether HTTP can carry the value: a line end in it would begin a header of its own.
func fitsHeader(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// read reads the answer, so that its connection can be used again, and returns its beginning.
func (h *Handler) read(resp *http.Response) []byte {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil // its body is the connection, without an end
	}
	body := io.LimitReader(resp.Body, h.limit)
	beginning, err := io.ReadAll(io.LimitReader(body, excerpt))
	if err == nil {
		io.Copy(io.Discard, body) //nolint:errcheck // the status said it all
	}
	return beginning
}
