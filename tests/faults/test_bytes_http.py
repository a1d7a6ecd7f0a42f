"""Bytes over HTTP with a server of its own: its memory, and what becomes of an upload when it is killed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

import herdbook
from herdbook.adapters.http_registry import sending
from herdbook.client import register_model
from herdbook.client.download import download_artifacts
from herdbook.errors import UnavailableError
from herdbook.testing.samples import SIGNATURE

COMMAND = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", "serve", "--json")
MIB = 1024 * 1024
LARGE = 300 * MIB
MODEL = "main.default.iris"
ROOM = 64 * MIB
"""How much a server may grow while a file goes through it that is several times as large."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory of a process")


@contextmanager
def serving(folder):
    env = {key: value for key, value in os.environ.items() if not key.startswith("HERDBOOK_")}
    command = [*COMMAND, str(folder), "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = json.loads("".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}")
            yield said["url"], process
        finally:
            process.kill()
            process.wait(30)


def peak(process):
    """Return the most memory that a process has held, in bytes."""
    told = Path(f"/proc/{process.pid}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) * 1024


def write(path, size):
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for number in range(size // MIB):
            block = hashlib.sha256(str(number).encode()).digest() * (MIB // 32)
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()


def test_the_servers_memory_stays_flat(tmp_path):
    """A file many times as large as what it may grow by goes up and comes down."""
    folder = tmp_path / "model"
    folder.mkdir()
    sha256 = write(folder / "weights.bin", LARGE)
    with serving(tmp_path / "registry") as (url, process), herdbook.connect(url) as registry:
        registry.create_registered_model(MODEL)
        before = peak(process)
        version = register_model(folder, MODEL, registry=registry, signature=SIGNATURE)
        download_artifacts(version.ref, tmp_path / "down", registry=registry)
        assert peak(process) - before < ROOM
    with (tmp_path / "down" / "weights.bin").open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def test_an_upload_goes_on_with_a_new_server(tmp_path, monkeypatch):
    """Its server is killed between two files: the same key goes on with the same version, and sends what is missing."""
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(3):
        (folder / f"weights-{number}.bin").write_bytes(bytes([number]) * 2 * MIB)
    monkeypatch.setattr(sending, "CONNECTIONS", 1)
    monkeypatch.setattr("herdbook.adapters.http_registry.repeating.FIRST_PAUSE_S", 0.01)
    plain, sent, killed = sending.Sending._one, [], []

    def one(self, upload):
        if len(sent) == 2 and not killed:
            killed.append(process.pid)
            process.kill()
            process.wait(30)
        entry = plain(self, upload)
        sent.append(upload.file.path)
        return entry

    monkeypatch.setattr(sending.Sending, "_one", one)
    asked = {"signature": SIGNATURE, "idempotency_key": "once"}
    with serving(tmp_path / "registry") as (url, process), herdbook.connect(url) as registry:
        with pytest.raises(UnavailableError):
            register_model(folder, MODEL, registry=registry, **asked)
        assert len(sent) == 2
    with serving(tmp_path / "registry") as (url, process), herdbook.connect(url) as registry:
        assert registry.get_model_version(f"{MODEL}/1").status.value == "PENDING_REGISTRATION"
        version = register_model(folder, MODEL, registry=registry, **asked)
        assert (version.version, version.status.value) == (1, "READY")
        assert sorted(sent) == [f"weights-{number}.bin" for number in range(3)]
        assert len(registry.list_model_versions(MODEL).items) == 1
