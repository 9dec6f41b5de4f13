"""The Celery application that is measured: its task, and what publishes it."""

import json
import mmap
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from celery import Celery

QUEUE = os.environ["BENCH_QUEUE"]
WORDS = 4 + (1 << 14)

app = Celery("measured", broker=os.environ["BENCH_URL"])
app.conf.update(
    task_default_queue=QUEUE,
    task_default_exchange=QUEUE,
    task_default_routing_key=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    worker_disable_rate_limits=True,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "1")),
    broker_pool_limit=16,
    broker_transport_options={"confirm_publish": True},
)


class Tally:
    """Counts tasks in a file that is mapped into memory; see the Go package tally, which reads it."""

    def __init__(self):
        self.pid = os.getpid()
        self.lock = threading.Lock()
        path = os.path.join(os.environ["BENCH_TALLY"], f"{self.pid}.tally")
        with open(path, "w+b") as file:
            file.truncate(8 * WORDS)
            self.words = memoryview(mmap.mmap(file.fileno(), 8 * WORDS)).cast("q")

    def started(self, now, at):
        with self.lock:
            words, n = self.words, self.words[0]
            words[0] = n + 1
            if n == 0:
                words[2] = now
            if at and 4 + n < WORDS:
                words[4 + n] = now - at

    def ended(self, now):
        with self.lock:
            self.words[1] += 1
            self.words[3] = max(self.words[3], now)


tally = None
making = threading.Lock()


def mine():
    """The tally of this process, which may be a fork of the one that imported this module."""
    global tally
    if tally is None or tally.pid != os.getpid():
        with making:
            if tally is None or tally.pid != os.getpid():
                tally = Tally()
    return tally


@app.task
def measured(payload):
    now = time.time_ns()
    mine().started(now, payload["at"])
    if payload["for"]:
        time.sleep(payload["for"] / 1e9)
        now = time.time_ns()
    mine().ended(now)


def fill(count, payload):
    """Each of a few threads waits for its own confirms."""

    def publish(share):
        for _ in range(share):
            measured.delay(payload)

    threads = min(count, 8)
    shares = [count // threads + (i < count % threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(publish, shares):
            pass  # which raises what publish raised


def pace(count, every, payload):
    with app.producer_pool.acquire(block=True) as producer:
        producer.connection.ensure_connection()
    due = time.time_ns()
    for _ in range(count):
        due += every
        time.sleep(max(0, due - time.time_ns()) / 1e9)
        measured.delay(dict(payload, at=time.time_ns()))


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    if order["every"]:
        pace(order["count"], order["every"], order["task"])
    else:
        fill(order["count"], order["task"])
