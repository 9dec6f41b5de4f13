package warrener_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/warrener/warrener"
)

func ExampleMux() {
	mux := warrener.NewMux()
	mux.Handle(SendEmail.Handler(func(_ context.Context, e Email) error {
		fmt.Println("to", e.To)
		return nil
	}))
	mux.Handle("thumbnail", warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		fmt.Printf("thumbnail of %s\n", d.Payload)
		return nil
	}))

	// What a worker does with each delivery:
	ctx := context.Background()
	for _, d := range []*warrener.Delivery{
		{Name: "email.send", Payload: []byte(`{"to":"ann@example.com"}`)},
		{Name: "thumbnail", Payload: []byte("/photos/1.jpg")},
		{Name: "thumbnial", Payload: []byte("/photos/2.jpg")},
	} {
		if err := mux.HandleTask(ctx, d); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(mux.Names())
	// Output:
	// to ann@example.com
	// thumbnail of /photos/1.jpg
	// unknown task: "thumbnial"
	// [email.send thumbnail]
}

// The default handler takes what no other does: tasks of any name, and plain AMQP messages, which have none.
func ExampleMux_Default() {
	mux := warrener.NewMux()
	mux.Default(warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		fmt.Printf("%q: %s\n", d.Name, d.Payload)
		return nil
	}))
	err := mux.HandleTask(context.Background(), &warrener.Delivery{Payload: []byte("Hello World!")})
	fmt.Println(err)
	// Output:
	// "": Hello World!
	// <nil>
}

func ExampleMux_Use() {
	layer := func(name string) warrener.Middleware {
		return func(next warrener.Handler) warrener.Handler {
			return warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
				fmt.Println(name, "before", d.Name)
				err := next.HandleTask(ctx, d)
				fmt.Println(name, "after", d.Name)
				return err
			})
		}
	}
	mux := warrener.NewMux()
	mux.Use(layer("first"), layer("second"))
	mux.Handle(SendEmail.Handler(func(context.Context, Email) error { return nil }))

	err := mux.HandleTask(context.Background(), &warrener.Delivery{Name: "email.send", Payload: []byte(`{}`)})
	fmt.Println(err)
	// Output:
	// first before email.send
	// second before email.send
	// second after email.send
	// first after email.send
	// <nil>
}

// A middleware that makes a certain error permanent, whatever handler it comes from.
func ExampleMiddleware() {
	errGone := errors.New("customer is gone")
	giveUp := func(next warrener.Handler) warrener.Handler {
		return warrener.HandlerFunc(func(ctx context.Context, d *warrener.Delivery) error {
			err := next.HandleTask(ctx, d)
			if errors.Is(err, errGone) {
				return warrener.Permanent(err)
			}
			return err
		})
	}
	mux := warrener.NewMux()
	mux.Use(giveUp)
	mux.Handle(SendEmail.Handler(func(_ context.Context, e Email) error {
		return fmt.Errorf("send to %s: %w", e.To, errGone)
	}))

	err := mux.HandleTask(context.Background(), &warrener.Delivery{Name: "email.send", Payload: []byte(`{"to":"ann"}`)})
	fmt.Println(err)
	// Output: send to ann: customer is gone
}

// mailer is a handler with state of its own.
type mailer struct {
	from string
	out  io.Writer
}

func (m *mailer) HandleTask(_ context.Context, d *warrener.Delivery) error {
	_, err := fmt.Fprintf(m.out, "attempt %d from %s\n", d.Attempt, m.from)
	return err
}

func ExampleHandler() {
	mux := warrener.NewMux()
	mux.Handle("email.send", &mailer{from: "shop@example.com", out: os.Stdout})

	err := mux.HandleTask(context.Background(), &warrener.Delivery{Name: "email.send", Attempt: 1})
	fmt.Println(err)
	// Output:
	// attempt 1 from shop@example.com
	// <nil>
}

func ExampleHandlerFunc() {
	shout := warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		fmt.Printf("%s!\n", d.Payload)
		return nil
	})
	err := shout.HandleTask(context.Background(), &warrener.Delivery{Payload: []byte("hello")})
	fmt.Println(err)
	// Output:
	// hello!
	// <nil>
}

// A task may run twice. Its id is the same each time, so that a repetition can be recognised.
func ExampleDeliveryFrom() {
	sent := map[string]bool{} // in earnest a table with a unique key
	_, send := SendEmail.Handler(func(ctx context.Context, e Email) error {
		id := warrener.DeliveryFrom(ctx).ID
		if sent[id] {
			fmt.Println("sent before")
			return nil
		}
		fmt.Println("to", e.To)
		sent[id] = true
		return nil
	})
	d := &warrener.Delivery{ID: "42", Payload: []byte(`{"to":"ann@example.com"}`)}
	for range 2 {
		if err := send.HandleTask(context.Background(), d); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// to ann@example.com
	// sent before
}

func ExamplePermanent() {
	_, send := SendEmail.Handler(func(_ context.Context, e Email) error {
		if e.To == "" {
			return warrener.Permanent(errors.New("nobody to send it to"))
		}
		return nil
	})
	err := send.HandleTask(context.Background(), &warrener.Delivery{Payload: []byte(`{}`)})
	fmt.Println(err)
	// Output: nobody to send it to
}

func ExampleRetryAfter() {
	_, send := SendEmail.Handler(func(context.Context, Email) error {
		return warrener.RetryAfter(30*time.Second, errors.New("the mail server asks for patience"))
	})
	err := send.HandleTask(context.Background(), &warrener.Delivery{Payload: []byte(`{}`)})
	fmt.Println(err)
	// Output: the mail server asks for patience
}

func ExampleMalformed() {
	count := warrener.HandlerFunc(func(_ context.Context, d *warrener.Delivery) error {
		var words []string
		if err := json.Unmarshal(d.Payload, &words); err != nil {
			return warrener.Malformed(err)
		}
		fmt.Println(len(words))
		return nil
	})
	err := count.HandleTask(context.Background(), &warrener.Delivery{Payload: []byte("Hello World!")})
	fmt.Println(errors.Is(err, warrener.ErrMalformed), err)
	// Output: true malformed task: invalid character 'H' looking for beginning of value
}
