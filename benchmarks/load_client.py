"""A client that asks as fast as it is answered, in a process of its own: so many connections, one request on each."""

from __future__ import annotations

import asyncio
import gc
import itertools
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self, cast

import httptools
import uvloop
from attrs import frozen

STUCK_S = 900
"""After how many seconds without an end a run is given up."""


@frozen(kw_only=True)
class Load:
    """What is to be asked.

    Args:
        port: Where, on this machine.
        clients: How many connections there are, each of which asks again once it is answered.
        seconds: For how long a new request is begun; what was begun is waited for.
        requests: The requests, as they travel; taken in turns.
        again: Whether they may be asked over and over; otherwise the run ends with the last.
    """

    port: int
    clients: int
    seconds: float
    requests: Sequence[bytes]
    again: bool = True


@frozen(kw_only=True)
class Answered:
    """What came of it.

    Args:
        seconds: How long it took, from the first request to the last answer.
        times: How long each answer took, in seconds.
        busy: The share of that time in which this client's process had the processor: near 1, it is the limit.
    """

    seconds: float
    times: list[float]
    busy: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds


class LoadClient:
    """The process; made once, and asked for one run after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._ours.close()
        self._process.terminate()
        self._process.join()

    def run(self, load: Load) -> Answered:
        """Ask; raises SystemExit where an answer was not 2xx or a connection was lost."""
        self._ours.send(load)
        answered = self._ours.recv()
        if not isinstance(answered, Answered):
            raise SystemExit(f"The load client failed: {answered}")
        return answered


class _Asker(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._began = 0.0
        self._body = bytearray()
        self._done = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up, unless everything is done."""
        if not self._done:
            self._run.fail(f"a connection was lost: {exc}")

    def on_body(self, body: bytes) -> None:
        """Keep what a refusal says."""
        if self._parser.get_status_code() >= 300:
            self._body += body

    def on_message_complete(self) -> None:
        """Note how long it took, and ask the next."""
        self._run.times.append(time.perf_counter() - self._began)
        status = self._parser.get_status_code()
        if status >= 300:
            self._run.fail(f"an answer was {status}: {bytes(self._body[:500])!r}")
            return
        self.ask()

    def ask(self) -> None:
        """Send the next request, or be done."""
        now = time.perf_counter()
        request = next(self._run.requests, None) if now < self._run.until else None
        if request is None:
            self.close()
            self._run.one_less()
            return
        self._began = now
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection: a server would come to do it while others still wait for their answers."""
        self._done = True
        self._transport.close()


class _Run:
    def __init__(self, load: Load) -> None:
        self._left = load.clients
        self.times: list[float] = []
        self.requests: Iterator[bytes] = itertools.cycle(load.requests) if load.again else iter(load.requests)
        self.until = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def one_less(self) -> None:
        self._left -= 1
        if self._left == 0 and not self.done.done():
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(why))


async def _ask(load: Load) -> Answered:
    loop, run = asyncio.get_running_loop(), _Run(load)
    askers = []
    for _ in range(load.clients):
        askers.append((await loop.create_connection(lambda: _Asker(run), "127.0.0.1", load.port))[1])
    gc.collect()
    gc.disable()
    worked, began = time.process_time(), time.perf_counter()
    run.until = began + load.seconds
    for asker in askers:
        asker.ask()
    try:
        await asyncio.wait_for(run.done, STUCK_S)
    finally:
        gc.enable()
        for asker in askers:
            asker.close()
    seconds = time.perf_counter() - began
    return Answered(seconds=seconds, times=run.times, busy=(time.process_time() - worked) / seconds)


def _serve(orders: Connection) -> None:
    while True:
        try:
            load: Load = orders.recv()
        except EOFError:
            return
        try:
            orders.send(uvloop.run(_ask(load)))
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            orders.send(f"{type(error).__name__}: {error}")
