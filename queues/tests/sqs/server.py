"""moto's SQS, on the port of the first argument. Ends when its standard input does."""

import functools
import logging
import os
import sys
import threading
import time

from moto.core import responses
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.sqs import models
from werkzeug.serving import run_simple

LOCK = threading.RLock()


def locked(method):
    def call(*arguments):
        with LOCK:
            return method(*arguments)

    return call


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


# moto loses a message that is sent while another one is deleted: the deletion replaces the list.
models.Queue.add_message = locked(models.Queue.add_message)

RECEIVE_AT_ONCE = locked(models.SQSBackend.receive_message)


def receive(backend, queue, count, wait, *others):
    """Waits without moto's loop, which is busy, and sees no group of a FIFO queue that has become free."""
    end = time.monotonic() + wait
    while True:
        messages = RECEIVE_AT_ONCE(backend, queue, count, 0, *others)
        if messages or time.monotonic() >= end:
            return messages
        time.sleep(0.05)


models.SQSBackend.receive_message = receive


def visible(queue):
    now = time.time() * 1000
    return (m for m in queue._messages if m.visible_at < now and m.delayed_until <= now)


def count_if(condition):
    """Of a long queue the number is up to a second old: moto counts for each message that is sent."""
    counted = {}

    def count(queue):
        at, number = counted.get(id(queue), (0, 0))
        if len(queue._messages) < 500 or at < time.time() - 1:
            now = time.time() * 1000
            number = sum(1 for message in list(queue._messages) if condition(message, now))
            counted[id(queue)] = (time.time(), number)
        return number

    return property(count)


def delete(queue, handle):
    with LOCK:
        if handle in queue.deleted_messages:
            return
        for place, message in enumerate(queue._messages):
            if message.receipt_handle == handle or handle in message._old_receipt_handles:
                queue.pending_messages.discard(message)
                queue.deleted_messages.update(message.all_receipt_handles)
                del queue._messages[place]
                return
        raise models.ReceiptHandleIsInvalid()


# The same as in moto, where each request takes some milliseconds per hundred messages of the queue.
models.unix_time = time.time
models.unix_time_millis = lambda: time.time() * 1000
models.Queue.messages = property(visible)
models.Queue.approximate_number_of_messages = count_if(
    lambda m, now: m.visible_at < now and m.delayed_until <= now
)
models.Queue.approximate_number_of_messages_delayed = count_if(lambda m, now: now < m.delayed_until)
models.Queue.approximate_number_of_messages_not_visible = count_if(lambda m, now: now <= m.visible_at)
models.Queue.delete_message = delete
models.SQSBackend.is_message_valid_based_on_retention_period = lambda *_: True
responses.method_names_from_class = functools.lru_cache(responses.method_names_from_class)

logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=end_with_the_test, daemon=True).start()
run_simple(
    "127.0.0.1",
    int(sys.argv[1]),
    create_backend_app("sqs"),
    threaded=True,
    request_handler=MotoRequestHandler,
)
