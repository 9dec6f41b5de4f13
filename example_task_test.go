package warrener_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrener/warrener"
)

// Email is the payload of SendEmail.
type Email struct {
	To string `json:"to"`
}

// SendEmail is shared by the program that publishes and the worker that runs.
var SendEmail = warrener.Define[Email]("email.send", warrener.OnQueue("emails"))

func ExampleDefine() {
	task, err := SendEmail.Task(Email{To: "ann@example.com"})
	fmt.Println(task.Name, task.Queue, string(task.Payload), err)
	// Output: email.send emails {"to":"ann@example.com"} <nil>
}

func ExampleDefinition_Publish() {
	publish := func(ctx context.Context, client *warrener.Client) error {
		id, err := SendEmail.Publish(ctx, client, Email{To: "ann@example.com"}, warrener.Delay(time.Minute))
		if err != nil {
			return err
		}
		fmt.Println("the broker has task", id)
		return nil
	}
	_ = publish
}

func ExampleDefinition_Task() {
	publish := func(ctx context.Context, client *warrener.Client, addresses []string) error {
		var tasks []warrener.Task
		for _, address := range addresses {
			task, err := SendEmail.Task(Email{To: address}, warrener.OnQueue("bulk"))
			if err != nil {
				return err
			}
			tasks = append(tasks, task)
		}
		for i, result := range client.PublishMany(ctx, tasks) {
			if result.Err != nil {
				fmt.Println("not accepted:", addresses[i], result.Err)
			}
		}
		return nil
	}
	_ = publish
}

func ExampleDefinition_Handler() {
	mux := warrener.NewMux()
	mux.Handle(SendEmail.Handler(func(_ context.Context, e Email) error {
		fmt.Println("to", e.To)
		return nil
	}))

	// What a worker does with a delivery:
	err := mux.HandleTask(context.Background(), &warrener.Delivery{
		Name:    "email.send",
		Payload: []byte(`{"to":"ann@example.com"}`),
	})
	fmt.Println(err)
	// Output:
	// to ann@example.com
	// <nil>
}

// Options hold for all tasks of a definition, or for one.
func Example_options() {
	report := warrener.Define[int]("report.build",
		warrener.OnQueue("reports"),
		warrener.MaxAttempts(5),
		warrener.Timeout(10*time.Minute),
		warrener.RetryBackoff(time.Second, time.Minute),
	)
	task, err := report.Task(2026,
		warrener.Priority(7),
		warrener.Header("tenant", "acme"),
		warrener.MaxAttempts(1),
	)
	fmt.Println(task.Queue, task.MaxAttempts, task.Timeout, task.Backoff, task.Priority, task.Headers, err)
	// Output: reports 1 10m0s 1s..1m 7 map[tenant:acme] <nil>
}

// An option is a function on the task: programs write their own.
func Example_ownOption() {
	forTenant := func(tenant string) func(*warrener.Task) {
		return func(t *warrener.Task) {
			t.Queue = "emails." + tenant
			warrener.Header("tenant", tenant)(t)
		}
	}
	task, err := SendEmail.Task(Email{To: "ann@example.com"}, forTenant("acme"))
	fmt.Println(task.Queue, task.Headers, err)
	// Output: emails.acme map[tenant:acme] <nil>
}

func ExampleAt() {
	var task warrener.Task
	warrener.At(time.Date(2026, time.December, 24, 18, 0, 0, 0, time.UTC))(&task)
	fmt.Println(task.NotBefore)
	// Output: 2026-12-24 18:00:00 +0000 UTC
}

func ExampleTask() {
	publish := func(ctx context.Context, client *warrener.Client) error {
		_, err := client.Publish(ctx, warrener.Task{
			Name:        "thumbnail",
			Queue:       "images",
			Payload:     []byte("/photos/1.jpg"),
			ContentType: "text/plain",
		})
		return err
	}
	_ = publish
}

func ExampleParseBackoff() {
	backoff, err := warrener.ParseBackoff("500ms..1h")
	fmt.Println(backoff.Min, backoff.Max, err)
	// Output: 500ms 1h0m0s <nil>
}

// With an id of its own, a task can be published again until it is certain that the broker has it.
func ExampleID() {
	publish := func(ctx context.Context, client *warrener.Client, order string) error {
		for ctx.Err() == nil {
			_, err := SendEmail.Publish(ctx, client, Email{To: "ann@example.com"}, warrener.ID("receipt-"+order))
			if !errors.Is(err, warrener.ErrUnknownOutcome) {
				return err
			}
		}
		return ctx.Err()
	}
	_ = publish
}
