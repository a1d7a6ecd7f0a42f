"""Remembers which writes a registry has acknowledged, and looks afterwards whether each of them is there, once."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from herdbook.adapters.sql.store import Mode, SqlStore
from herdbook.entities import AliasAssignment, ModelVersion, VersionStatus
from herdbook.errors import UnavailableError
from herdbook.ports.registry import Registry
from herdbook.testing.samples import model_files, upload

_ALL = 1000
_PATIENCE_S = 60


class Acknowledged:
    """Writes to one model, and remembers the answers. Thread-safe.

    Args:
        model: The registered model's name; nobody else writes to it.
        alias: The alias that is moved.
    """

    def __init__(self, model: str, alias: str = "champion") -> None:
        self.model = model
        self.slot = f"{model}@{alias}"
        self._lock = threading.Lock()
        self._begun: set[int] = set()
        self._ready: dict[int, str] = {}
        self._moves: list[int] = []
        self._unsure_moves: Counter[int] = Counter()
        self.refused = 0

    def register(self, registry: Registry, content: bytes, *, key: str) -> ModelVersion | None:
        """Register a version in three steps; returns None where the registry could not be reached or said it cannot."""
        try:
            version = registry.create_model_version(self.model, idempotency_key=key)
            with self._lock:
                self._begun.add(version.version)
            manifest = upload(registry, version, model_files(content))
            done = registry.finalize_model_version(version.ref, manifest)
        except UnavailableError:
            self._count_refused()
            return None
        with self._lock:
            self._ready[done.version] = hashlib.sha256(content).hexdigest()
        return done

    def move(self, registry: Registry, version: int) -> AliasAssignment | None:
        """Move the alias to a version; returns None as `register` does."""
        try:
            moved = registry.set_registered_model_alias(self.slot, version)
        except UnavailableError:
            # It may have been moved before the answer was lost.
            with self._lock:
                self._unsure_moves[version] += 1
            self._count_refused()
            return None
        with self._lock:
            self._moves.append(version)
        return moved

    def check(self, registry: Registry) -> None:
        """Assert that nothing acknowledged is missing, nothing is there twice, and what is READY is whole."""
        found = registry.list_model_versions(self.model, max_results=_ALL).items
        numbers = [version.version for version in found]
        assert numbers == list(range(len(numbers), 0, -1)), "a version number is missing, or was given twice"
        assert self._begun <= set(numbers), "a version that was acknowledged is lost"
        ready = {version.version for version in found if version.status is VersionStatus.READY}
        assert set(self._ready) <= ready, "a registration that was acknowledged is lost"
        for version in found:
            if version.version in ready:
                self._check_files(registry, version)
        self._check_alias(registry, ready)

    def check_sweep(self, registry: Registry) -> None:
        """Assert that a sweep tidies up after what was broken off, and takes nothing that is READY."""
        registry.sweep_artifacts(grace_s=0)
        again = registry.sweep_artifacts(grace_s=0)
        assert (again.abandoned_versions, again.removed_blobs) == (0, 0), "a sweep left something to the next"
        left = {version.status for version in registry.list_model_versions(self.model, max_results=_ALL).items}
        assert left <= {VersionStatus.READY, VersionStatus.FAILED_REGISTRATION}
        self.check(registry)

    def _check_files(self, registry: Registry, version: ModelVersion) -> None:
        files = registry.list_model_version_files(version.ref).items
        assert len(files) == version.file_count, "a version is half there"
        for file in files:
            content = b"".join(registry.read_model_version_file(version.ref, file.path))
            assert hashlib.sha256(content).hexdigest() == file.sha256, "stored bytes are not what was stored"
            if file.path == "model.bin" and version.version in self._ready:
                assert file.sha256 == self._ready[version.version], "a version has the bytes of another"

    def _check_alias(self, registry: Registry, ready: set[int]) -> None:
        """Moves of which one was set already change nothing, so the history may be shorter than what was asked for."""
        history = registry.list_alias_history(self.slot, max_results=_ALL).items if self._moves else ()
        for later, earlier in itertools.pairwise(history):
            assert earlier.valid_to == later.valid_from, "the history of an alias has a gap"
            assert earlier.version != later.version
        assert {entry.version for entry in history} <= ready
        known = set(self._moves) | set(self._unsure_moves)
        assert set(self._moves) <= {entry.version for entry in history} <= known, (
            "a move of an alias is lost or made up"
        )
        if history:
            assert history[0].valid_to is None
            assert registry.get_model_version_by_alias(self.slot).version == history[0].version

    def _count_refused(self) -> None:
        with self._lock:
            self.refused += 1


class Writers:
    """Threads that register versions and move aliases, at one registry after another, while a `with` block lasts.

    Args:
        registries: Where; they are one registry behind several servers.
        told: What each thread writes, and what was acknowledged to it.
    """

    def __init__(self, registries: Sequence[Registry], told: Sequence[Acknowledged]) -> None:
        self._registries = registries
        self._told = told
        self._done = threading.Event()
        self._acknowledged, self._refused = threading.Semaphore(0), threading.Semaphore(0)
        self._pool = ThreadPoolExecutor(len(told))
        self._working: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._working = [self._pool.submit(self._work, number) for number in range(len(self._told))]
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._done.set()
        self._pool.shutdown()
        if kind is None:
            for each in self._working:
                each.result()

    def wait_acknowledged(self, count: int) -> None:
        """Wait until so many further registrations were acknowledged."""
        self._wait(self._acknowledged, count, "nothing is acknowledged any more")

    def wait_refused(self) -> None:
        """Wait until a further registration was refused."""
        while self._refused.acquire(blocking=False):
            pass
        self._wait(self._refused, 1, "nothing is refused")

    def _wait(self, what: threading.Semaphore, count: int, otherwise: str) -> None:
        for _ in range(count):
            if not what.acquire(timeout=_PATIENCE_S):
                broken = [repr(each.exception()) for each in self._working if each.done()]
                raise AssertionError(f"{otherwise}: {broken}")

    def _work(self, number: int) -> None:
        told = self._told[number]
        for turn in itertools.count():
            if self._done.is_set():
                return
            registry = self._registries[(number + turn) % len(self._registries)]
            made = told.register(registry, f"{number} {turn}".encode(), key=f"k-{number}-{turn}")
            if made is None:
                self._refused.release()
            else:
                told.move(registry, made.version)
                self._acknowledged.release()


def end_leases(url: str) -> None:
    """Let the time pass after which what a dead server was finalizing may be finalized by another.

    Args:
        url: The registry's database.
    """
    store = SqlStore.open(url)
    with store.transaction(Mode.WRITE) as runner:
        runner.run("UPDATE model_versions SET lease_expires_at = 1 WHERE lease_expires_at IS NOT NULL")
    store.close()
