"""The bytes of files over HTTP: one file a request, block by block, never whole in memory."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from herdbook.api.files import DIGEST_HEADER, SIZE_HEADER
from herdbook.entities.files import FileStat
from herdbook.errors import InvalidArgumentError, RegistryError, UnavailableError
from herdbook.ports.artifacts import BLOCK
from herdbook.ports.registry import FileUpload
from herdbook.server.messages import Answer, Receive, Send, render
from herdbook.wire import unstructure

if TYPE_CHECKING:
    from herdbook.server.native.face import NativeFace

_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)
_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)
_DRAINED = 64 * 1024 * 1024
"""Bytes of a refused upload that are still read, so that the client comes to see why."""


async def receive_file(
    face: NativeFace, values: list[str], headers: dict[str, str], receive: Receive, identity: str
) -> Answer:
    """Take in the one file that a request sends."""
    model, version, path = values
    stat = FileStat(path=path, size=_size(headers), sha256=_digest(headers))
    body = _Body(receive, asyncio.get_running_loop())

    def work() -> Answer:
        registry = face.registry(headers, identity)
        upload = FileUpload(file=stat, source=io.BufferedReader(body))
        entries = registry.upload_model_version_files(f"{model}/{version}", [upload])
        return Answer(200, render([unstructure(entry) for entry in entries]))

    try:
        answer: Answer = await face.in_thread(work)
    except RegistryError:
        await body.drain()
        raise
    return answer


async def send_file(face: NativeFace, call: Callable[[], Iterator[bytes]], send: Send, identity: str) -> None:
    """Send a file; what fails after the first block breaks the connection off, so that nobody takes a part for all."""

    def begin() -> tuple[Iterator[bytes], bytes]:
        blocks = call()
        return blocks, next(blocks, b"")

    blocks, block = await face.in_thread(begin)
    sent = [(b"x-request-id", identity.encode()), (b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": sent})
    while block:
        await send({"type": "http.response.body", "body": block, "more_body": True})
        block = await face.in_thread(lambda: next(blocks, b""))
    await send({"type": "http.response.body", "body": b""})


class _Body(io.RawIOBase):
    """A request's body as a file that a thread reads, a block for each hop to the event loop."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._receive = receive
        self._loop = loop
        self._held = bytearray()
        self._more = True

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as bytes come."""
        if not self._held and self._more:
            asyncio.run_coroutine_threadsafe(self._pull(BLOCK), self._loop).result()
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        del self._held[:count]
        return count

    async def drain(self) -> None:
        """Read on and forget."""
        passed = 0
        while self._more and passed < _DRAINED:
            self._held.clear()
            await self._pull(1)
            passed += len(self._held)

    async def _pull(self, wanted: int) -> None:
        while self._more and len(self._held) < wanted:
            message = await self._receive()
            if message["type"] != "http.request":
                self._more = False
                raise UnavailableError("The client went away before its file was whole.")
            self._held += message.get("body", b"")
            self._more = message.get("more_body", False)


def _size(headers: dict[str, str]) -> int:
    text = headers.get(SIZE_HEADER) or headers.get("content-length") or ""
    if _SIZE.fullmatch(text) is None:
        raise InvalidArgumentError("How many bytes this file has is not said.", hint="Send Content-Length.")
    return int(text)


def _digest(headers: dict[str, str]) -> str | None:
    text = headers.get(DIGEST_HEADER)
    if text is None:
        return None
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise InvalidArgumentError(f"{text!r} is not a digest.", hint=f"Send {DIGEST_HEADER}: sha-256=:BASE64:")
    try:
        return base64.b64decode(found.group(1), validate=True).hex()
    except binascii.Error:
        raise InvalidArgumentError(f"{text!r} is not base64.") from None
