"""Reads `secret t body header` lines, checks the header, and signs anew."""

import hashlib
import hmac
import sys

for line in sys.stdin:
    secret, t, body, header = line.rstrip("\n").split(" ")
    secret, body = bytes.fromhex(secret), bytes.fromhex(body)
    digest = hmac.new(secret, t.encode() + b"." + body, hashlib.sha256).hexdigest()
    own = f"t={t},v1={digest}"
    if not hmac.compare_digest(header, own):
        sys.exit(f"{header} is not {own}")
    print(own)
