// Package warrenertest is for the tests of programs that use Warrener: an AMQP broker in the test's own process, which the real
// [warrener.Client] and [warrener.Worker] talk to, without network and without Docker.
//
// Inside of a bubble of [testing/synctest] time is virtual as well: a retry after an hour takes milliseconds.
//
//	func TestReminder(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			broker := warrenertest.NewBroker(t)
//			_, err := SendReminder.Publish(t.Context(), broker.Client(t, "reminders"), Reminder{To: "ann"}, warrener.Delay(time.Hour))
//			…
//			broker.RunUntilEmpty(t, warrener.WorkerConfig{Queues: []warrener.Queue{{Name: "reminders"}}, Handler: mux})
//			if dead := broker.DeadLetters("reminders"); len(dead) > 0 {
//				t.Errorf("dead letters: %v", dead)
//			}
//		})
//	}
//
// The broker does what RabbitMQ 4.3 does, as far as Warrener needs it. It is for tests: it forgets everything when it ends.
package warrenertest
