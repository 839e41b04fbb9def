"""The packages: each verifies a delivery, by an error or False, and signs one."""

import hashlib
import hmac
from datetime import datetime, timezone

import standardwebhooks
import standardwebhooks.webhooks
import stripe
from slack_sdk.signature import SignatureVerifier


class Hmac:
    """The documented rule of a time in the signature header, for any bytes."""

    def sign(self, secret, id, time, body, headers):
        signed = str(time).encode() + b"." + body
        return f"t={time},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"

    def verify(self, headers, body, **delivery):
        header = headers["x-nevent-signature"]
        time = header.removeprefix("t=").split(",")[0]
        own = self.sign(**{**delivery, "time": time, "body": body, "headers": None})
        return hmac.compare_digest(header, own)


class HmacSha512:
    """The documented rule of a time in a header of its own."""

    def sign(self, secret, id, time, body, headers):
        signed = str(time).encode() + b"." + body
        return hmac.new(secret.encode(), signed, hashlib.sha512).hexdigest()

    def verify(self, headers, **delivery):
        own = self.sign(**{**delivery, "time": headers["x-timestamp"], "headers": None})
        return hmac.compare_digest(headers["x-signature"], own)


class Stripe:
    def sign(self, secret, id, time, body, headers):
        return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, time)

    def verify(self, secret, id, time, body, headers):
        stripe.WebhookSignature.verify_header(body, headers["stripe-signature"], secret)


class StandardWebhooks:
    def sign(self, secret, id, time, body, headers):
        then = datetime.fromtimestamp(time, timezone.utc)
        return standardwebhooks.Webhook(secret).sign(id, then, body.decode())

    def verify(self, secret, id, time, body, headers):
        class Then(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromtimestamp(time, tz)

        # The package takes the time from the clock alone.
        standardwebhooks.webhooks.datetime = Then
        standardwebhooks.Webhook(secret).verify(body, headers)


class Slack:
    def sign(self, secret, id, time, body, headers):
        return SignatureVerifier(secret).generate_signature(timestamp=str(time), body=body)

    def verify(self, secret, id, time, body, headers):
        class Then:
            def now(self):
                return time

        return SignatureVerifier(secret, Then()).is_valid_request(body, headers)


PACKAGES = {
    "hmac": Hmac(),
    "hmac of SHA-512": HmacSha512(),
    "stripe": Stripe(),
    "standardwebhooks": StandardWebhooks(),
    "slack_sdk": Slack(),
}
