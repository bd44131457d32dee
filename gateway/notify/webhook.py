"""Webhook: the message as JSON, POSTed to an address of the town's own (chat, pager, another system).

    Idempotency-Key       the message's key, the same at every attempt
    X-Satomori-Signature  sha256=<HMAC-SHA-256 of the body with the secret, hex>, where a secret is set

The body is `{"key","reason","severity","made_us","subject_ja","subject_en","alerts":[…]}`. 2xx is delivered; 408, 425,
429, 5xx, no answer: try again; anything else (a redirect too) will never work.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Annotated

import httpx
import msgspec

from gateway.alerts import Severity
from gateway.errors import NotifyError
from gateway.notify.message import Message

_AGAIN = (408, 425, 429)


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`secret_file` stands beside the configuration; without it the body is not signed."""

    name: str
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+(/\S*)?$")]
    secret_file: str = ""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 20.0
    severities: tuple[Severity, ...] = ("urgent", "watch", "tech")

    def notify(self, message: Message, /) -> None:
        """POST it."""
        body = self.body(message)
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": message.key}
        try:
            if self.secret_file:
                headers["X-Satomori-Signature"] = f"sha256={self._signature(body)}"
            answer = httpx.post(self.url, content=body, headers=headers, timeout=self.timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            again = not isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL)
            raise NotifyError(f"{self.url}: {error or type(error).__name__}", retryable=again) from error
        if not answer.is_success:
            again = answer.status_code in _AGAIN or answer.status_code >= 500
            raise NotifyError(f"{self.url} answered {answer.status_code}", retryable=again)

    @staticmethod
    def body(message: Message) -> bytes:
        """The JSON as it is sent and signed."""
        document = {
            "key": message.key,
            "reason": message.reason,
            "severity": message.severity,
            "made_us": message.made_us,
            "subject_ja": message.subject("ja"),
            "subject_en": message.subject("en"),
            "alerts": message.items,
        }
        return msgspec.json.encode(document)

    def _signature(self, body: bytes) -> str:
        secret = Path(self.secret_file).read_text("utf-8").strip().encode()
        return hmac.new(secret, body, hashlib.sha256).hexdigest()
