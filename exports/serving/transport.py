"""The ends of an ASGI request: its body within limits, and the answer."""

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from exports.serving.limits import Limits, Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Send

LINGER = 10.0  # seconds in which what a client still sends is thrown away, so that it gets to read the answer
JSON = b"application/json"
MORE = {  # headers by status
    401: ((b"www-authenticate", b"Bearer"),),
    405: ((b"allow", b"POST"),),
    429: ((b"retry-after", b"1"),),
}


class Gone(Exception):
    """The client has gone before its request was complete."""


class Busy(Refused):
    """More than the server holds at once is waiting."""

    def __init__(self, more: bool = False):
        super().__init__(429, "Too much is waiting for an answer; try again in a moment.", more=more)


class Inflow:
    """Reads bodies, and holds how many bytes of all requests are in memory."""

    def __init__(self, limits: Limits):
        self.limits, self.n_bytes = limits, 0

    async def body(self, receive: "Receive", declared: int) -> bytes:
        """The whole body; the room that it takes is to be given back with `n_bytes -= len(body)`.

        declared : its length as the head says, -1 if it does not
        """
        if declared > self.limits.body_bytes:
            raise self._too_large(more=True)
        pieces, n = [], 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    piece, more = message.get("body", b""), message.get("more_body", False)
                    if n + len(piece) > self.limits.body_bytes:
                        raise self._too_large(more)
                    if self.n_bytes + len(piece) > self.limits.waiting_bytes:
                        raise Busy(more)
                    self.n_bytes += len(piece)
                    n += len(piece)
                    pieces.append(piece)
        except BaseException as error:
            self.n_bytes -= n
            if isinstance(error, TimeoutError):
                said = f"The request did not arrive within {self.limits.seconds:g} s."
                raise Refused(408, said, more=True) from None
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _too_large(self, more: bool) -> Refused:
        said = f"The request is too large; send at most {self.limits.body_bytes:,} bytes at once."
        return Refused(413, said, more=more)


async def answer(send: "Send", status: int, content: bytes, content_type: bytes = JSON, headers: tuple = ()) -> None:
    """Send a whole answer."""
    head = [(b"content-type", content_type), (b"content-length", b"%d" % len(content)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": content})


async def refuse(receive: "Receive", send: "Send", error: Refused) -> None:
    """Say no. While the client may still be sending, a connection closed at once would lose the answer."""
    content = json.dumps({"error": str(error)}, ensure_ascii=False).encode()
    headers = MORE.get(error.status, ())
    if not error.more:
        await answer(send, error.status, content, headers=headers)
        return
    head = [(b"content-type", JSON), (b"content-length", b"%d" % len(content)), (b"connection", b"close"), *headers]
    await send({"type": "http.response.start", "status": error.status, "headers": head})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] != "http.disconnect" and message.get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})
