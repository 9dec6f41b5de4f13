package broker

import (
	"net"
	"sync"
	"time"

	"github.com/warrener/warrener/internal/broker/wire"
)

// full is how many bytes may wait before consumers get nothing more for the moment.
const full = 1 << 20

// lastWords is how long the rest of an output may take when its connection ends.
const lastWords = time.Second

// output gathers what a connection has to send; one goroutine writes it.
type output struct {
	socket  net.Conn
	timeout time.Duration // of one write
	drained func()        // called by the writing goroutine when there is room again
	dead    chan struct{} // closed when nothing is added any more

	mu      sync.Mutex
	changed *sync.Cond // buf, held or ended changed
	buf     []byte
	spare   []byte
	writing int         // bytes that are being written
	last    bool        // the socket is closed after what is there
	held    bool        // nothing is written for now
	ended   bool        // nothing is added any more
	broken  bool        // nothing is written any more
	added   bool        // something, since the last heartbeat was due
	hungry  bool        // a consumer was refused
	beat    *time.Timer // nil: no heartbeats
}

func newOutput(socket net.Conn, timeout time.Duration, drained func()) *output {
	o := &output{socket: socket, timeout: timeout, drained: drained, dead: make(chan struct{})}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// add appends frames; after the end it does nothing.
func (o *output) add(frames func(b []byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || o.broken {
		return
	}
	o.buf = frames(o.buf)
	o.added = true
	o.changed.Broadcast()
}

// isFull says whether a consumer has to wait. Then drained is called when it need not.
func (o *output) isFull() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.buf)+o.writing < full {
		return false
	}
	o.hungry = true
	return true
}

// room waits until less than so many bytes wait to be written.
func (o *output) room(limit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf)+o.writing >= limit && !o.broken {
		o.changed.Wait()
	}
}

// run writes until the output has ended and is empty, or a write fails.
func (o *output) run() {
	for {
		p, timeout := o.take()
		if len(p) == 0 {
			o.finish()
			return
		}
		_ = o.socket.SetWriteDeadline(time.Now().Add(timeout)) // a closed socket says so at the write
		_, err := o.socket.Write(p)
		if o.written(p, err != nil) {
			o.drained()
		}
		if err != nil {
			_ = o.socket.Close() // which ends reading as well
			return
		}
	}
}

// take waits for something to write; there is none when there will be no more.
func (o *output) take() ([]byte, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (len(o.buf) == 0 || o.held) && !o.ended && !o.broken {
		o.changed.Wait()
	}
	if o.broken {
		return nil, 0
	}
	p := o.buf
	o.buf, o.spare = o.spare[:0], nil
	o.writing = len(p)
	return p, o.timeout
}

// written says whether a consumer waits for the room there is.
func (o *output) written(p []byte, failed bool) (resume bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = 0
	if failed {
		o.kill()
	}
	if cap(p) <= 2*full {
		o.spare = p
	}
	resume = o.hungry && len(o.buf) < full/2
	if resume {
		o.hungry = false
	}
	o.changed.Broadcast()
	return resume
}

// heartbeats begins to send a frame whenever nothing else was sent for so long.
func (o *output) heartbeats(every time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.beat = time.AfterFunc(every, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.ended || o.broken {
			return
		}
		if !o.added && len(o.buf) == 0 && o.writing == 0 {
			o.buf = wire.AppendHeartbeat(o.buf)
			o.changed.Broadcast()
		}
		o.added = false
		o.beat.Reset(every)
	})
}

// hold writes nothing for a while: a slow network.
func (o *output) hold(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
	time.AfterFunc(d, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.held = false
		o.changed.Broadcast()
	})
}

// end lets out what is there, for a moment, and no more.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.bury()
	o.timeout = min(o.timeout, lastWords)
	if o.beat != nil {
		o.beat.Stop()
	}
	_ = o.socket.SetWriteDeadline(time.Now().Add(lastWords)) // of a write that hangs; a closed socket has none
	o.changed.Broadcast()
}

// hangUp lets out what is there, and closes the socket.
func (o *output) hangUp() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended, o.last = true, true
	o.bury()
	o.changed.Broadcast()
}

// finish closes the socket if that is wanted.
func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last {
		_ = o.socket.Close() // which ends reading as well
	}
}

// breakOff writes nothing more.
func (o *output) breakOff() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kill()
	o.changed.Broadcast()
}

func (o *output) kill() {
	o.broken = true
	o.bury()
}

// bury says that nothing is added any more.
func (o *output) bury() {
	select {
	case <-o.dead:
	default:
		close(o.dead)
	}
}
