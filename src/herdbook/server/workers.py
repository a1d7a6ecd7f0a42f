"""Several processes that serve one registry: started, started again where one dies, and ended together."""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from attrs import define, frozen

from herdbook.api import from_problem, to_problem
from herdbook.errors import InternalError, RegistryError
from herdbook.server.logs import Log

_LAST_WORDS_S = 10
"""Seconds that a worker has, beyond what requests have, before it is killed."""
_CRASH = 70
_LONGEST_PAUSE_S = 30.0
_SETTLED_S = 10.0
"""A worker that lived so long, in seconds, is replaced at once."""
_READ = 65536


@frozen(kw_only=True)
class Post:
    """What a worker is told.

    Args:
        worker: Its number, from 0.
        ready: To be called once it listens.
        lifeline: A file descriptor that ends when the supervisor does.
    """

    worker: int
    ready: Callable[[], None]
    lifeline: int


@define(eq=False)
class _Worker:
    pid: int
    began: float
    news: int
    ready: bool = False


class Supervisor:
    """Runs a function in several forked processes. To be used in a process with one thread, on POSIX.

    Args:
        count: How many.
        work: What each does; it returns when the worker is to end, and ends in order on SIGTERM.
        grace_s: Seconds that a worker's requests may take to end.
        log: Where it says what became of workers.
        hangup: Whether workers are handed SIGHUP.
    """

    def __init__(
        self, count: int, work: Callable[[Post], None], *, grace_s: float, log: Log, hangup: bool = False
    ) -> None:
        self._count = count
        self._work = work
        self._grace_s = grace_s
        self._log = log
        self._handled = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD} | ({signal.SIGHUP} if hangup else set())
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = {}
        self._pauses: dict[int, float] = {}
        self._stopping = False
        self._lifeline = (-1, -1)
        self._wakeup = (-1, -1)

    def run(self, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> None:
        """Run until a signal.

        Args:
            on_ready: Called once all workers listen.
            on_stop: Called first of all when they are to end: whatever makes clients come is closed.

        Raises:
            RegistryError: a worker did not come up; what it raised.
        """
        # What is there now is never looked at by the collector, which would copy each page of it into each process.
        gc.collect()
        gc.freeze()
        with self._pipes(), self._signals():
            try:
                # Where there is no metastore yet the first one founds it.
                self._start(0)
                self._until(lambda: self._workers[0].ready)
                for worker in range(1, self._count):
                    self._start(worker)
                self._until(lambda: all(worker.ready for worker in self._workers.values()))
                gc.enable()
                if not self._stopping:
                    on_ready()
                while not self._stopping:
                    self._wait()
                    self._replace()
            finally:
                on_stop()
                self._end()

    def _start(self, worker: int) -> None:
        news, tell = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, self._handled)
        try:
            pid = os.fork()
            if pid == 0:
                os.close(news)
                self._be(worker, tell)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._handled)
        os.close(tell)
        self._workers[worker] = _Worker(pid, time.monotonic(), news)

    def _be(self, worker: int, tell: int) -> NoReturn:
        """Be a worker; the process ends here and never goes on with what its parent was doing."""
        code = _CRASH
        try:
            signal.set_wakeup_fd(-1)
            for each in self._handled:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._handled)
            for descriptor in (self._lifeline[1], *self._wakeup, *(other.news for other in self._workers.values())):
                os.close(descriptor)
            self._work(Post(worker=worker, ready=lambda: _tell(tell, {"ready": True}), lifeline=self._lifeline[0]))
            code = 0
        except RegistryError as error:
            _tell(tell, to_problem(error, ""))
            code = error.exit_code
        except BaseException:  # noqa: BLE001 nothing may get past: a second process would go on with the first one's work
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _until(self, reached: Callable[[], bool]) -> None:
        """Wait for workers to come up; raises what one of them raised."""
        while not self._stopping and not reached():
            self._wait()
            if self._due and not self._stopping:
                raise InternalError("A worker of this server did not come up; its standard error says why.")

    def _replace(self) -> None:
        """Start again those whose time has come."""
        now = time.monotonic()
        for worker, due in tuple(self._due.items()):
            if due <= now and not self._stopping:
                del self._due[worker]
                self._start(worker)

    def _wait(self, longest_s: float | None = None) -> None:
        """Wait for a signal, for news of a worker, or until one is to be started."""
        waits = [due - time.monotonic() for due in self._due.values()] + ([] if longest_s is None else [longest_s])
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup[0], selectors.EVENT_READ)
            for worker in self._workers.values():
                if not worker.ready:
                    selector.register(worker.news, selectors.EVENT_READ, worker)
            ready = selector.select(max(0.0, min(waits)) if waits else None)
        for key, _ in ready:
            if isinstance(key.data, _Worker):
                self._hear(key.data)
        for number in _read_all(self._wakeup[0]) if any(key.data is None for key, _ in ready) else b"":
            self._handle(number)

    def _hear(self, worker: _Worker) -> None:
        """Take in that a worker is ready, or why it is not; raises that while the server comes up."""
        told = os.read(worker.news, _READ)
        if not told:
            # It is gone; SIGCHLD says the rest.
            worker.ready = True
            return
        news = json.loads(told)
        if news.get("ready") is True:
            worker.ready = True
            return
        error = from_problem(news)
        # Whoever takes the place of another is tried again; the first ones are what was asked for.
        if error is not None and not self._pauses:
            raise error

    def _handle(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._bury()
        elif number in (signal.SIGTERM, signal.SIGINT):
            if self._stopping:
                self._signal(signal.SIGKILL)
            self._stopping = True
        else:
            self._signal(signal.Signals(number))

    def _bury(self) -> None:
        """Take note of workers that have ended."""
        for number, worker in tuple(self._workers.items()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            os.close(worker.news)
            del self._workers[number]
            code = os.waitstatus_to_exitcode(status)
            if self._stopping and code == 0:
                continue
            lived_s = time.monotonic() - worker.began
            settled = lived_s >= _SETTLED_S
            pause = 0.0 if settled else min(self._pauses.get(number, 0.0) * 2 + 0.1, _LONGEST_PAUSE_S)
            self._pauses[number] = pause
            self._due[number] = time.monotonic() + pause
            self._log.error("worker ended", worker=number, pid=pid, code=code, lived_s=round(lived_s, 3))

    def _end(self) -> None:
        self._stopping = True
        self._signal(signal.SIGTERM)
        self._due.clear()
        last = time.monotonic() + self._grace_s + _LAST_WORDS_S
        while self._workers:
            left = last - time.monotonic()
            if left <= 0:
                self._signal(signal.SIGKILL)
            self._wait(max(left, 1.0))
            self._due.clear()
            self._bury()

    def _signal(self, sent: signal.Signals) -> None:
        for worker in self._workers.values():
            os.kill(worker.pid, sent)

    @contextmanager
    def _pipes(self) -> Iterator[None]:
        self._lifeline, self._wakeup = os.pipe(), os.pipe()
        os.set_blocking(self._wakeup[0], False)
        os.set_blocking(self._wakeup[1], False)
        try:
            yield
        finally:
            for descriptor in (*self._lifeline, *self._wakeup):
                os.close(descriptor)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, lambda *_: None) for each in self._handled}
        wakeup = signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for each, handler in before.items():
                signal.signal(each, handler)


def _tell(descriptor: int, news: dict[str, object]) -> None:
    os.write(descriptor, json.dumps(news).encode())


def _read_all(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ)
    except BlockingIOError:
        return b""
