// Bare does what a worker does with tasks that sleep for a second, on the AMQP client alone: it is what the worker is
// compared with. It takes as many messages as it is told, all at once, acks each after a second, says so, and ends.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// calm is how long the channel is left open after its last ack: the broker forgets acks that it has not applied.
const calm = 250 * time.Millisecond

func main() {
	if err := run(os.Getenv("WARRENER_URL"), os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(url, queue, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	conn, err := amqp.Dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(n, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queue, "bare", false, false, false, false, nil)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for range n {
		d := <-deliveries
		running.Go(func() {
			time.Sleep(time.Second)
			if err := d.Ack(false); err != nil {
				log.Print(err)
			}
		})
	}
	running.Wait()
	if err := ch.Cancel("bare", false); err != nil { // which the broker answers when it has seen the acks
		return err
	}
	fmt.Println("acked")
	time.Sleep(calm)
	return ch.Close()
}
