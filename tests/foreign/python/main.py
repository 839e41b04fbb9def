"""Reads a delivery in each line, as JSON. Accepts it and refuses its forgeries, with the code that the
sender's users verify with, or fails. Writes the package's own signature."""

import json
import sys

from packages import PACKAGES


def refusal(sender, delivery):
    """Why the package refuses a delivery, or None if it accepts it."""
    try:
        return "no match" if sender.verify(**delivery) is False else None
    except Exception as error:
        return repr(error)


def check(sender, delivery, forged_body, forged_headers):
    if reason := refusal(sender, delivery):
        sys.exit(f"refused: {reason}: {delivery}")
    forgeries = [{**delivery, "body": forged_body}]
    forgeries += [{**delivery, "headers": headers} for headers in forged_headers]
    for forgery in forgeries:
        if refusal(sender, forgery) is None:
            sys.exit(f"a forgery is accepted: {forgery}")


for line in sys.stdin:
    question = json.loads(line)
    sender = PACKAGES[question.pop("package")]
    forged_body = bytes.fromhex(question.pop("forged_body"))
    forged_headers = question.pop("forged_headers")
    delivery = {**question, "body": bytes.fromhex(question["body"])}
    check(sender, delivery, forged_body, forged_headers)
    print(sender.sign(**{**delivery, "headers": None}))
