"""moto's server, on the port of the first argument. Ends when its standard input does."""

import logging
import os
import sys
import threading

from moto.server import main
from moto.sqs.models import Queue

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
Queue.add_message = locked(Queue.add_message)
Queue.delete_message = locked(Queue.delete_message)

logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=end_with_the_test, daemon=True).start()
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
