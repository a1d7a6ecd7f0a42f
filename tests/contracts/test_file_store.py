"""The artifact store contract over a folder, and a shared folder of several processes."""

from __future__ import annotations

import hashlib
import itertools
import signal
import subprocess
import sys
import time

import pytest

from herdbook.adapters.files.store import FileStore
from herdbook.testing.artifact_store_contract import ArtifactStoreContract
from herdbook.testing.parts_contract import PartsContract

MIB = 1024 * 1024

MOMENTS = 15
"""How many moments a process is killed at."""


class TestFileStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return FileStore(tmp_path / "store")

    @pytest.fixture
    def damage(self, store):
        def change(sha256, content):
            path = store.local_path(sha256)
            path.unlink()
            path.write_bytes(content)

        return change


class TestParts(PartsContract):
    @pytest.fixture
    def store(self, tmp_path):
        return FileStore(tmp_path / "store", part_bytes=MIB + 1)


class TestPartsOfTwoProcesses(PartsContract):
    @pytest.fixture
    def store(self, tmp_path):
        """Each call is done by another one of two stores, as two servers over one folder do them."""
        one, other = (FileStore(tmp_path / "store", part_bytes=MIB + 1) for _ in range(2))
        return InTurns(one, other)


class InTurns(FileStore):
    """Two stores over one folder, which share nothing but that, asked in turns."""

    def __init__(self, *stores):
        self.part_bytes = stores[0].part_bytes
        self.turns = itertools.cycle(stores)

    def __getattribute__(self, name):
        if name.startswith("_") or name in ("turns", "part_bytes"):
            return super().__getattribute__(name)
        return getattr(next(self.turns), name)


class TestOneWorker(TestFileStore):
    @pytest.fixture
    def store(self, tmp_path):
        return FileStore(tmp_path / "store", workers=1)


WRITER = """
import io, random, sys
from pathlib import Path
from herdbook.adapters.files.store import FileStore
from herdbook.ports.artifacts import FileExpectation

store = FileStore(Path(sys.argv[1]))
seed, rounds, count = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
for number in range(rounds):
    random.seed(seed + number)
    contents = [random.randbytes(random.choice([0, 10, 20_000, 1_500_000])) for _ in range(count)]
    store.put_many([(io.BytesIO(content), FileExpectation(size=len(content))) for content in contents])
    print("stored", flush=True)
"""


def start(root, seed, rounds, count=30):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, root, str(seed), str(rounds), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    child.stdin.write("go\n")
    child.stdin.flush()
    return child


def verify_all(root):
    """Hash every file under blobs/, whatever its name; return how many there are."""
    files = [path for path in (root / "blobs").rglob("*") if path.is_file()]
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        assert path.parent.name == path.name[:2]
    return len(files)


def test_processes_publish_the_same_blobs_at_once(tmp_path):
    """Processes that share a folder and store the same bytes all succeed, and every blob stands once, whole."""
    children = [start(tmp_path, seed=7, rounds=3) for _ in range(3)]
    for child in children:
        answer, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        assert answer.count("stored") == 3
    assert verify_all(tmp_path) > 60
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_killed_process_leaves_only_whole_blobs(tmp_path):
    """Killed at any moment of put_many, a process leaves nothing under blobs/ that is not whole; the rest is swept."""
    for turn in range(150):
        child = start(tmp_path, seed=1000 * turn, rounds=100)
        time.sleep(0.01 + 0.013 * (turn % MOMENTS))
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=30)
        assert child.returncode == -signal.SIGKILL
        verify_all(tmp_path)
        left_behind = len(list((tmp_path / "staging").iterdir()))
        # On a machine that is busy few moments are ones in which it writes.
        if turn >= MOMENTS - 1 and left_behind:
            break
    assert verify_all(tmp_path) > 0
    assert left_behind > 0, "no kill hit put_many: this test means nothing"
    store = FileStore(tmp_path)
    assert store.remove_staging(before_ms=2**52) == left_behind
    assert list((tmp_path / "staging").iterdir()) == []
    assert sum(1 for _ in store.blobs()) == verify_all(tmp_path)
