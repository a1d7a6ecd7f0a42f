"""The bytes of files over HTTP, block by block and never whole in memory: one file a request, or many small ones."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

from attrs import field, frozen

from herdbook.api import MEDIA_TYPE, to_problem
from herdbook.api.files import (
    BUNDLE_BYTES,
    BUNDLE_FILES,
    BUNDLE_TYPE,
    CONTENT_DIGEST_HEADER,
    DIGEST_HEADER,
    SIZE_HEADER,
    Bundle,
    bundle_head,
    digest_value,
    gathered,
    read_digest,
)
from herdbook.entities.files import FileStat
from herdbook.errors import InvalidArgumentError, RegistryError, TooLargeError
from herdbook.ports.artifacts import BlobSender
from herdbook.ports.registry import FileUpload, OpenedFile, Registry
from herdbook.server.messages import (
    Answer,
    Headers,
    Receive,
    Send,
    render,
    send_answer,
)
from herdbook.server.native.bundles import unbundled
from herdbook.server.native.incoming import Divert, IncomingBody
from herdbook.server.native.ranges import ByteRange, asked_range, etag
from herdbook.server.outlet import Outlet
from herdbook.wire import from_json, unstructure

if TYPE_CHECKING:
    from herdbook.server.native.face import NativeFace

_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)
_NOT_SATISFIABLE = 416
_GATHERED = 1024 * 1024
_BY_KERNEL = 1024 * 1024
"""From how many bytes on a part is sent by the kernel. A whole file is not: it is verified on its way."""
_PATHS_LIMIT = 8 * 1024 * 1024
_OCTETS = (b"content-type", b"application/octet-stream")
# A browser that is sent to a file saves it, and never runs what a model may hold.
_SAVED = ((b"content-disposition", b"attachment"), (b"x-content-type-options", b"nosniff"))
_LOG = logging.getLogger("herdbook.server")


@frozen
class Exchange:
    """A request that moves bytes.

    Args:
        face: What answers it.
        values: The values of the path's placeholders.
        headers: Its headers.
        receive: Its body.
        send: Where the answer goes.
        identity: Its id.
        divert: Brings its body here faster; None where the server cannot.
        outlet: Sends the body of the answer faster; None where the server cannot.
    """

    face: NativeFace
    values: list[str]
    headers: dict[str, str]
    receive: Receive
    send: Send
    identity: str
    divert: Divert | None = None
    outlet: Callable[[], Outlet] | None = None

    @property
    def ref(self) -> str:
        """The version."""
        return f"{self.values[0]}/{self.values[1]}"

    def registry(self) -> Registry:
        """Return the registry as whoever asks may use it."""
        return self.face.registry(self.headers, self.identity)


async def receive_file(exchange: Exchange) -> Answer:
    """Take in the one file that a request sends."""
    stat = FileStat(path=exchange.values[2], size=_size(exchange.headers), sha256=_digest(exchange.headers))
    return await _take_in(exchange, lambda body: [FileUpload(file=stat, source=cast("BinaryIO", body))])


async def receive_parts(exchange: Exchange, *, offset: int, size: int) -> Answer:
    """Keep the parts of a file that a request sends."""
    stat, length = FileStat(path=exchange.values[2], size=size), _length_of(exchange.headers)
    told = exchange.headers.get(CONTENT_DIGEST_HEADER)
    sha256 = None if told is None else read_digest(told, CONTENT_DIGEST_HEADER)
    if length is None:
        raise InvalidArgumentError("How many bytes these parts have is not said.", hint="Send Content-Length.")

    def take(registry: Registry, body: IncomingBody) -> Answer:
        upload = FileUpload(file=stat, source=cast("BinaryIO", body))
        held = registry.stage_model_version_file(exchange.ref, upload, offset=offset, length=length, sha256=sha256)
        return Answer(200, render(unstructure(held)))

    return await _incoming(exchange, take)


async def receive_files(exchange: Exchange) -> Answer:
    """Take in the many small files that a request sends, with one wait for the disk."""
    return await _take_in(exchange, lambda body: unbundled(Bundle(body.read)))


async def _take_in(exchange: Exchange, uploads: Callable[[IncomingBody], Sequence[FileUpload]]) -> Answer:
    def take(registry: Registry, body: IncomingBody) -> Answer:
        entries = registry.upload_model_version_files(exchange.ref, uploads(body))
        return Answer(200, render([unstructure(entry) for entry in entries]))

    return await _incoming(exchange, take)


async def _incoming(exchange: Exchange, take: Callable[[Registry, IncomingBody], Answer]) -> Answer:
    """Have the body of a request taken in by a thread, and return the answer."""
    # An upload may have to wait for a thread, with its first blocks in memory.
    caller = await exchange.face.prove(exchange.headers, exchange.identity)
    length, loop = _length_of(exchange.headers), asyncio.get_running_loop()
    body = IncomingBody(exchange.receive, loop, length=length, divert=exchange.divert)

    def work() -> Answer:
        # Who asks is known before anything is read.
        return take(exchange.registry(), body)

    pump = asyncio.ensure_future(body.pump())
    try:
        answer: Answer = await exchange.face.moving(caller, work)
        return answer
    finally:
        # What a refused client still sends is read and dropped by the server, so that it comes to see why.
        pump.cancel()


async def send_file(exchange: Exchange, *, offset: int, length: int | None, only_headers: bool) -> None:
    """Send a file, or the part that is asked for, and what it is."""

    def begin() -> tuple[OpenedFile, ByteRange | None, Iterator[bytes], bytes, BlobSender | None]:
        (opened,) = exchange.registry().open_model_version_files(exchange.ref, [exchange.values[2]])
        whole = offset == 0 and length is None
        part = asked_range(exchange.headers, opened.entry) if whole else None
        if only_headers or (part is not None and part.length == 0):
            return opened, part, iter(()), b"", None
        if part is not None and part.length >= _BY_KERNEL and opened.sender is not None and exchange.outlet is not None:
            return opened, part, iter(()), b"", opened.sender(offset=part.offset, length=part.length)
        wanted = part or _Wanted(offset=offset, length=length)
        blocks = opened.read(offset=wanted.offset, length=wanted.length)
        return opened, part, blocks, next(blocks, b""), None

    opened, part, blocks, block, sender = await exchange.face.in_thread(begin)
    size, told = opened.entry.size, [_OCTETS, *_SAVED, (b"accept-ranges", b"bytes")]
    told += [
        (b"etag", etag(opened.entry).encode()),
        (DIGEST_HEADER.encode(), digest_value(opened.entry.sha256).encode()),
    ]
    if part is None:
        sent = (size if length is None else offset + length) - offset
        await _send(exchange, 200, [*told, _length(sent)], blocks, block)
    elif part.length:
        last = part.offset + part.length - 1
        told.append((b"content-range", f"bytes {part.offset}-{last}/{size}".encode()))
        headers = [*told, _length(part.length)]
        if sender is None or exchange.outlet is None:
            await _send(exchange, 206, headers, blocks, block)
        else:
            await _send_by_kernel(exchange, exchange.outlet, headers, sender)
    else:
        await _refuse_range(exchange, size)


async def send_files(exchange: Exchange) -> None:
    """Send the many small files that a request lists."""
    limit, identity = _PATHS_LIMIT, exchange.identity
    async with exchange.face.large_body(exchange.receive, exchange.headers, limit, identity) as body:
        total, blocks, block = await _found(exchange, body)
    await _send(exchange, 200, [(b"content-type", BUNDLE_TYPE.encode()), *_SAVED, _length(total)], blocks, block)


async def _found(exchange: Exchange, body: bytes) -> tuple[int, Iterator[bytes], bytes]:
    """Open the files that a body lists; returns how many bytes are sent, all of them, and the first."""

    def begin() -> tuple[int, Iterator[bytes], bytes]:
        registry = exchange.registry()
        wanted = from_json(body, Paths, what="the body")
        opened = registry.open_model_version_files(exchange.ref, wanted.paths)
        if sum(file.entry.size for file in opened) > BUNDLE_BYTES:
            raise TooLargeError(
                f"These files have more than the {BUNDLE_BYTES:,} bytes that one answer carries.",
                hint="Ask for fewer at once, and for large files one by one.",
                limit=BUNDLE_BYTES,
            )
        head = bundle_head([file.entry for file in opened])
        total = len(head) + sum(file.entry.size for file in opened)
        blocks = gathered(_bundle(head, opened), _GATHERED)
        return total, blocks, next(blocks)

    found: tuple[int, Iterator[bytes], bytes] = await exchange.face.in_thread(begin)
    return found


def _check_count(_: object, __: object, paths: tuple[str, ...]) -> None:
    if not 1 <= len(paths) <= BUNDLE_FILES:
        raise InvalidArgumentError(f"One request reads 1 to {BUNDLE_FILES} files, not {len(paths)}.")


@frozen(kw_only=True)
class Paths:
    """Which files are read at once.

    Args:
        paths: Their paths.
    """

    paths: tuple[str, ...] = field(validator=_check_count)


@frozen(kw_only=True)
class _Wanted:
    offset: int
    length: int | None


def _bundle(head: bytes, files: Sequence[OpenedFile]) -> Iterator[bytes]:
    yield head
    for file in files:
        yield from file.read()


async def _send(exchange: Exchange, status: int, headers: Headers, blocks: Iterator[bytes], block: bytes) -> None:
    """Send blocks, the next one being read meanwhile; what fails on the way breaks the connection off."""
    face, send = exchange.face, exchange.send
    told = [(b"x-request-id", exchange.identity.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    gone = asyncio.ensure_future(exchange.receive())
    try:
        while block and not (gone.done() and gone.result()["type"] == "http.disconnect"):
            following = asyncio.ensure_future(face.in_thread(lambda: next(blocks, b"")))
            await send({"type": "http.response.body", "body": block, "more_body": True})
            block = await following
        if not block:
            await send({"type": "http.response.body", "body": b""})
    except RegistryError as error:
        # The status is sent: an answer that is too short tells the client that it is not whole.
        _LOG.error("request %s broke off: %s", exchange.identity, error)
    finally:
        gone.cancel()


async def _send_by_kernel(
    exchange: Exchange, outlet: Callable[[], Outlet], headers: Headers, sender: BlobSender
) -> None:
    """Send what the kernel can send without this process seeing it; fails as `_send` does."""
    told = [(b"x-request-id", exchange.identity.encode()), *headers]
    try:
        await exchange.send({"type": "http.response.start", "status": 206, "headers": told})
        await outlet().send(sender, exchange.face.in_thread)
        await exchange.send({"type": "http.response.body", "body": b""})
    except RegistryError as error:
        _LOG.error("request %s broke off: %s", exchange.identity, error)
    finally:
        sender.close()


async def _refuse_range(exchange: Exchange, size: int) -> None:
    error = InvalidArgumentError(f"The range does not lie in this file of {size:,} bytes.", hint="Ask for less.")
    body = render({**to_problem(error, exchange.identity), "status": _NOT_SATISFIABLE})
    told = ((b"content-range", f"bytes */{size}".encode()),)
    await send_answer(exchange.send, Answer(_NOT_SATISFIABLE, body, MEDIA_TYPE.encode(), told), exchange.identity)


def _length(count: int) -> tuple[bytes, bytes]:
    return b"content-length", str(count).encode()


def _size(headers: dict[str, str]) -> int:
    size = _whole_number(headers.get(SIZE_HEADER) or headers.get("content-length") or "")
    if size is None:
        raise InvalidArgumentError("How many bytes this file has is not said.", hint="Send Content-Length.")
    return size


def _length_of(headers: dict[str, str]) -> int | None:
    """Return how many bytes a body has; None where that is not said."""
    return None if "transfer-encoding" in headers else _whole_number(headers.get("content-length", ""))


def _whole_number(text: str) -> int | None:
    return None if _SIZE.fullmatch(text) is None else int(text)


def _digest(headers: dict[str, str]) -> str | None:
    text = headers.get(DIGEST_HEADER)
    return None if text is None else read_digest(text)
