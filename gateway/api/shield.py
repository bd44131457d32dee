"""What stands before every request and goes with every answer, as plain ASGI: limits on bodies, headers of safety."""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024
SLOWEST_S = 10.0
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFETY = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # the strictest under which browsers still say a form's origin
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


class Shield:
    """Bodies: at most 64 KiB (413), complete within 10 s (408), not compressed (415). Headers on every answer."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = SAFETY | (TLS_ONLY if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = self._guarded(scope, send)
        body = b""
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            read = await _body(Headers(scope=scope), receive)
            if isinstance(read, JSONResponse):
                await read(scope, receive, guarded)
                return
            body = read
        await self._app(scope, _replay(body, receive), guarded)

    def _guarded(self, scope: Scope, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                static = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if static else "no-store")
            await send(message)

        return answer


async def _body(headers: Headers, receive: Receive) -> bytes | JSONResponse:
    if headers.get("content-encoding", "identity") != "identity":
        return _no(415, "encoding", "wanted a body that is not compressed")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        return _no(413, "size", f"wanted at most {MOST_BYTES} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return _no(400, "gone", "the sender went away")
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
                    return _no(413, "size", f"wanted at most {MOST_BYTES} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return _no(408, "slow", f"wanted the whole body within {SLOWEST_S:.0f} s")


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _no(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "detail": detail}}, status, {"Connection": "close"})
