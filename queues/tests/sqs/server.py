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
models.Queue.delete_message = locked(models.Queue.delete_message)

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

# It asks for the time once per message and request, in a slow way.
models.unix_time = time.time
models.unix_time_millis = lambda: time.time() * 1000
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
